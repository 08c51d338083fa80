"""A model as a program that runs without the code that defined it: .pt2 and .onnx.

Each is read back from its bytes and compared with the model before anybody gets them.
"""

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError, OutputError, install
from pemn_compress.format.arrays.contract import KEY
from pemn_compress.storing.culprit import failing_line, guarding_line, parting_line
from pemn_compress.storing.examples import Example
from pemn_compress.storing.outputs import plain, returning, tensors
from pemn_compress.storing.proving import (
    ADVICE,
    TRANSLATED,
    Call,
    Trial,
    prove,
    told_refusal,
    trials,
    without_fastpath,
)

# what torch says of a size that was to vary, and does not
_FIXED = re.compile(r"L\['(\w+)'\][^\n ]*\.size\(\)\[(\d+)\] [^\n]*constant \((\d+)\)")
LARGEST_ONNX = (1 << 31) - 1  # bytes: a protobuf holds no more


@dataclass(frozen=True)
class Program:
    """A program's bytes; its inputs in words, and for what sizes it was compared ("": not)."""

    content: bytes
    inputs: str
    compared: str


def make_program(
    module: nn.Module, example: Example, extension: str, *, contract: str = ""
) -> Program:
    """Return a model in evaluation mode as a program of a format of `PROGRAM_FORMATS`.

    `contract` is a text that the file carries; see `storing/contract.py`.

    Raises ModelError for a model that makes none, or one that computes something else; OutputError
    for a package that is not installed.
    """
    return PROGRAM_FORMATS[extension](module, example, contract)


def _pt2(module: nn.Module, example: Example, contract: str) -> Program:
    tried = trials(module, example)
    with quiet(), returning(module, plain, tried[0].kwargs):
        traced = exported(module, example, tried)
        line = guarding_line(traced)
        _forget_places(traced)
        stream = io.BytesIO()
        try:
            extra = {f"{KEY}.json": contract} if contract else None
            torch.export.save(traced, stream, extra_files=extra)
            stream.seek(0)
            program = torch.export.load(stream).module()
        except Exception as error:  # an operator of the user's own, for one
            raise refusal(module, error) from None

    def call(args: Any, kwargs: Any) -> Any:
        return program(*args, **kwargs)

    return Program(stream.getvalue(), example.told(), prove(call, tried, module, line))


def _onnx(module: nn.Module, example: Example, contract: str) -> Program:
    _check_onnx(module)
    tried = [_tensors_alone(one) for one in trials(module, example)]
    names = [name for name, _ in tried[0].expected]
    if any(one.is_complex() for _, one in tried[0].expected):
        raise ModelError(f"{type(module).__name__}: its outputs are complex, which ONNX has not")
    named = tried[0].kwargs

    def flat(outputs: Any) -> tuple[Tensor, ...]:
        return tuple(tensors(plain(outputs)).values())

    with quiet(), returning(module, flat, named):
        traced = exported(module, example, tried)
        line = guarding_line(traced)
        _forget_places(traced)
        program = traced.module()

        def call(args: Any, kwargs: Any) -> Any:
            return dict(zip(names, program(*args, **kwargs), strict=True))

        compared = prove(call, tried, module, line)
        try:
            made = torch.onnx.export(traced, dynamo=True, verbose=False)
            assert made is not None
            proto = made.model_proto
            _name_outputs(proto, names)
            _name_sizes(proto, example)
            _forget_traces(proto)
            if contract:
                proto.metadata_props.add(key=KEY, value=contract)
            content = bytes(proto.SerializeToString())
        except Exception as error:  # the exporter raises many kinds for what it cannot translate
            raise refusal(module, error) from None
    run = _onnxruntime(content, example, tried)
    if run:
        compared = f"{prove(run, tried, module, line, units=TRANSLATED)}, in onnxruntime too"
    return Program(content, example.told(), compared)


def exported(
    module: nn.Module, example: Example, tried: list[Trial]
) -> torch.export.ExportedProgram:
    """Return torch's trace of a model in evaluation mode, sizes varying as the example says.

    Raises ModelError, with the line of the user's code that it cannot be traced through.
    """
    first = tried[0]

    def trace(shapes: Any) -> torch.export.ExportedProgram:
        return torch.export.export(
            module, first.args, first.kwargs, dynamic_shapes=shapes, strict=False
        )

    with without_fastpath():
        try:
            return trace(example.dynamic_shapes(module))
        except Exception as error:  # torch.export raises many kinds for what it cannot trace
            fixed = _FIXED.search(str(error))
            if "Constraints violated" not in str(error) or not fixed:
                raise refusal(module, error) from None
        other = next((one for one in tried if one.words != first.words), first)
        line = parting_line(
            lambda: module(*first.args, **first.kwargs), lambda: module(*other.args, **other.kwargs)
        )
        if not line:  # sizes that no branch depends on: let torch fix them, and say where
            with contextlib.suppress(Exception):
                line = guarding_line(trace(example.dynamic_shapes(module, fixed=True)))
    name, dim, size = fixed.groups()
    batch = int(dim) == 0 and any(one.batched for one in example.inputs)
    what = f"forward takes {'the batch size' if batch else f'{name}.{dim}'} for a constant ({size})"
    if not batch:
        what += ", or needs it equal to one that cannot vary"
    raise ModelError(told_refusal(module, what, line, fixed=batch))


