"""Make small.pemn, the archive that SPEC.md shows byte by byte.

    python format_spec/examples/make_small.py          # print its size and restored tensors
    python format_spec/examples/make_small.py --write  # write small.pemn beside this file

The manifest and one tensor are zstd-compressed, so another version of libzstd may write other bytes
that mean the same; the committed file came from libzstd 1.5.7.
"""

import sys
from pathlib import Path

import numpy as np

from pemn_compress.format import prng
from pemn_compress.format.archive import (
    AliasTensor,
    DenseTensor,
    MaskedTensor,
    Prototype,
    encode,
    open_archive,
)

PATH = Path(__file__).with_name("small.pemn")
SEED = 42
MASK = np.array([[0, 1, 1, 0], [1, 0, 0, 1]], np.bool_)
RAMP = (1 + np.arange(20) / 32).astype(np.float32)  # 0x3f800000, 0x3f840000, ...: shuffles well


def make() -> bytes:
    """Return the bytes of the archive: one masked, two stored, one constant, one tied tensor."""
    return encode(
        [
            MaskedTensor("fc.weight", "f32", MASK, offset=3, scale=0.5**0.5),
            DenseTensor("fc.bias", "f32", np.array([0.25, -1.5], np.float32), narrow="bf16"),
            DenseTensor("norm.weight", "f32", RAMP),
            DenseTensor("steps", "i64", np.array(100, np.int64)),
            AliasTensor("head.weight", "fc.weight"),
        ],
        Prototype("normal16", prng.normal16(SEED, 0, 5), SEED),
        architecture={"kind": "none", "name": "Example"},
        about={"accuracy": 0.5, "writer": "make_small.py"},
    )


def main() -> None:
    """Print what was made, and write it when asked to."""
    packed = make()
    if "--write" in sys.argv[1:]:
        PATH.write_bytes(packed)
    with open_archive(packed) as archive:
        print(f"{len(packed)} bytes, restored SHA-256 {archive.manifest.restored_sha256}")
        for name, array in archive.restored().items():
            print(name, array.tolist())


if __name__ == "__main__":
    main()
