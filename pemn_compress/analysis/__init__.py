"""What masks are like: how much those of several archives agree, and which weights they keep.

Everything is worked out from archives, in numpy alone.
"""

from pemn_compress.analysis.comparing import Comparison, compare
from pemn_compress.analysis.norms import Norms, norms
from pemn_compress.analysis.similarity import Overlap, implied_jaccard, pooled

__all__ = [
    "Comparison",
    "Norms",
    "Overlap",
    "compare",
    "implied_jaccard",
    "norms",
    "pooled",
]
