"""The papers' grids: every run of both profiles is possible, and is what the paper says."""

import inspect
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from pemn_compress.cli.sweep_options import OWN, asked, known_options
from pemn_compress.compressing.settling import settle
from pemn_compress.compressing.verb import compress
from pemn_compress.masking.rules.pruning import PruningSettings
from pemn_compress.reporting.papers.published import published
from pemn_compress.sweeping.checking import Checker, DataFacts
from pemn_compress.sweeping.grid import load_grid

FOLDER = Path(__file__).parent.parent / "examples" / "papers"
GRIDS = sorted(path.name for path in FOLDER.glob("*.toml"))
# what the data sets are like, which are not here
FACTS = {
    "cifar10": ((3, 32, 32), 10, 50_000, 10_000),
    "cifar100": ((3, 32, 32), 100, 50_000, 10_000),
    "npz:cifar10.npz": ((3, 32, 32), 10, 5_000, 2_000),
    "folder:imagenet": ((3, 224, 224), 1000, 1_281_167, 50_000),
}
# grid -> epochs and batch sizes of its runs at full scale, as published
TRAINING = {
    "pemn-table-[12].toml": {(100, 512)},
    "pemn-table-[34].toml": {(200, 256)},
    "pemn-table-[56].toml": {(100, 256)},
    "pemn-figure-5.toml": {(100, 512)},
    "edge-popup-figure-[34].toml": {(100, 128), (100, 60)},
    "edge-popup-figure-[567].toml": {(100, 128)},
    "edge-popup-table-2.toml": {(100, 256)},
    "iwr-table-1.toml": {(100, 256)},
    "iwr-table-[23].toml": {(250, 128)},
    "iwr-table-[45].toml": {(250, 128), (100, 128)},
    "front.toml": {(100, 512)},
    "few-bits.toml": {(10, 128), (40, 128)},
}


def facts(request, file):
    shape, classes, train, test = FACTS[request.spec]
    assert (request.image_size is not None) == request.spec.startswith("folder:")
    return DataFacts(request.spec, shape, True, classes, train, test)


def expanded(name, profile=None):
    known = known_options()
    grid = load_grid(FOLDER / name, known, OWN, profile=profile)
    asks = {run.id: asked(run, known) for run in grid.runs}
    checker = Checker(lambda run: asks[run.id], facts)
    return grid, asks, checker.check(grid.runs)


def listed():
    """Return what the page says of each grid: runs at full scale, and of the small profile."""
    page = (FOLDER / "README.md").read_text()
    rows = re.findall(r"^\| `([\w-]+\.toml)` \|.*\| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    return {name: (int(full), int(small)) for name, full, small in rows}


def test_the_page_lists_every_grid():
    assert sorted(listed()) == GRIDS
    for name in (
        [f"pemn-table-{n}" for n in range(1, 7)]
        + ["pemn-figure-5"]
        + [f"edge-popup-figure-{n}" for n in range(3, 8)]
        + ["edge-popup-table-2"]
        + [f"iwr-table-{n}" for n in range(1, 6)]
    ):
        assert f"{name}.toml" in GRIDS


@pytest.mark.parametrize("name", GRIDS)
def test_every_run_is_possible_and_trained_as_published(name):
    from pemn_compress.training import recipes

    grid, asks, planned = expanded(name)
    assert len(grid.runs) == listed()[name][0]
    assert grid.title
    told = set()
    for run, one in zip(grid.runs, planned, strict=True):
        _, keywords = asks[run.id]
        batch = keywords["batch_size"] or recipes.load(keywords["recipe"]).batch_size
        told.add((one.epochs, batch))
        assert (one.train, one.test) in {(50_000, 10_000), (1_281_167, 50_000)}
    assert [told] == [facts for pattern, facts in TRAINING.items() if re.fullmatch(pattern, name)]


@pytest.mark.parametrize("name", GRIDS)
def test_every_run_of_the_small_profile_is_possible_and_small(name):
    grid, _, planned = expanded(name, "small")
    assert len(grid.runs) == listed()[name][1] <= 40
    for run, one in zip(grid.runs, planned, strict=True):
        assert run.options["data"] == "npz:cifar10.npz"
        assert (run.options["train_limit"], run.options["test_limit"]) == (5000, 2000)
        assert one.epochs <= 10
        assert one.bytes < 3_000_000


def test_tables_have_the_published_rows():
    """Counted by hand in the papers: every cell of a table is one group of seeds."""

    def cells(name, *keys):
        grid, _, _ = expanded(name)
        rows = [tuple(run.options.get(key) for key in keys) for run in grid.runs]
        return Counter(rows)

    table = cells("pemn-table-1.toml", "strategy", "ratio", "args.dim")
    assert set(table.values()) == {3}
    assert len([row for row in table if row[0] != "dense"]) == 16
    table = cells("pemn-table-5.toml", "model", "strategy", "ratio", "sparsity")
    assert set(table.values()) == {3}
    assert len([row for row in table if row[1] != "dense"]) == 22
    keys = ("model", "recipe", "renewal", "density", "args.width", "strategy")
    for name, count in (("iwr-table-4.toml", 117), ("iwr-table-5.toml", 120)):
        table = cells(name, *keys)
        assert set(table.values()) == {3}
        assert len([row for row in table if row[-1] != "dense"]) == count
        assert len([row for row in table if row[-1] == "dense"]) == 17
    assert len(cells("edge-popup-table-2.toml", "model", "strategy", "distribution")) == 9
    assert len(cells("iwr-table-1.toml", "recipe", "renewal", "density")) == 8


def told(keywords, model):
    """Return what a run is, as the published figures are kept."""
    named = set(inspect.signature(compress).parameters)
    changes = {key: value for key, value in keywords.items() if key not in named}
    recipe, settings = settle(keywords["recipe"], None, changes)
    masks = not isinstance(settings, PruningSettings)
    return {
        "data": keywords["data"].spec.removeprefix("folder:"),
        "architecture": model,
        "strategy": settings.strategy,
        "ratio": settings.ratio if settings.strategy == "rp" else None,
        "search": settings.search if masks else None,
        "renewal": settings.renewal if masks else None,
        "density": settings.density,
        "epochs": recipe.epochs,
    }, settings


def test_every_published_figure_is_a_run_of_its_grid():
    places = {"PEMN": "pemn", "edge-popup": "edge-popup", "IWR": "iwr"}
    runs = defaultdict(list)
    for name in GRIDS:
        for run, (model, keywords) in every(name):
            runs[name].append((run.options, *told(keywords, model)))
    seen = Counter()
    for figure in published():
        grids = [f"{places[figure.paper]}-table-{figure.table}.toml"]
        if grids[0] not in GRIDS:  # dense models have a table without a number
            grids = [name for name in GRIDS if name.startswith(f"{places[figure.paper]}-table-")]
        found = [
            options
            for name in grids
            for options, what, settings in runs[name]
            if all(getattr(figure, key) in (None, value) for key, value in what.items())
            and figure.arguments.items() <= ({"width": 1.0} | arguments(options)).items()
            and figure.distribution in (None, getattr(settings, "distribution", None))
        ]
        assert found, figure
        assert figure.runs is None or len(found) >= figure.runs, figure
        seen[figure.paper] += 1
    assert seen.keys() == places.keys()


def every(name):
    grid, asks, _ = expanded(name)
    return [(run, asks[run.id]) for run in grid.runs]


def arguments(options):
    return {key.partition(".")[2]: value for key, value in options.items() if "." in key}
