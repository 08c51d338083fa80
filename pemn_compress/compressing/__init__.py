"""The verbs that string everything together: `compress`, `evaluate`."""

import lazy_loader

# the command line asks the room's torch-free modules for settings, and must not load torch for it
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"verb": ["compress"], "rehearsal": ["rehearse"], "measuring": ["evaluate"]},
)
