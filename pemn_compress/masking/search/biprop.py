"""Biprop: a subnetwork of binary weights, +alpha and -alpha, one alpha per tensor.

Source: Diffenderfer and Kailkhura, "Multi-Prize Lottery Ticket Hypothesis", ICLR 2021, algorithm 1;
[IWR] section 2. alpha = ||mask x w||_1 / ||mask||_1, made anew in every forward pass. Its gradient
reaches scores as edge-popup's does, through the weight before it was made binary; alpha has none.
The mask's own ones are counted, where the authors' code divides by an int(k n) that can differ.
"""

from torch import Tensor

from pemn_compress.masking.straight_through import Fill, straight_through


def weight(scores: Tensor, mask: Tensor, fill: Fill, signed: bool) -> Tensor:
    """Return alpha x sign(w) on the mask; dL/ds = dL/dw x w x sign(s), without the last if signed.

    dL/dw is the loss's gradient at the binary weight, w the fixed one it stands for.
    """
    return straight_through(scores, mask, fill, binary=True, magnitude=not signed)
