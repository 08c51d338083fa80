"""How a run uses its machine."""

from dataclasses import dataclass

import torch

from pemn_compress.data.ranks import world
from pemn_compress.errors import SettingError
from pemn_compress.masking.rules.numbers import MOST_PROCESSES
from pemn_compress.training.recipes.numbers import flag, integer


@dataclass(frozen=True)
class Run:
    """How a run uses its machine; nothing here changes what is learned, but for `amp`'s rounding.

    `device` is "auto", a device of torch's ("cpu", "cuda", "cuda:1", "mps") or a torch.device.
    `amp` is bfloat16 autocast; `workers` are processes that load images.

    Raises SettingError for a setting of another kind.
    """

    device: str = "auto"
    amp: bool = False
    compile: bool = False
    channels_last: bool = False
    workers: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.device, torch.device):
            object.__setattr__(self, "device", str(self.device))
        for name in ("amp", "compile", "channels_last"):
            object.__setattr__(self, name, flag(name, getattr(self, name)))
        object.__setattr__(self, "workers", integer("workers", self.workers, 0, MOST_PROCESSES))

    def torch_device(self) -> torch.device:
        """Return the device: "auto" takes a GPU where there is one, each rank its own.

        Raises SettingError for a device that cannot compute here, with those that can.
        """
        if self.device != "auto":
            return _usable(self.device)
        if torch.cuda.is_available():
            here, count = world(), torch.cuda.device_count()
            if here.size > 1 and here.local_rank >= count:
                raise SettingError(
                    f"rank {here.rank} has no GPU of its own: expected at most {count} ranks on "
                    "this machine, or device cpu"
                )
            return torch.device("cuda", here.local_rank) if here.size > 1 else torch.device("cuda")
        return torch.device("cpu")


def _usable(name: str) -> torch.device:
    """Return the device of that name once it has computed something."""
    try:
        device = torch.device(name)
        if device.type != "cpu" or not device.index:  # torch takes cpu:7 for the one CPU
            (torch.zeros(1, device=device) + 1).item()
            return device
    except MemoryError:
        raise
    except Exception as error:  # backends that are not there fail in many ways
        if "out of memory" in str(error):
            reason = str(error).splitlines()[0]
            raise SettingError(f"device {name!r} cannot be used: {reason}") from None
    raise SettingError(
        f"device {name!r} cannot be used: expected one of those here: {', '.join(_devices_here())}"
    )


def _devices_here() -> list[str]:
    """Return the names that this machine has a device for."""
    names = ["auto", "cpu"]
    if torch.cuda.is_available():
        names += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        names.append("mps")
    if torch.xpu.is_available():
        names.append("xpu")
    return names
