"""Records of before lack settings that came later: what they were trained with is known."""

import json
from dataclasses import MISSING, asdict, fields
from typing import Any

import pytest
import records

from pemn_compress.compressing.storage import Storage
from pemn_compress.masking.rules.strategies import Settings
from pemn_compress.masking.selection import Selection
from pemn_compress.reporting.runs import before
from pemn_compress.reporting.runs.merging import rows_of
from pemn_compress.reporting.runs.naming import labels
from pemn_compress.reporting.runs.records import run_of
from pemn_compress.training import recipes
from pemn_compress.training.recipes import Recipe


def whole(seed: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a record as `compress` writes one, with everything that it tells of."""
    told = records.record(seed=seed)
    recipe = {**recipes.load("default").to_dict(), **changes}
    return told | {
        "recipe": json.loads(json.dumps(recipe)),
        "settings": json.loads(json.dumps(asdict(Settings(seed=seed)))),
        "storage": json.loads(json.dumps(asdict(Storage()))),
        "selection": json.loads(json.dumps(asdict(Selection()))),
    }


def lacking(told: dict[str, Any], part: str, key: str) -> dict[str, Any]:
    return told | {part: {name: value for name, value in told[part].items() if name != key}}


ALWAYS = ("name", "source", "optimizer", "lr", "epochs", "batch_size", "strategy", "seed", "force")
PARTS = ("recipe", "settings", "storage", "selection")
OLD = [(part, key) for part in PARTS for key in whole()[part] if key not in ALWAYS]


@pytest.mark.parametrize(("part", "key"), OLD)
def test_what_a_record_of_before_lacks_is_the_default(part: str, key: str) -> None:
    runs = [run_of("a", whole(0)), run_of("b", lacking(whole(1), part, key))]
    (row,) = rows_of(runs)
    assert row.seeds == (0, 1)
    assert labels([row]) == labels(rows_of(runs[:1]))


def test_seeds_of_before_and_after_are_apart_where_the_setting_is_used() -> None:
    runs = [
        run_of("a", lacking(whole(0), "recipe", "recompute_batchnorm")),
        run_of("b", whole(1, recompute_batchnorm=0)),
        run_of("c", whole(2, recompute_batchnorm=100)),
    ]
    one, other = rows_of(runs)
    assert (one.seeds, other.seeds) == ((0, 1), (2,))
    assert [name.rpartition(", ")[2] for name in labels([one, other])] == [
        "recipe recompute_batchnorm 0", "recipe recompute_batchnorm 100"
    ]  # fmt: skip


def test_an_archive_alone_tells_no_recipe_that_could_be_filled_in() -> None:
    told = before.whole_recipe({"name": "default", "epochs": 2})
    assert told == {"name": "default", "epochs": 2}


def test_the_defaults_of_before_are_those_of_today() -> None:
    for kind, told in (
        (Recipe, before.RECIPE), (Storage, before.STORAGE), (Selection, before.SELECTION)
    ):  # fmt: skip
        defaults = {
            field.name: field.default
            for field in fields(kind)
            if field.default is not MISSING and field.name != "force"
        }
        assert json.loads(json.dumps(defaults)) == told
