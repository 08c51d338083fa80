"""How a model is built again: the part of the manifest that names its architecture.

Three kinds: "registered" (a name of `models.ARCHITECTURES` or `torchvision:NAME`, and arguments),
"source" (a model file's `build_model`, its text perhaps in the archive), and "none" (a model that
only its owner can build). All may carry the variants that the papers use: the mode of their
batch-norm layers, and no biases.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pemn_compress import models
from pemn_compress.errors import ModelError, PemnError
from pemn_compress.format.archive import Archive
from pemn_compress.models.bounds import bounded, without_memory
from pemn_compress.models.checks import plain
from pemn_compress.models.modelfile import ModelFile, module_from_source
from pemn_compress.models.seeded import seeded
from pemn_compress.models.structure import first_difference
from pemn_compress.models.variants import apply_variant

_ATTRIBUTE = "pemn_architecture"


def build(
    name: str, *, batchnorm: str = "learned", bias: bool = True, **arguments: object
) -> nn.Module:
    """Build a registered architecture, or a torchvision classifier (`torchvision:resnet18`).

    `batchnorm` is "learned", "frozen" or "non-affine", `bias=False` leaves out the biases of
    convolutions and linear layers; the rest are the architecture's own arguments. The module
    remembers how it was built, so that an archive of it restores without further help.

    Raises UnknownNameError, or SettingError for an argument that does not fit.
    """
    model = apply_variant(models.build(name, arguments), batchnorm=batchnorm, bias=bias)
    return remember(
        model,
        {
            "kind": "registered",
            "name": name,
            "arguments": models.recorded(arguments),
            "batchnorm": batchnorm,
            "bias": bias,
        },
    )


def build_from_file(
    file: ModelFile,
    *,
    build_seed: int = 0,
    batchnorm: str = "learned",
    bias: bool = True,
    **arguments: object,
) -> nn.Module:
    """Build a model file's model and let it remember how.

    What its constructor draws from the global generators of torch, numpy and Python is a function
    of `build_seed`, which an archive records: whoever restores it builds with the same. The random
    state of the caller is left as it was. Raises ModelError.
    """
    with seeded(build_seed):
        model = apply_variant(file.build(**plain(arguments)), batchnorm=batchnorm, bias=bias)
    return remember(
        model,
        {
            "kind": "source",
            "name": file.path.name,
            "entry": file.entry,
            "arguments": plain(arguments),
            "batchnorm": batchnorm,
            "bias": bias,
            "seed": f"{build_seed:x}",
        },
    )


def remember(model: nn.Module, architecture: Mapping[str, Any]) -> nn.Module:
    """Leave the architecture on the module as a plain attribute, and return the module."""
    setattr(model, _ATTRIBUTE, dict(architecture))
    return model


def architecture_of(model: nn.Module) -> dict[str, Any]:
    """Return what `build` left on the module, or the kind "none" with the class's name."""
    left = getattr(model, _ATTRIBUTE, None)
    return dict(left) if left else unknown_architecture(model)


def unknown_architecture(model: nn.Module) -> dict[str, Any]:
    """Return what an archive says of a model that only its owner can build."""
    return {"kind": "none", "name": type(model).__name__}


def change_since_build(model: nn.Module) -> str | None:
    """Return in words how a registered model differs from what `build` made; None: it does not.

    Whoever changes a layer of it has another model than its name says. What a state dict holds is
    not compared: that is what training changes.
    """
    told = architecture_of(model)
    if told["kind"] != "registered":
        return None
    variant = {key: told[key] for key in ("batchnorm", "bias") if key in told}
    arguments = told["arguments"]
    try:
        anew = without_memory(lambda: build(told["name"], **variant, **arguments))
    except PemnError as error:  # what `remember` was told is the caller's own
        return str(error)
    return first_difference(anew, model)


