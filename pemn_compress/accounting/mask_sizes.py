"""How many bytes a mask takes: expected of the codecs, and at least by information theory."""

import math

_EXACT_UP_TO = 64


def expected_mask_bytes(numel: int, ones: float) -> int:
    """Return the payload bytes to expect for a mask of independent bits, bitmap or Rice.

    The gaps between the c rarer symbols are taken as geometric, with the mean (n - c) / (c + 1)
    that c symbols at random places have. A Rice code of parameter k spends 1 + k bits on a gap,
    and one more whenever it is at least 2^k, 2 * 2^k, ...; the best k for geometric gaps is in
    closed form (Kiely, "Selecting the Golomb parameter in Rice coding", 2004, eq. 8).
    """
    bitmap = -(-numel // 8)
    coded = min(ones, numel - ones)
    if coded <= 0:
        return min(bitmap, 1)  # Rice: the header byte alone
    stop = math.log1p(-(coded + 1) / (numel + 1))  # log of the chance that a gap goes on
    golden = math.log((math.sqrt(5) - 1) / 2)
    parameter = max(0, 1 + math.floor(math.log2(golden / stop)))
    overflows = 1 / math.expm1(-stop * 2**parameter)
    rice = 1 + math.ceil(coded * (1 + overflows) / 8) + math.ceil(coded * parameter / 8)
    return min(bitmap, rice)


def mask_limit_bits(numel: int, ones: int) -> float:
    """Return log2 C(numel, ones): the bits that tell one mask from all others with as many ones."""
    rarer = min(ones, numel - ones)
    if rarer < _EXACT_UP_TO:  # where the difference of large lgammas would lose digits
        return math.log2(math.comb(numel, rarer))
    logs = math.lgamma(numel + 1) - math.lgamma(rarer + 1) - math.lgamma(numel - rarer + 1)
    return logs / math.log(2)
