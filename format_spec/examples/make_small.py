"""Make smallest.pemn and small.pemn, which SPEC.md shows byte by byte, and compact.pemn.

    python format_spec/examples/make_small.py          # print their sizes and restored tensors
    python format_spec/examples/make_small.py --write  # write them beside this file

smallest.pemn has one tensor and a mask of one byte, and is not compressed, so that it can be read
as it is. In small.pemn the manifest and one tensor are zstd-compressed, so another version of
libzstd may write other bytes that mean the same; the committed file came from libzstd 1.5.7.
compact.pemn has the contents of small.pemn in the compact form of version 1.1.
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

FOLDER = Path(__file__).parent
SEED = 42
MASK = np.array([[0, 1, 1, 0], [1, 0, 0, 1]], np.bool_)
RAMP = (1 + np.arange(20) / 32).astype(np.float32)  # 0x3f800000, 0x3f840000, ...: shuffles well


def make_smallest(*, compress: bool = False) -> bytes:
    """Return the bytes of the archive with one masked tensor, of eight values of a seed."""
    return encode(
        [MaskedTensor("w", "f32", MASK.reshape(8), offset=0, scale=1.0)],
        Prototype("normal16", prng.normal16(SEED, 0, 8), SEED),
        compress=compress,
    )


def make(*, compact: bool = False) -> bytes:
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
        compact=compact,
    )


def main() -> None:
    """Print what was made, and write it when asked to."""
    made = {"smallest.pemn": make_smallest(), "small.pemn": make()}
    for name, packed in (made | {"compact.pemn": make(compact=True)}).items():
        if "--write" in sys.argv[1:]:
            (FOLDER / name).write_bytes(packed)
        with open_archive(packed) as archive:
            digest = archive.manifest.restored_sha256
            print(f"{name}: {len(packed)} bytes, restored SHA-256 {digest}")
            for tensor, array in archive.restored().items():
                print(" ", tensor, array.tolist())


if __name__ == "__main__":
    main()