def build_from_archive(
    archive: Archive, *, trust_source: bool, check: Callable[[nn.Module], None]
) -> nn.Module:
    """Build the untrained model that an archive describes.

    Only a registered architecture is built without `trust_source`, and first without memory (on
    torch's meta device): the arguments are a stranger's, so `check` sees that they fit the
    archive's tensors before they allocate anything. If the archive holds all that such a model
    needs it stays like that, to be given the restored tensors. Raises ModelError, saying what would
    help.
    """
    told = archive.manifest.architecture
    kind, name = told.get("kind"), str(told.get("name"))
    arguments = told.get("arguments", {})
    variant = {key: told[key] for key in ("batchnorm", "bias") if key in told}
    try:
        if kind == "registered":
            if not isinstance(arguments, Mapping):
                raise TypeError
            arguments = models.recorded(arguments)
            with bounded(archive, f"architecture {name!r}"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of sizes that make no sense
                model, arguments = _compared(name, variant, arguments, check)
            if _is_all_state(model):
                return model
            return build(name, **variant, **arguments)
        if kind == "source":
            file = source_file(archive, trust_source=trust_source)
            return build_from_file(file, build_seed=seed_of(told), **variant, **arguments)
    except ModelError as error:
        text = str(error)
        raise ModelError(
            text if text.startswith(archive.name) else f"{archive.name}: {text}"
        ) from None
    except PemnError as error:
        raise ModelError(f"{archive.name}: architecture {name!r}: {error}") from None
    except NotImplementedError:
        raise ModelError(
            f"{archive.name}: architecture {name!r} cannot be built without memory, so that its "
            "tensors could be compared first; give the model to fill (--model model.py, or "
            "load(..., model=...))"
        ) from None
    except TypeError:
        raise ModelError(
            f"{archive.name}: architecture {name!r}: arguments that no builder takes"
        ) from None
    raise ModelError(
        f"{archive.name}: does not say how to build its model ({name}); give the model to fill "
        "(--model model.py, or load(..., model=...)), or restore a state dict (.safetensors, .pt)"
    )


def _compared(
    name: str,
    variant: Mapping[str, Any],
    arguments: Mapping[str, Any],
    check: Callable[[nn.Module], None],
) -> tuple[nn.Module, dict[str, Any]]:
    """Build on the meta device by the first reading of the arguments that passes the check."""
    refused = None
    for reading in models.readings(name, arguments):
        model = without_memory(partial(build, name, **variant, **reading))
        try:
            check(model)
        except PemnError as error:
            refused = refused or error
        else:
            return model, reading
    assert refused is not None  # there is a first reading
    raise refused


def seed_of(told: Mapping[str, Any]) -> int:
    """Return the seed that a model file's model was built with; archives before 0.2 have none."""
    text = told.get("seed", "0")
    if not (isinstance(text, str) and re.fullmatch("[0-9a-f]{1,16}", text)):
        raise ModelError(f"architecture: expected a seed of up to 16 hex digits, got {text!r:.40}")
    return int(text, 16)


def _is_all_state(model: nn.Module) -> bool:
    """Return whether a state dict holds every tensor of the model."""
    persistent = model.state_dict(keep_vars=True)
    held = {id(tensor) for tensor in persistent.values()}
    for module in model.modules():
        found = [*vars(module).values(), *module._buffers.values()]
        if any(isinstance(value, Tensor) and id(value) not in held for value in found):
            return False
    return True


def source_file(archive: Archive, *, trust_source: bool) -> ModelFile:
    """Run the model file that travels in an archive, and return it.

    Raises ModelError when there is none, or without `trust_source`.
    """
    told = archive.manifest.architecture
    name, entry = str(told.get("name")), str(told.get("entry"))
    source = archive.source()
    if source is None:
        raise ModelError(
            f"its model file {name!r} did not travel with it; give it (--model {name}, or "
            "load(..., model=...)), or restore a state dict (.safetensors, .pt)"
        )
    if not trust_source:
        raise ModelError(
            f"it is built by running the model file {name!r} inside it; if you trust whoever wrote "
            "it pass --trust-source, else --model FILE.py, or restore a state dict "
            "(.safetensors, .pt)"
        )
    path = Path(f"{archive.name}/{name}")
    return ModelFile(path, entry, source, module_from_source(source, str(path)))
