"""Scores to masks: the exact top, within a tensor by magnitude or by sign, or across all tensors.

Exactly as many ones as were asked for, whatever the ties: among equals the lower index (C order) is
kept. Selection, not sorting: linear in the number of scores.
"""

from pemn_compress.masking.top.across import top_global
from pemn_compress.masking.top.magnitude import top_mask
from pemn_compress.masking.top.signed import top_signed

__all__ = ["top_global", "top_mask", "top_signed"]
