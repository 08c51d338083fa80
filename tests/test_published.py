"""The papers' figures, and ours beside them: which rows match, and whose order disagrees."""

import json
from collections import Counter

import pytest
from records import CONVMIXER, seeds, write

from pemn_compress.errors import UnknownNameError
from pemn_compress.masking.rules import methods
from pemn_compress.masking.rules.pruning import TRAINED_STRATEGIES
from pemn_compress.masking.rules.strategies import DISTRIBUTIONS, STRATEGIES
from pemn_compress.reporting.papers import published
from pemn_compress.reporting.runs import Counterpart, compared, gather
from pemn_compress.reporting.runs.against import Disagreement, noise_of, pooled_std


def find(**wanted):
    (found,) = (
        one
        for one in published()
        if all(getattr(one, key) == value for key, value in wanted.items())
    )
    return found


def papers(path, **named):
    return compared(gather(path), {"papers"}, counterpart=Counterpart(**named))


def tell(path, figure, value, **fields):
    """Write a record of what a figure of a paper says that it is."""
    told = {"strategy": figure.strategy, "density": figure.density, "data": figure.data,
            "architecture": figure.architecture, "arguments": dict(figure.arguments),
            "ratio": figure.ratio or 0.01}  # fmt: skip
    for name in ("search", "renewal", "distribution"):
        if getattr(figure, name) is not None:
            told[name] = getattr(figure, name)
    return write(path, value=value, **told | fields)


def test_the_figures_are_the_papers():
    assert Counter(one.paper for one in published()) == {"PEMN": 108, "IWR": 274, "edge-popup": 9}
    first = find(paper="PEMN", table="1", strategy="mask", arguments={"dim": 256, "depth": 6})
    assert (first.mean, first.std, first.runs, first.epochs) == (0.8931, 0.0016, 3, 100)
    assert first.where == "PEMN Table 1 (Fig. 3a)"
    broken = find(paper="PEMN", table="1", ratio=1e-5, arguments={"dim": 256, "depth": 6})
    assert (broken.mean, broken.std) == (0.8101, 0.0038)
    pruned = find(paper="PEMN", table="5", strategy="magnitude", density=0.1,
                  architecture="resnet56")  # fmt: skip
    assert (pruned.data, pruned.mean, pruned.std) == ("cifar10", 0.8674, 0.0028)
    recycled = find(paper="IWR", table="4", architecture="conv6", search="biprop",
                    renewal="recycle", density=0.8)  # fmt: skip
    assert (recycled.mean, recycled.std, recycled.runs, recycled.epochs) == (0.902, None, 3, 250)
    dense = find(paper="IWR", strategy="dense", architecture="conv8", arguments={"width": 1.0})
    assert (dense.mean, dense.where) == (0.8941, "IWR appendix C, dense models")
    alike = find(paper="IWR", metric="jaccard", search="biprop", density=0.1)
    assert alike.mean == 0.09
    wide = find(paper="edge-popup", architecture="torchvision:wide_resnet50_2", strategy="mask",
                distribution="signed-constant")  # fmt: skip
    assert (wide.mean, wide.density, wide.data) == (0.733, 0.3, "imagenet")


def test_the_figures_use_the_words_of_this_project():
    for one in published():
        assert one.strategy in (*STRATEGIES, *TRAINED_STRATEGIES)
        assert one.search in (*methods.SEARCHES, None)
        assert one.renewal in (*methods.RENEWALS, None)
        assert one.distribution in (*DISTRIBUTIONS, None)
        assert (one.ratio is not None) is (one.strategy == "rp")
        assert 0 < one.density <= 1
        assert 0 < one.mean < 1
        assert one.std is None or 0 < one.std < 0.01
    kinds = {tuple(sorted(vars(one))) for one in published()}
    assert len(kinds) == 1


def test_every_figure_is_met_by_the_run_that_it_describes(tmp_path):
    chosen = [one for one in published() if one.metric == "accuracy"]
    for number, one in enumerate(chosen):
        tell(tmp_path / f"{number}.json", one, 0.5, size=1000 + number)
    found = papers(tmp_path)
    assert {id(m.figure) for table in found.tables for m in table.matches} == set(map(id, chosen))


def test_what_is_another_experiment_has_no_figure(tmp_path):
    figure = find(paper="PEMN", table="1", ratio=0.01, arguments={"dim": 256, "depth": 6})
    tell(tmp_path / "same.json", figure, 0.7, epochs=1, arguments=CONVMIXER)
    for name, fields in {
        "ratio": {"ratio": 0.02}, "density": {"density": 0.3}, "data": {"data": "cifar100"},
        "strategy": {"strategy": "mp"}, "search": {"search": "biprop"},
        "renewal": {"renewal": "iterand"}, "dim": {"arguments": CONVMIXER | {"dim": 64}},
        "architecture": {"architecture": "vit"}, "metric": {"metric": "f1"},
        "no arguments": {"arguments": {}}, "text": {"arguments": CONVMIXER | {"dim": "256"}},
    }.items():  # fmt: skip
        fields = {"density": 0.5} | fields
        tell(tmp_path / f"{name}.json", figure, 0.7, **fields)
    found = papers(tmp_path)
    matched = [m for table in found.tables for m in table.matches if m.figure.table == "1"]
    assert [m.row.first.file for m in matched if m.figure.strategy == "rp"] == [
        str(tmp_path / "same.json")
    ]


