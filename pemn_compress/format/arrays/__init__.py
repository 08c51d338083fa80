"""For people who have arrays, not models: archives of them, and files that other tools open."""

from pemn_compress.format.arrays.decoding import decode
from pemn_compress.format.arrays.encoding import Seeded, encode

__all__ = ["Seeded", "decode", "encode"]
