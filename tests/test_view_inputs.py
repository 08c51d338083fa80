"""What is typed into the page of `pemn view`, or given to it as arrays: taken as `run` takes it."""

import json

import numpy as np
import pytest
import torch
from seen_pages import give, open_archive, open_page, outputs, say, write_archive, write_page
from torch import nn

import pemn_compress
from pemn_compress.errors import DataError

WRONG = "document.getElementById('status').classList.contains('wrong')"


class Kinds(nn.Module):
    """An input of each kind that is told apart: x, half, flags, whole."""

    def __init__(self):
        super().__init__()
        self.zero = nn.Linear(2, 1)

    def forward(self, x, half, flags, whole):
        return (
            0 * self.zero(half.float()).sum(1)
            + x.sum(1)
            + half.float().sum(1)
            + flags.float().sum(1)
            + whole.double().sum(1)
        )


I64 = "whole numbers from -9007199254740991 to 9007199254740991, which i64 is here"
ROWS = "expected numbers in lists, as in [[1, 2.5], [3, 4]], or a .npy file"
TYPED = {
    "x": {
        "[1, 2": ROWS, "1, 2": ROWS,
        "[NaN, 1]": ROWS + ", got NaN, which JSON does not know and a .npy file can have",
        "": "it is empty: give numbers, or take zeros",
        "[[1, 2], [3]]": "expected lists of one length, here of 2, got one of 1",
        "[[1, 2], 3]": "expected lists of one length, here of 2, got 3",
        "[1, [2]]": "expected a number, got a list", "null": "expected a number, got null",
        '["<b>", 1]': 'expected a number, got the text "<b>"',
        '[1, {"a": 1}]': "expected a number, got an object",
        "[true, 1]": "expected a number, got true",
        "[0.5, 1e999]": "expected numbers that f32 can hold, got 1e999",
        "[-1e39, 1]": "expected numbers that f32 can hold, got -1e39",
        "[]": "size batch: expected at least 1, got 0",
        "[1, 2, 3]": "expected shape (batch, 2), got (3)",
        "[[[1, 2]]]": "expected shape (batch, 2), got (1, 1, 2)",
        "[" * 9999 + "]" * 9999: "expected lists at most 8 deep, got deeper ones",
    },
    "half": {"[65520, 0]": "expected numbers that f16 can hold, got 65520"},
    "flags": {
        "[true, 2]": "expected whole numbers from 0 to 1, which bool is here, got 2",
        '[true, "true"]': 'expected true or false, got the text "true"',
    },
    "whole": {
        "[1, 1.5]": f"expected {I64}, got 1.5",
        "[1, 9007199254740993]": f"expected {I64}, got 9007199254740993",
        "[true, 1]": "expected a number, got true",
    },
}  # fmt: skip
GIVEN = {"x": "[1, 2.5]", "half": "[0, 0.5]", "flags": "[true, 0]", "whole": "[7, -2]"}


def filled(page, given):
    for i, text in enumerate(given.values()):
        page.evaluate(f"document.getElementById('input-{i}').value = " + json.dumps(text))
        page.evaluate(f"document.getElementById('input-{i}').dispatchEvent(new Event('input'))")
    page.evaluate("document.getElementById('classified').replaceChildren()")
    page.evaluate("document.getElementById('status').classList.remove('wrong')")
    page.evaluate("document.getElementById('run').click()")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Write a model of an input of each kind."""
    pair = torch.zeros(1, 2)
    given = pair, pair.half(), pair.bool(), pair.long()
    torch.manual_seed(4)
    return write_archive(tmp_path_factory.mktemp("page") / "kinds.pemn", Kinds(), given)


@pytest.fixture(scope="module")
def page(browser, archive):
    open_page(browser, write_page(archive))
    return browser


def test_numbers_that_do_not_fit_are_refused_in_the_words_they_were_typed_in(page):
    filled(page, GIVEN)
    assert outputs(page).tolist() == [3.5 + 0.5 + 1 + 5]
    for name, texts in TYPED.items():
        for text, why in texts.items():
            filled(page, {**GIVEN, name: text})
            page.until(WRONG)
            assert say(page, "status") == f"input '{name}': {why}"
    assert page.complaints() == []


def test_arrays_of_numpy_are_taken_and_refused_as_by_run(page, archive, tmp_path):
    open_archive(page, archive)
    x = np.array([[1, np.inf], [-0.0, 4], [5, 6]], np.float32)
    arrays = {
        "x": np.asfortranarray(x), "half": np.full((3, 2), 0.1, ">f2"),
        "flags": np.array([[1, 0]] * 3, bool), "whole": np.array([[1, 2]] * 3, ">i8").T.copy().T,
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
        page.choose(f"#input-{list(arrays).index(name)}-file", tmp_path / f"{name}.npy")
        told = f"document.getElementById('input-{list(arrays).index(name)}-told').textContent"
        page.until(f"{told} !== ''")
        assert page.evaluate(told) == f"{name}.npy: 3 × 2"
    page.evaluate("document.getElementById('classified').replaceChildren()")
    page.evaluate("document.getElementById('run').click()")
    expected = pemn_compress.run(archive, **arrays)
    np.testing.assert_allclose(outputs(page), expected, rtol=1e-6)

    def choose(array):
        """Give the page x.npy, which by its name is for the input x, and wait for what it says."""
        np.save(tmp_path / "x.npy", array)
        give(page, tmp_path / "x.npy")
        page.until("document.getElementById('status').textContent.startsWith('x.npy')")

    for wrong in (
        x.astype(float), np.ones((3, 2), np.uint16), x.astype(np.complex64), x > 0, x[:, :1], x[:0]
    ):  # fmt: skip
        choose(wrong)
        if not page.evaluate(WRONG):
            page.evaluate("document.getElementById('run').click()")
            page.until(WRONG)
        with pytest.raises(DataError) as error:
            pemn_compress.run(archive, **{**arrays, "x": wrong})
        assert say(page, "status").removeprefix("x.npy: ") == str(error.value)
        choose(x)
    whole = (tmp_path / "x.npy").read_bytes()
    for content, why in {
        b"1 2 3": "it does not begin as a .npy file does", whole[:9]: "it is cut short",
        whole[:-1]: "it is cut short, or longer than it says",
        whole.replace(b"(3, 2)", b"(3;2 )"): "its shape is not told",
    }.items():  # fmt: skip
        (tmp_path / "x.npy").write_bytes(content)
        page.choose("#input-0-file", tmp_path / "x.npy")
        page.until("!document.getElementById('input-0-told').textContent.includes('×')")
        told = page.evaluate("document.getElementById('input-0-told').textContent")
        assert told == f"x.npy: it is no array that can be read here: {why}"
        np.save(tmp_path / "x.npy", x)
        page.choose("#input-0-file", tmp_path / "x.npy")
        page.until("document.getElementById('input-0-told').textContent === 'x.npy: 3 × 2'")
    assert page.complaints() == []
