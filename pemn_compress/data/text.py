"""Plain text as data for models that predict the next token: bytes, or characters."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pemn_compress.data.samples import Data, Split
from pemn_compress.data.tasks import next_token
from pemn_compress.errors import DataError

CONTEXT, LARGEST_CONTEXT = 128, 1 << 16
TEXTS = ("text", "chars")
TEST_PART = 10  # one of so many parts is for tests, the last one
MOST_CHARACTERS = 1 << 16
LARGEST_IN_MEMORY = 1 << 24  # tokens; more are cut into pieces when they are asked for


def load_text(path: Path, *, name: str, context: int = CONTEXT, by_character: bool = False) -> Data:
    """Return a text as pieces of `context` tokens and, as targets, the tokens that follow each.

    Inputs and targets are int64 (N, context), one piece after another without overlap; what is left
    at the end is left out. Tokens are bytes, of which there are 256, or the characters that occur
    in the text, numbered in the order of Unicode, which the data's class names list. Raises
    DataError.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"data set {name!r}: {path}: expected a readable file: {error.strerror or error}"
        ) from None
    characters: tuple[str, ...] | None = None
    tokens = torch.from_numpy(np.frombuffer(raw, np.uint8).copy()) if raw else torch.zeros(0)
    if by_character:
        tokens, characters = _by_character(raw, name, path)
    count = (len(tokens) - 1) // context
    if count < 2:
        raise DataError(
            f"data set {name!r}: {path}: expected at least {2 * context + 1} tokens, two pieces of "
            f"{context} and one more, got {len(tokens)}; a shorter context needs less"
        )
    tests = max(1, count // TEST_PART)
    train, test = (
        _pieces(tokens, context, *part, name)
        for part in ((0, count - tests), (count - tests, count))
    )
    return Data(
        name=name,
        train=train,
        test=test,
        classes=256 if characters is None else len(characters),
        class_names=characters,
        input_shape=(context,),
        is_image=False,
        task=next_token("character" if by_character else "byte"),
    )


def renumbered(data: Data, known: Sequence[str], whose: str) -> Data:
    """Return the test part of a text with the numbers that `whose` characters have.

    Raises DataError for a character that is not among them.
    """
    if data.class_names is None or tuple(known) == data.class_names:
        return data
    numbers = {character: number for number, character in enumerate(known)}
    lacking = [c for c in data.class_names if c not in numbers]
    if lacking:
        raise DataError(
            f"data {data.name!r}: expected the {len(known)} characters of {whose} alone, got "
            f"{', '.join(map(repr, lacking[:5]))}" + (", ..." if len(lacking) > 5 else "")
        )
    table = torch.tensor([numbers[c] for c in data.class_names])
    test = data.test
    if not test.in_memory:
        test = replace(test, dataset=_Renumbered(test.dataset, table))
    else:
        test = replace(test, inputs=table[test.inputs], targets=table[test.targets])
    return replace(data, test=test, train=None, classes=len(known), class_names=tuple(known))


class _Renumbered(Dataset[tuple[Tensor, Tensor]]):
    """Pieces of a text whose characters another one numbers."""

    def __init__(self, pieces: Any, table: Tensor) -> None:
        self._pieces, self._table = pieces, table

    def __len__(self) -> int:
        return len(self._pieces)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        inputs, targets = self._pieces[index]
        return self._table[inputs], self._table[targets]


def _by_character(raw: bytes, name: str, path: Path) -> tuple[Tensor, tuple[str, ...]]:
    try:
        points = np.frombuffer(raw.decode("utf-8").encode("utf-32-le"), np.uint32)
    except UnicodeDecodeError as error:
        raise DataError(
            f"data set {name!r}: {path}: expected text in UTF-8, got the byte "
            f"0x{raw[error.start]:02x} at {error.start}; text:PATH takes any bytes"
        ) from None
    known, tokens = np.unique(points, return_inverse=True)
    if len(known) > MOST_CHARACTERS:
        raise DataError(
            f"data set {name!r}: {path}: expected at most {MOST_CHARACTERS} different characters, "
            f"got {len(known)}"
        )
    return torch.from_numpy(tokens.astype(np.int32)), tuple(map(chr, known.tolist()))


def _pieces(tokens: Tensor, context: int, first: int, last: int, name: str) -> Split:
    part = tokens[first * context : last * context + 1]
    if len(part) > LARGEST_IN_MEMORY:
        return Split(dataset=_Pieces(part, context), origin=name, labelled=False)
    part = part.to(torch.int64)
    inputs, targets = (part[at : at + len(part) - 1].view(-1, context) for at in (0, 1))
    return Split(inputs, targets, origin=name, labelled=False)


class _Pieces(Dataset[tuple[Tensor, Tensor]]):
    """Pieces that are cut when they are asked for: a token takes one to four bytes, not sixteen."""

    def __init__(self, tokens: Tensor, context: int) -> None:
        self._tokens, self._context = tokens, context

    def __len__(self) -> int:
        return (len(self._tokens) - 1) // self._context

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        start = index * self._context
        piece = self._tokens[start : start + self._context + 1].to(torch.int64)
        return piece[:-1], piece[1:]
