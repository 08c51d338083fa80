"""How a run uses its machine."""

from dataclasses import dataclass

import torch

from pemn_compress.data.ranks import world
from pemn_compress.errors import SettingError


@dataclass(frozen=True)
class Run:
    """How a run uses its machine; nothing here changes what is learned, but for `amp`'s rounding.

    `amp` is bfloat16 autocast; `workers` are processes that load images.
    """

    device: str = "auto"
    amp: bool = False
    compile: bool = False
    channels_last: bool = False
    workers: int = 0

    def torch_device(self) -> torch.device:
        """Return the device: "auto" takes a GPU where there is one, each rank its own.

        Raises SettingError.
        """
        if self.device != "auto":
            try:
                device = torch.device(self.device)
                torch.empty(0, device=device)
            except (RuntimeError, AssertionError) as error:
                reason = str(error).splitlines()[0]
                raise SettingError(f"device {self.device!r} cannot be used: {reason}") from None
            return device
        if torch.cuda.is_available():
            here = world()
            return torch.device("cuda", here.local_rank) if here.size > 1 else torch.device("cuda")
        return torch.device("cpu")
