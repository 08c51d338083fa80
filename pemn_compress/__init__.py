"""Parameter-efficient masking networks as a compression toolkit and a file format.

A few verbs: `MaskedModel` trains masks over fixed random weights in any nn.Module; `save` and
`load` move it through a `.pemn` archive; `compress` and `restore` do the whole road; `report`,
`inspect` and `verify` look at archives, and need no torch.

The names, and where each is defined, stand in `__init__.pyi`; each is loaded when it is first used.
"""

from typing import Any

import lazy_loader

from pemn_compress import earlier

earlier.keep_paths()
_named, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    try:
        return _named(earlier.RENAMED.get(name, name))
    except ModuleNotFoundError as error:
        from pemn_compress.errors import NEEDS_TORCH, needs_torch

        if not needs_torch(error):
            raise
        raise ModuleNotFoundError(f"pemn_compress.{name} {NEEDS_TORCH}", name=error.name) from None
    except AttributeError as error:
        if name.startswith("_"):  # which many look for
            raise
        from pemn_compress.errors import did_you_mean

        raise AttributeError(f"{error}{did_you_mean(name, __all__)}", name=name) from None