def test_small_data_are_taken_as_what_they_stand_for(tmp_path, call):
    figure = find(paper="PEMN", table="1", ratio=0.1, arguments={"dim": 256, "depth": 6})
    small = {"data": "npz:small.npz", "arguments": CONVMIXER | {"dim": 32}, "epochs": 8}
    tell(tmp_path / "a.json", figure, 0.613, **small)
    assert not papers(tmp_path).tables
    named = {"datasets": {"": "cifar10"}, "arguments": {"dim": 256}}
    (table,) = papers(tmp_path, **named).tables
    assert table.matches[0].difference == pytest.approx(0.613 - 0.887)
    code, out, err = call("report", "a.json", "--against", "papers", "--dataset",
                          "npz:small.npz=cifar10", "--theirs", "dim=256")  # fmt: skip
    assert (code, err) == (0, "")
    told = " ".join(out.split())
    assert "paper cifar10, convmixer(dim=256, depth=6), 100 epochs, over 3 runs" in told
    assert "ours npz:small.npz (1,438 to train, 359 to test), taken as cifar10; convmixer(" in told
    assert "dim=32" in told
    assert "recipe default, 8 epochs" in told
    assert "rp 0.1 61.30 - 1 88.70 0.21 -27.40" in told
    for named, what in (
        ({"datasets": {"": "cifar"}}, "data of the papers"),
        ({"datasets": {"digits": "cifar10"}}, "data of the runs"),
        ({"arguments": {"dims": 3}}, "argument of the papers"),
        ({"architecture": "resnet33"}, "architecture of the papers"),
    ):
        with pytest.raises(UnknownNameError, match=what):
            papers(tmp_path, **named)


def test_an_architecture_stands_for_another(tmp_path):
    figure = find(paper="PEMN", table="5", strategy="mp", architecture="resnet32")
    tell(tmp_path / "a.json", figure, 0.8, architecture="resnet20", arguments={"width": 0.25})
    named = {"architecture": "resnet32", "arguments": {"width": 1.0}}
    (table,) = papers(tmp_path, **named).tables
    assert table.figure is figure


def test_our_order_stands_beside_the_papers(tmp_path, call):
    ours = {"mask": (0.70, 0.71, 0.72), "one-layer": (0.80, 0.81, 0.82), "mp": (0.69, 0.7, 0.71),
            0.1: (0.69, 0.70, 0.711), 1e-5: (0.3, 0.31, 0.32)}  # fmt: skip
    for method, values in ours.items():
        rp = isinstance(method, float)
        seeds(tmp_path / str(method), values, strategy="rp" if rp else method, density=0.5,
              ratio=method if rp else 0.01, data="cifar10", architecture="convmixer",
              arguments=CONVMIXER)  # fmt: skip
    (table,) = papers(tmp_path).tables
    order = table.order
    assert [match.figure.strategy for match in order.matches][:2] == ["one-layer", "mask"]
    # the paper: mask 89.31, mp 88.97, one-layer 88.80, rp 0.1 88.70, rp 1e-5 81.01
    assert order.their_places == (3, 1, 4, 2, 5)
    assert (order.pairs, order.agreeing) == (10, 7)
    assert [(one.first, one.second, one.beyond_noise) for one in order.disagreements] == [
        ("one-layer", "mask", True),
        ("one-layer", "mp", False),  # 0.17 points in the paper, which is its noise
        ("rp 0.1", "mp", False),
    ]
    code, out, _ = call("report", ".", "--against", "papers")
    assert code == 0
    told = " ".join(out.split())
    assert "order: 7 of 10 pairs of methods are ordered as in the paper; 1 of the others" in told
    assert "one-layer mask 10.00 1.6" in told
    code, out, _ = call("report", ".", "--against", "papers", "--format", "json")
    (told,) = json.loads(out)["published"]
    assert told["order"]["agreeing"] == 7
    assert {row["published_place"] for row in told["rows"]} == {1, 2, 3, 4, 5}


def test_an_architecture_without_widths_has_the_papers(tmp_path):
    figure = find(paper="IWR", strategy="dense", architecture="resnet18")
    tell(tmp_path / "a.json", figure, 0.9, arguments={"classes": 10})
    assert papers(tmp_path).tables[0].figure is figure


def test_what_is_equal_is_no_disagreement(tmp_path):
    for name in ("none", "iterand", "recycle"):
        found = find(paper="IWR", table="5", architecture="conv2", density=0.5, renewal=name,
                     arguments={"width": 1.0})  # fmt: skip
        tell(tmp_path / f"{name}.json", found, 0.8)
    order = papers(tmp_path).tables[0].order
    assert (order.pairs, order.agreeing, order.disagreements) == (3, 3, ())


def test_two_methods_make_no_order_and_single_runs_no_noise(tmp_path):
    def figure(name, number):
        found = find(paper="IWR", table="4", architecture="conv4", density=0.8, renewal=name,
                     arguments={"width": 1.0})  # fmt: skip
        tell(tmp_path / f"{name}.json", found, number)

    figure("none", 0.8)
    figure("iterand", 0.9)
    assert papers(tmp_path).tables[0].order is None
    figure("recycle", 0.7)
    order = papers(tmp_path).tables[0].order
    assert [one.beyond_noise for one in order.disagreements] == [None, None, None]


def test_noise_is_twice_the_standard_error_of_a_difference():
    assert pooled_std([(3.0, 3), (4.0, 3), (None, 1), (9.0, None)]) == pytest.approx(12.5**0.5)
    assert pooled_std([(None, 3), (None, None)]) is None
    assert noise_of(3, 3, 0.3) == pytest.approx(2 * 0.3 * (2 / 3) ** 0.5)
    assert noise_of(3, None, 0.3) is noise_of(3, 3, None) is None
    for ours, theirs, beyond in ((0.1, 0.1, True), (0.1, 0.9, False), (0.1, None, None)):
        assert Disagreement("a", "b", 0.5, -0.5, ours, theirs).beyond_noise is beyond
    assert Disagreement("a", "b", 0.5, -0.5, 0.9, None).beyond_noise is False
