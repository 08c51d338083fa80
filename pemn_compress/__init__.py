"""Parameter-efficient masking networks as a compression toolkit and a file format.

A few verbs: `MaskedModel` trains masks over fixed random weights in any nn.Module; `save` and
`load` move it through a `.pemn` archive; `compress` and `restore` do the whole road; `report`,
`inspect` and `verify` look at archives, and need no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pemn_compress.errors import PemnError
from pemn_compress.version import __version__

if TYPE_CHECKING:
    from pemn_compress.analysis import compare
    from pemn_compress.architecture import build
    from pemn_compress.archive import inspect, open_archive, verify
    from pemn_compress.archive import open_archive as open
    from pemn_compress.compressing import compress
    from pemn_compress.exporting import restore
    from pemn_compress.importing import import_checkpoint
    from pemn_compress.loading import load
    from pemn_compress.masked_model import MaskedModel
    from pemn_compress.packing import save
    from pemn_compress.pruned_model import PrunedModel
    from pemn_compress.reporting import report

# name -> module; looked up on first use, so that importing the package does not import torch
_HOMES = {
    "MaskedModel": "masked_model",
    "PrunedModel": "pruned_model",
    "build": "architecture",
    "compare": "analysis",
    "compress": "compressing",
    "import_checkpoint": "importing",
    "inspect": "archive",
    "load": "loading",
    "open": "archive",
    "open_archive": "archive",
    "report": "reporting",
    "restore": "exporting",
    "save": "packing",
    "verify": "archive",
}

__all__ = [
    "MaskedModel",
    "PemnError",
    "PrunedModel",
    "__version__",
    "build",
    "compare",
    "compress",
    "import_checkpoint",
    "inspect",
    "load",
    "open",
    "open_archive",
    "report",
    "restore",
    "save",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES[name]}")
    return getattr(home, "open_archive" if name == "open" else name)


def __dir__() -> list[str]:
    return sorted(__all__)
