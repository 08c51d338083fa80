"""Make the table of `normal16` with integers alone, as section 5.2 of SPEC.md says, in a second.

    python format_spec/examples/make_table.py        # print the digest of its upper half
    python format_spec/examples/make_table.py FILE   # write that half: 32,768 binary32

Nothing but Python is needed. Numbers are fixed-point, with 128 bits behind the point.
"""

import hashlib
import sys
from math import isqrt
from pathlib import Path

BITS = 128
ONE = 1 << BITS
HALF = 1 << 15  # entries
PI = 0x3243F6A8885A308D313198A2E03707344  # floor(pi x 2^128)
DENSITY_AT_0 = isqrt(ONE**3 // (2 * PI))  # 1 / sqrt(2 pi)


def distribution(z: int) -> tuple[int, int]:
    """Return the normal distribution function less 1/2, and the density, at z >= 0."""
    half_square = z * z >> BITS + 1
    power, area, density, j = ONE, 0, 0, 0  # power: (-z^2 / 2)^j / j!
    while power:
        area += power // (2 * j + 1)
        density += power
        j += 1
        power = -(power * half_square >> BITS) // j
    return (area * z >> BITS) * DENSITY_AT_0 >> BITS, density * DENSITY_AT_0 >> BITS


def quantiles() -> list[int]:
    """Return Q((2k + 1) / 2^17) for k from 32768 on, each by Newton's method from the last one."""
    z, found = 0, []
    for k in range(HALF, 2 * HALF):
        target = 2 * k + 1 - 2 * HALF << BITS - 17
        step = ONE
        while abs(step) >> BITS // 2:  # a step below 2^-64 leaves an error of some 2^-128
            area, density = distribution(z)
            step = (target - area << BITS) // density
            z += step
        found.append(z)
    return found


def binary32(z: int) -> tuple[int, float]:
    """Return the bits of the binary32 nearest to z, and how far z is from a tie, in its ulps."""
    shift = z.bit_length() - 24
    kept, rest = z >> shift, z & (1 << shift) - 1
    tie = 1 << shift - 1
    kept += rest > tie
    exponent = shift - BITS + 23 + 127
    return (exponent - 1 << 23) + kept, abs(rest - tie) / (1 << shift)


def upper_half() -> tuple[bytes, float, int]:
    """Return T[32768] to T[65535] as little-endian binary32, the nearest tie, and its index."""
    rounded = [binary32(z) for z in quantiles()]
    nearest, index = min((distance, k) for k, (_, distance) in enumerate(rounded))
    packed = b"".join(bits.to_bytes(4, "little") for bits, _ in rounded)
    return packed, nearest, HALF + index


def main() -> None:
    """Print what was made, and write it where a file is named."""
    packed, nearest, index = upper_half()
    print(f"SHA-256 {hashlib.sha256(packed).hexdigest()}")
    print(f"nearest tie: {nearest:.3g} units in the last place, of T[{index}]")
    for path in sys.argv[1:]:
        Path(path).write_bytes(packed)


if __name__ == "__main__":
    main()
