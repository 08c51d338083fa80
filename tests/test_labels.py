"""Labels of two sides, paired by the names of their classes."""

from dataclasses import replace

import pytest
import torch
from torch.utils.data import Dataset

from pemn_compress.data.labels import UNKNOWN, pair, paired
from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError

INPUTS = torch.zeros(4, 2)


class Few(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.zeros(2), (0, 1, 2, 9)[index]


def data(names, targets=(0, 1, 2, 0), **changes):
    split = Split(INPUTS, torch.tensor(targets), origin="points")
    classes = len(names) if names else max(targets) + 1
    return replace(Data("points", split, split, classes, names, (2,), False), **changes)


@pytest.mark.parametrize(
    ("names", "known", "expected"),
    [
        (["a", "b"], ["a", "b"], [0, 1]),
        (["b", "a"], ["a", "b"], [1, 0]),
        (["c"], ["a", "b", "c"], [2]),
        (["a", "x"], ["b", "a"], [1, UNKNOWN]),
        (["Cat", "dog "], ["dog", "cat"], [1, 0]),
        (["Cat", "cat"], ["cat", "CAT"], [1, 0]),  # equal first, then what is left
        (["Cat", "CAT"], ["cat", "dog"], [UNKNOWN, UNKNOWN]),
        (["caf\u00e9"], ["cafe\u0301"], [0]),  # one name, as two systems write it
        (["a"], ["a", "a"], [UNKNOWN]),
        (["a", "a", "b"], ["a", "a", "b"], [0, 1, 2]),  # twice, but the very same list
        ([], ["a"], []),
    ],
)
def test_pairs(names, known, expected):
    assert pair(names, known) == expected


def test_labels_become_those_of_the_other_side():
    found = paired(data(("c", "a", "b")), ["a", "b", "c"], "the model")
    assert found.test.targets.tolist() == [2, 0, 1, 2]
    assert found.train.targets.tolist() == [2, 0, 1, 2]
    assert found.class_names == ("a", "b", "c")
    assert (found.classes, found.notes) == (3, ())


def test_what_one_side_lacks_is_told():
    found = paired(data(("C", "a"), (0, 1, 1, 0)), ["a", "b", "c"], "the model")
    assert found.test.targets.tolist() == [2, 0, 0, 2]
    assert found.classes == 3
    spelled, absent = found.notes
    assert "classes that the model spells otherwise: 'C' as 'c'" in spelled
    assert "no samples of classes that the model has: 'b'" in absent


def test_many_names_do_not_fill_the_screen():
    found = paired(data(("0",), (0, 0, 0, 0)), [str(n) for n in range(1000)], "the model")
    assert "'1', '2', '3', '4', '5' and 994 more" in found.notes[0]


def test_a_class_that_the_other_side_lacks_is_refused_if_it_has_samples():
    unused = data(("a", "b", "z"), (0, 1, 1, 0))
    assert paired(unused, ["b", "a"], "the model").test.targets.tolist() == [1, 0, 0, 1]
    message = (
        r"points: 2 samples of class 'z': expected one of the 2 classes of the model \('a', 'b'\)"
    )
    with pytest.raises(DataError, match=message):
        paired(data(("a", "b", "z"), (0, 2, 2, 0)), ["a", "b"], "the model")


def test_without_names_labels_stay_and_other_counts_are_told():
    unnamed = data(None)
    assert paired(unnamed, None, "the model") is unnamed
    assert paired(unnamed, ["a", "b", "c"], "the model") is unnamed
    assert paired(data(("a", "b", "c")), None, "the model").notes == ()
    (note,) = paired(unnamed, ["a", "b"], "the model").notes
    assert "has 3 classes without names, the model names 2" in note


def test_a_datasets_samples_are_relabelled_when_they_are_read():
    split = Split(dataset=Few(), origin="few")
    found = paired(data(("b", "c", "a"), test=split, train=None), ["a", "b", "c"], "the model")
    assert [label for _, label in (found.test.dataset[i] for i in range(3))] == [1, 2, 0]
    with pytest.raises(DataError, match="few: a sample of label 9: expected one of the 3"):
        found.test.dataset[3]


def test_a_dataset_that_may_have_samples_of_an_unknown_class_is_refused_at_once():
    split = Split(dataset=Few(), origin="few")
    with pytest.raises(DataError, match="few: samples of class 'z'"):
        paired(data(("z", "a", "b"), test=split, train=None), ["a", "b"], "the model")


def test_labels_that_are_known_are_relabelled_with_the_samples():
    split = Split(dataset=Few(), labels=(0, 1, 2, 0))
    found = paired(data(("b", "c", "a"), test=split, train=None), ["a", "b", "c"], "the model")
    assert found.test.known_labels() == [1, 2, 0, 1]
    assert found.test.first(2).known_labels() == [1, 2]
