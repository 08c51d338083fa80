"""Training on many devices: who we are among the ranks that torchrun started, and what they share.

Every rank builds the same model, steps on its part of every batch with DistributedDataParallel,
and ends with the same parameters; rank 0 alone writes files and prints. Batch normalisation uses
the statistics of a rank's own part while training, as DistributedDataParallel does; the running
statistics are averaged over the ranks at the end of every epoch.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

# DistributedDataParallel imports it when the ranks have met, and the defaults of its functions then
# hold the group for ever: gloo's threads outlive it, and one that lets go of a tensor while the
# interpreter ends aborts a process that had done its work.
import torch.distributed.nn.functional
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.parallel import DistributedDataParallel

from pemn_compress.data.ranks import World, world
from pemn_compress.errors import TrainingError

# For a rank that hangs; one that dies ends the others at once. Compiling may take minutes.
TIMEOUT = timedelta(minutes=10)
_LOST = ("connection closed", "connection reset", "connection refused", "timed out", "nccl", "gloo")


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Meet the other ranks, if there are any, and part from them at the end.

    Raises TrainingError when another rank is lost.
    """
    here = world()
    if here.size == 1:
        yield here
        return
    own = not dist.is_initialized()
    try:
        if own:
            _meet(device, here)
        yield here
        if own:
            dist.barrier()  # none takes its connections down while another still talks
    except RuntimeError as error:
        if not is_lost(error):
            raise
        reason = (str(error).splitlines() or [""])[0]
        raise TrainingError(
            f"rank {here.rank} of {here.size}: another rank was lost, its own message says why "
            f"({reason}); the same command goes on from the checkpoint, if there is one"
        ) from None
    finally:
        if own and dist.is_initialized():
            dist.destroy_process_group()


def _meet(device: torch.device, here: World) -> None:
    try:
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=TIMEOUT)
    except Exception as error:  # of many kinds: no port, no network, no backend
        address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT', 'no port')}"
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrainingError(
            f"rank {here.rank} of {here.size}: cannot meet the other ranks at {address}: {reason}"
        ) from None


def is_lost(error: BaseException) -> bool:
    """Tell whether an error says that another rank is gone."""
    text = str(error).lower()
    return (
        world().size > 1 and isinstance(error, RuntimeError) and any(word in text for word in _LOST)
    )


def parallel(
    model: nn.Module, device: torch.device, here: World, *, some_unused: bool = False
) -> nn.Module:
    """Return the model as every rank trains it: parameters and buffers start as rank 0's.

    `some_unused` says that not every parameter gets a gradient in every step.
    """
    if here.size == 1:
        return model
    for buffer in model.buffers():
        _share(buffer)
    devices = [device] if device.type == "cuda" else None
    with warnings.catch_warnings():  # newer versions of torch want another word for it
        warnings.simplefilter("ignore", FutureWarning)
        return DistributedDataParallel(
            model,
            device_ids=devices,
            broadcast_buffers=False,
            find_unused_parameters=some_unused,
        )


def _share(buffer: Tensor) -> None:
    """Make a tensor, whatever its kind and its strides, rank 0's."""
    if buffer.numel():
        plain = torch.view_as_real(buffer.resolve_conj()) if buffer.is_complex() else buffer
        sent = plain.contiguous().clone()
        dist.broadcast(sent, 0)
        with torch.no_grad():
            plain.copy_(sent)


def average_statistics(model: nn.Module, here: World) -> None:
    """Make the running statistics of normalisation layers the mean over all ranks."""
    for module in model.modules() if here.size > 1 else ():
        if isinstance(module, _NormBase) and module.running_mean is not None:
            for statistic in (module.running_mean, module.running_var):
                assert statistic is not None
                dist.all_reduce(statistic)
                statistic /= here.size


def mean_over_ranks(value: Tensor, here: World) -> Tensor:
    """Return the mean of every rank's `value`."""
    if here.size > 1:
        dist.all_reduce(value)
        value = value / here.size
    return value


def from_rank_0(value: Any, here: World) -> Any:
    """Return rank 0's `value`, any picklable one, on every rank."""
    if here.size == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box)
    return box[0]
