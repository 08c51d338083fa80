"""The papers' grids: every run of both profiles is possible, and is what the paper says."""

import re
from collections import Counter
from pathlib import Path

import pytest
import torch

from pemn_compress.cli.sweep_options import OWN, asked, known_options
from pemn_compress.data.samples import Data
from pemn_compress.sweeping.checking import Checker, DataFacts
from pemn_compress.sweeping.grid import load_grid

FOLDER = Path(__file__).parent.parent / "examples" / "papers"
GRIDS = sorted(path.stem for path in FOLDER.glob("*.toml"))
# what the data sets are like, which are not here
FACTS = {
    "cifar10": ((3, 32, 32), 10, 50_000, 10_000),
    "cifar100": ((3, 32, 32), 100, 50_000, 10_000),
    "npz:cifar10.npz": ((3, 32, 32), 10, 5_000, 2_000),
    "folder:imagenet": ((3, 224, 224), 1000, 1_281_167, 50_000),
}
# grid -> runs, and those of the small profile
COUNTS = {}


def facts(request, file):
    shape, classes, train, test = FACTS[request.spec]
    assert (request.image_size is not None) == request.spec.startswith("folder:")
    return DataFacts(request.spec, shape, True, classes, train, test)


def expand(name, profile=None):
    known = known_options()
    grid = load_grid(FOLDER / f"{name}.toml", known, OWN, profile=profile)
    checker = Checker(lambda run: asked(run, known), facts)
    return grid, checker.check(grid.runs)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("profile", [None, "small"])
def test_every_run_is_possible(name, profile):
    grid, planned = expand(name, profile)
    print(name, profile, len(grid.runs), sum(p.bytes for p in planned))
