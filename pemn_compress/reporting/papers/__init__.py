"""What papers publish, as data: one JSON file for each, one figure a line. Facts only.

A file is {"paper", "title", "figures": [FIGURE, ...]}; the keys of a FIGURE are the fields of
`Published` but for `paper`. Figures are fractions (0.8931, not 89.31); null stands for what the
paper does not tell, or what its row does not ask of a run.
"""

from pemn_compress.reporting.papers.published import Published, published

__all__ = ["Published", "published"]
