"""What `pemn run` prints of a model's outputs: numbers, or classes, and nothing that breaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pemn_compress.reporting.outputs import LIKELY, ROWS, shown_output

NAMES = ("cat", "dog", "e\x1b[31ml", "fox")


def test_likeliest_classes_are_what_a_softmax_makes_of_them() -> None:
    scores = np.log(np.array([[0.5, 0.3, 0.05, 0.15], [0.1, 0.2, 0.6, 0.1]], np.float32))
    assert list(shown_output("y", scores, NAMES)) == [
        "y: float32 (2, 4), -2.99573 to -0.510826",
        "  0: cat 50.0%, dog 30.0%, fox 15.0%",
        r"  1: e\x1b[31ml 60.0%, dog 20.0%, cat 10.0%",
    ]


@pytest.mark.parametrize(
    ("array", "line"),
    [
        (np.arange(3), "  0, 1, 2"),
        (np.arange(20.0), "  0, 1, 2, 3, 4, 5, 6, 7, ..."),
        (np.array(2.5, np.float16), "  2.5"),
        (np.array([[True, False]]), "  1, 0"),
        (np.array([[np.nan, np.inf, 0, 0]]), "  0: not all numbers are finite"),
    ],
)
def test_numbers_where_there_are_no_classes(array: np.ndarray, line: str) -> None:
    assert list(shown_output("y", array, NAMES))[1] == line


def test_long_batches_are_cut() -> None:
    assert list(shown_output("y", np.zeros((1009, 4)), NAMES))[-1] == "  and 1,001 more"


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.float16, np.int8, np.uint64, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    )
)
def test_any_array_comes_to_a_few_printable_lines(array: np.ndarray) -> None:
    lines = list(shown_output("a\nb", array, NAMES))
    assert len(lines) <= ROWS + 2
    assert all(line.isprintable() for line in lines)
    assert max(line.count("%") for line in lines) <= LIKELY
