"""Dense parameters made small before they are stored: folded batch-norm, narrow floats, integers.

Both change the model a little, so whoever uses them measures it again. On small networks this wins
more than any mask codec: ResNet-32's batch-norm takes a third of its masks' bytes at density 0.5.
"""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pemn_compress.errors import UnknownNameError
from pemn_compress.format.archive import DenseTensor
from pemn_compress.format.archive.contents import Content
from pemn_compress.storing.integers import quantize
from pemn_compress.storing.tensors import as_array

DENSE_DTYPES = {"float32": None, "float16": "f16", "bfloat16": "bf16", "int8": "i8"}
LEAST_INTEGERS = 16  # elements of a tensor: of fewer, a scale takes what they save
_DIVISORS = "running_var"  # what is divided by is not made 0
_TORCH = {"f16": torch.float16, "bf16": torch.bfloat16}


def check_dense_dtype(name: str) -> None:
    """Refuse a dense dtype that does not exist."""
    if not isinstance(name, str) or name not in DENSE_DTYPES:
        raise UnknownNameError("dense dtype", name, DENSE_DTYPES)


# in evaluation mode both compute what fold_batchnorm rewrites; a forward of a user's own may not
_FORWARDS = (_BatchNorm.forward, nn.SyncBatchNorm.forward)


def foldable(model: nn.Module, keep: Collection[str] = ()) -> list[tuple[str, _BatchNorm]]:
    """Return the names and modules of the batch-norms that can be rewritten as scale and shift.

    Those with learned weight and bias, and running statistics, all float32 and the layer's own: not
    shared with another module, and none of the tensors in `keep`, such as masked ones.
    """
    users: dict[int, int] = {}
    for module in model.modules():
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                users[id(tensor)] = users.get(id(tensor), 0) + 1
    found = []
    for name, module in model.named_modules():
        if not isinstance(module, _BatchNorm) or type(module).forward not in _FORWARDS:
            continue
        if "forward" in vars(module) or module._forward_hooks or module._forward_pre_hooks:
            continue
        held = [getattr(module, leaf) for leaf in _VECTORS]
        if any(t is None or t.dtype != torch.float32 or users[id(t)] > 1 for t in held):
            continue
        prefix = f"{name}." if name else ""
        if not any(f"{prefix}{leaf}" in keep for leaf in _VECTORS):
            found.append((name, module))
    return found


_VECTORS = ("weight", "bias", "running_mean", "running_var")


@torch.no_grad()
def fold_batchnorm(
    model: nn.Module, state: Mapping[str, Tensor] | None = None, keep: Collection[str] = ()
) -> int:
    """Rewrite the four vectors of every batch-norm as a scale and a shift; return how many.

    In evaluation mode a batch-norm computes (x - mean) / sqrt(var + eps) x weight + bias. The new
    weight and bias do the whole of it, mean becomes 0 and var 1 - eps: constants, which an archive
    stores in a few bytes. The model means the same up to rounding, but it can no longer be trained
    on. Layers that are not `foldable` are left alone.

    What is rewritten is `state`, a state dict of the model, in place; by default the model's own.
    """
    state = model.state_dict() if state is None else state
    layers = foldable(model, keep)
    for name, module in layers:
        prefix = f"{name}." if name else ""
        weight, bias, mean, var = (state[f"{prefix}{leaf}"] for leaf in _VECTORS)
        scale = weight.double() / (var.double() + module.eps).sqrt()
        shift = bias.double() - mean.double() * scale
        mean.zero_()
        var.fill_(1 - module.eps)
        # what is left of the division is undone too: float32(1 - eps) + eps is not quite 1
        weight.copy_(scale * (var.double() + module.eps).sqrt())
        bias.copy_(shift)
        count = state.get(f"{prefix}num_batches_tracked")
        if count is not None:
            count.zero_()
    return len(layers)


@torch.no_grad()
def round_dense(
    model: nn.Module | Mapping[str, Tensor], masked: Collection[str], dense_dtype: str
) -> None:
    """Round all float32 state but the masked tensors to a narrower dtype, nearest even, in place.

    `model` is a module or a state dict. A tensor that would overflow stays as it is.
    """
    store_dense(model.state_dict() if isinstance(model, nn.Module) else model, masked, dense_dtype)


@torch.no_grad()
def store_dense(
    state: Mapping[str, Tensor], masked: Collection[str], dense_dtype: str
) -> dict[str, Content]:
    """Round as `round_dense` does; return what an archive holds of the tensors that were rounded.

    "int8" makes integers from -127 to 127 times one scale per tensor, the largest |value| / 127.
    Tensors of fewer than 16 elements become float16, and so do batch-norm's running variances: what
    is divided by must not become 0. A tensor whose elements are all alike stays as it is. A tensor
    under several names is rounded once.
    """
    check_dense_dtype(dense_dtype)
    contents: dict[str, Content] = {}
    seen: set[int] = set()
    for name, tensor in state.items():
        if name in masked or not isinstance(tensor, Tensor) or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        kept = _stored(name, tensor, dense_dtype)
        if kept is not None:
            contents[name] = kept
    return contents


def _stored(name: str, tensor: Tensor, dense_dtype: str) -> Content | None:
    if dense_dtype == "int8":
        if tensor.dtype != torch.float32 or bool((tensor == tensor.flatten()[:1]).all()):
            return None
        if tensor.numel() >= LEAST_INTEGERS and not name.endswith(_DIVISORS):
            whole = bool(tensor.isfinite().all())
            return quantize(name, tensor, by_channel=False) if whole else None
        dense_dtype = "float16"
    narrow = narrowed(tensor, dense_dtype)
    return None if narrow is None else DenseTensor(name, "f32", as_array(tensor), narrow)


@torch.no_grad()
def narrowed(tensor: Tensor, dense_dtype: str) -> str | None:
    """Round a float32 tensor in place to a narrower dtype, nearest even; return that dtype's code.

    None, and nothing done, where the tensor is not float32 or would overflow.
    """
    code = DENSE_DTYPES[dense_dtype]
    if code not in _TORCH or tensor.dtype != torch.float32:
        return None
    rounded = tensor.to(_TORCH[code]).to(torch.float32)
    if not torch.equal(rounded.isfinite(), tensor.isfinite()):
        return None
    tensor.copy_(rounded)
    return code