def refusal(module: nn.Module, error: BaseException) -> ModelError:
    """Return the refusal of a model that makes no program, from what torch raised of it."""
    if isinstance(error, ModelError):
        return error
    line = failing_line(error)
    root = error
    while root.__cause__ is not None:
        root = root.__cause__
    reason = f"{type(root).__name__}: {(str(root).strip().splitlines() or [''])[0][:300]}"
    if "data-dependent" in reason:
        reason = "its forward branches on values that it computes, and a program cannot"
    return ModelError(
        f"{type(module).__name__} cannot be exported as a program: {reason}"
        f"{f' ({line})' if line else ''}; {ADVICE}"
    )


def _forget_places(program: torch.export.ExportedProgram) -> None:
    """Leave out where on this machine the code stands that each operation comes from."""
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)


def _forget_traces(proto: Any) -> None:
    for graph in (proto.graph, *proto.functions):
        for node in graph.node:
            kept = [entry for entry in node.metadata_props if "stack_trace" not in entry.key]
            del node.metadata_props[:]
            node.metadata_props.extend(kept)


def _check_onnx(module: nn.Module) -> None:
    try:
        import onnxscript  # noqa: F401
    except ImportError:
        raise OutputError(f"writing .onnx needs the onnx extra: {install('onnx')}") from None
    held = sum(t.nbytes for t in {id(t): t for t in module.state_dict().values()}.values())
    if held > LARGEST_ONNX:
        raise ModelError(
            f"{type(module).__name__} has {held:,} bytes of state: an .onnx file holds at most "
            f"{LARGEST_ONNX:,}; restore .pt2, or a state dict (.safetensors, .pt)"
        )


def _tensors_alone(trial: Trial) -> Trial:
    held = [(name, one) for name, one in trial.expected if isinstance(one, Tensor)]
    return replace(trial, expected=held)


def _name_outputs(proto: Any, names: list[str]) -> None:
    """Call outputs as the model's forward does, where that name is free."""
    taken = {one.name for one in proto.graph.input} | {one.name for one in proto.graph.initializer}
    for output, name in zip(proto.graph.output, names, strict=True):
        while name in taken:
            name += "_"
        taken.add(name)
        was = output.name
        for node in proto.graph.node:
            for place in (node.input, node.output):
                for number, one in enumerate(place):
                    if one == was:
                        place[number] = name
        for known in proto.graph.value_info:
            if known.name == was:
                known.name = name
        output.name = name


def _name_sizes(proto: Any, example: Example) -> None:
    """Call the sizes that vary by their input and dimension, not by torch's numbers for them."""
    names: dict[str, str] = {}
    for one, given in zip(example.inputs, proto.graph.input, strict=True):
        for dim, size in enumerate(given.type.tensor_type.shape.dim):
            if size.dim_param:
                name = "batch" if one.batched and dim == 0 else f"{given.name}_{dim}"
                names.setdefault(size.dim_param, name)
    for value in (*proto.graph.input, *proto.graph.output, *proto.graph.value_info):
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = re.sub(
                    r"\w+", lambda word: names.get(word[0], word[0]), size.dim_param
                )


def _onnxruntime(content: bytes, example: Example, tried: list[Trial]) -> Call | None:
    """Return an ONNX runtime's call of a model, None where there is none that could run it."""
    try:
        import onnxruntime as ort
    except ImportError:
        return None
    dtypes = [one.dtype for one in example.inputs]
    dtypes += [one.dtype for _, one in tried[0].expected]
    if torch.bfloat16 in dtypes:  # numpy has none to hand over
        return None
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if "NOT_IMPLEMENTED" in str(error):
            return None
        reason = (str(error).splitlines() or [""])[0][:200]
        raise ModelError(f"onnxruntime does not take the .onnx that was made: {reason}") from None
    names = [one.name for one in session.get_inputs()]
    outputs = [one.name for one in session.get_outputs()]
    told = [name for name, _ in tried[0].expected]

    def call(args: Any, kwargs: Any) -> Any:
        given = example.tensors(args, kwargs)
        made = session.run(
            outputs, {name: one.numpy() for name, one in zip(names, given, strict=True)}
        )
        return dict(zip(told, (torch.from_numpy(one) for one in made), strict=True))

    return call


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep to itself what torch prints and logs of its work beside the error that it raises."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


PROGRAM_FORMATS: dict[str, Callable[[nn.Module, Example, str], Program]] = {
    ".pt2": _pt2,
    ".onnx": _onnx,
}
