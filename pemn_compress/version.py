"""The package's version; the archive format has its own (archive/layout.py)."""

__version__ = "0.1.0"
