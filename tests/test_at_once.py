"""The GPU's kernels, run by Triton's interpreter on the CPU, against one tensor after the other."""

import os
import subprocess
import sys

import pytest

CHECK = """
import torch
from pemn_compress.masking import at_once
from pemn_compress.masking.straight_through import Fill, straight_through
from pemn_compress.masking.top import top_mask, top_signed

generator = torch.Generator().manual_seed(0)
shapes = [(7, 3, 3), (1,), (4500,), (12, 300)]
for ties in (False, True):
    scores = [torch.randn(shape, generator=generator) for shape in shapes]
    if ties:
        scores = [(score * 2).round() / 2 for score in scores]
    scores[2][0] = -0.0
    counts = [20, 1, 1700, 3600]
    values = torch.randn(37, generator=generator)
    fills = [Fill(values, 5 * i, 0.1 * (i + 1)) for i in range(len(shapes))]
    for signed in (False, True):
        top = top_signed if signed else top_mask
        ours = [score.clone().requires_grad_() for score in scores]
        theirs = [score.clone().requires_grad_() for score in scores]
        expected = [
            straight_through(theirs[i], top(theirs[i], counts[i]), fills[i], magnitude=not signed)
            for i in range(len(shapes))
        ]
        got = at_once.weights_at_once(ours, counts, fills, signed=signed)
        for a, b in zip(got, expected, strict=True):
            assert a.shape == b.shape
            assert torch.equal(a.view(torch.int32), b.view(torch.int32))
        masks = at_once.masks_at_once(ours, counts, signed=signed)
        for i, mask in enumerate(masks):
            assert torch.equal(mask, top(scores[i], counts[i]))
        for weights in (got, expected):  # the second is reached by no loss
            (weights[0].sum() + (weights[2] ** 2).sum() + weights[3].sum()).backward()
        for a, b in zip(ours, theirs, strict=True):
            assert (a.grad is None) == (b.grad is None)
            assert a.grad is None or torch.equal(a.grad, b.grad)
print("done")
"""


@pytest.mark.long
def test_all_tensors_at_once_are_as_one_after_the_other():
    pytest.importorskip("triton")
    run = subprocess.run(
        [sys.executable, "-c", CHECK],
        env=os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stdout == "done\n", run.stderr
