"""Parameter-efficient masking networks as a compression toolkit and a file format."""

from pemn_compress.version import __version__

__all__ = ["__version__"]
