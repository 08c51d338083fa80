"""How much masks agree, and the norms of what they keep: figures, files and refusals."""

import csv
import io
import json
import re
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pemn_compress.analysis import Overlap, compare, implied_jaccard, norms, pooled
from pemn_compress.analysis.rendering import by_chance, to_text
from pemn_compress.errors import ArchiveError, SettingError
from pemn_compress.format import prng
from pemn_compress.format.archive import (
    AliasTensor,
    DenseTensor,
    MaskedTensor,
    Prototype,
    SparseTensor,
    encode,
    open_archive,
)
from pemn_compress.format.archive.contents import Plane

PROTOTYPE = Prototype("normal16", prng.normal16(3, 0, 7), 3)
SHAPES = {"1.weight": (6, 5), "long." * 12 + "weight": (40, 3)}


def masks(seed, shapes=SHAPES, density=0.5):
    random = np.random.default_rng(seed)
    return {name: random.random(shape) < density for name, shape in shapes.items()}


def write(path, chosen):
    contents = [MaskedTensor(name, "f32", mask, 2, 0.5) for name, mask in chosen.items()]
    contents.append(DenseTensor("bias", "f32", np.float32([3, 4])))
    path.write_bytes(encode(contents, PROTOTYPE))
    return path


def test_an_overlap_worked_out_by_hand():
    first = np.array([[1, 1, 1, 0], [0, 0, 0, 0]], bool)
    second = np.array([[1, 1, 0, 1], [1, 0, 0, 0]], bool)
    o = Overlap.of(first, second)
    assert (o.total, o.first, o.second, o.both) == (8, 3, 4, 2)
    assert o.smc == 5 / 8
    assert o.jaccard == 2 / 5
    assert o.chance == 3 * 4 / 8
    assert o.chance_smc == pytest.approx(3 / 8 * 4 / 8 + 5 / 8 * 4 / 8)
    assert o.chance_jaccard == pytest.approx(1.5 / 5.5)


def test_masks_that_keep_nothing_or_everything():
    nothing, everything = np.zeros(4, bool), np.ones(4, bool)
    assert Overlap.of(nothing, nothing).jaccard == 1
    assert Overlap.of(nothing, everything).jaccard == 0
    assert Overlap.of(nothing, everything).smc == 0
    assert Overlap.of(everything, everything).chance_jaccard == 1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_smc_and_densities_imply_the_jaccard_index(bits):
    first, second = np.array(bits, bool).T
    o = Overlap.of(first, second)
    assert implied_jaccard(o.smc, first.mean(), second.mean()) == pytest.approx(o.jaccard)


@given(st.integers(1, 12), st.data())
def test_chance_is_the_mean_over_all_masks(total, data):
    first = data.draw(st.integers(0, total))
    second = data.draw(st.integers(0, total))
    o = Overlap(total, first, second, 0, first * second / total)
    smc = jaccard = 0.0
    for both in range(max(0, first + second - total), min(first, second) + 1):
        # drawing the second mask's weights from the first's kept ones and its dropped ones
        likely = comb(first, both) * comb(total - first, second - both) / comb(total, second)
        at = Overlap(total, first, second, both, 0.0)
        smc += likely * at.smc
        jaccard += likely * at.jaccard
    assert o.chance_smc == pytest.approx(smc)
    assert abs(o.chance_jaccard - jaccard) <= 1 / total


def test_what_the_papers_table_implies():
    table = {0.5: (0.51, 0.25), 0.25: (0.63, 0.13), 0.1: (0.82, 0.05)}
    implied = {density: implied_jaccard(smc, density) for density, (smc, _) in table.items()}
    assert [round(value, 2) for value in implied.values()] == [0.34, 0.15, 0.05]
    # [IWR] figures 9 and 5, edge-popup at density 0.5: SMC 50.591 % is printed as a JI of 0.253
    exact = implied_jaccard(0.50591, 0.5)
    assert round(exact / (1 + exact), 3) == 0.253
    exact = implied_jaccard(0.62965, 0.25)  # figures 11 and 10
    assert round(exact / (1 + exact), 4) == 0.1297


@pytest.mark.parametrize(
    ("smc", "first", "second"), [(0.5, 0.1, None), (1.0, 0.5, 0.4), (1.1, 0.5, None), (0.5, 2, 0.5)]
)
def test_figures_that_no_masks_can_have(smc, first, second):
    with pytest.raises(SettingError, match="expected"):
        implied_jaccard(smc, first, second)


def test_pooled_counts_add_up_and_chance_draws_tensor_by_tensor():
    sparse = Overlap(100, 10, 10, 10, 1.0)
    dense = Overlap(100, 90, 90, 81, 81.0)
    both = pooled([sparse, dense])
    assert (both.total, both.both, both.chance) == (200, 91, 82.0)
    assert both.chance_smc == pytest.approx(0.82)


def test_compare_reads_the_masks_of_files(tmp_path):
    chosen = [masks(seed) for seed in range(3)]
    paths = [write(tmp_path / f"{i}.pemn", m) for i, m in enumerate(chosen)]
    found = compare(paths)
    assert found.tensors == tuple(SHAPES)
    assert set(found.overlaps) == {(0, 1), (0, 2), (1, 2)}
    for (i, j), overlaps in found.overlaps.items():
        for name, overlap in zip(found.tensors, overlaps, strict=True):
            assert overlap.smc == pytest.approx((chosen[i][name] == chosen[j][name]).mean())
    whole = [np.concatenate([m.ravel() for m in each.values()]) for each in chosen]
    assert found.overall(1, 2).smc == pytest.approx((whole[1] == whole[2]).mean())
    assert [found.density(i) for i in range(3)] == pytest.approx([w.mean() for w in whole])


def test_pruned_tensors_have_masks_too(tmp_path):
    mask = masks(0)["1.weight"]
    kept = np.arange(1, 1 + mask.sum(), dtype=np.float32)
    pruned = tmp_path / "pruned.pemn"
    pruned.write_bytes(encode([SparseTensor("1.weight", "f32", mask, kept)], None))
    other = write(tmp_path / "masked.pemn", {"1.weight": mask})
    assert compare([pruned, other]).overall(0, 1).jaccard == 1


def test_archives_that_do_not_fit(tmp_path):
    one = write(tmp_path / "one.pemn", masks(0))
    more = write(tmp_path / "more.pemn", masks(1, SHAPES | {"extra": (2, 2)}))
    turned = write(tmp_path / "turned.pemn", masks(1, {**SHAPES, "1.weight": (5, 6)}))
    other = write(tmp_path / "other.pemn", masks(0, {"fc.weight": (6, 5)}))
    plain = tmp_path / "plain.pemn"
    plain.write_bytes(encode([DenseTensor("bias", "f32", np.float32([1]))], None))
    with pytest.raises(SettingError, match="two or more archives to compare, got 1"):
        compare([one])
    with pytest.raises(
        ArchiveError, match=r"same masks: .*one\.pemn lacks some of 'extra'; common=True"
    ):
        compare([more, one])
    assert compare([more, one], common=True).skipped == ("extra",)
    with pytest.raises(ArchiveError, match=r"'1.weight': expected shape \(6, 5\).*got \(5, 6\)"):
        compare([one, turned])
    for common in (False, True):
        with pytest.raises(ArchiveError, match=r"no masks in common: .*'1.weight'.*'fc.weight'"):
            compare([one, other], common=common)
    with pytest.raises(ArchiveError, match=r"plain\.pemn: expected masks to compare"):
        compare([one, plain])


def test_diff_of_two_fits_the_terminal(call, tmp_path):
    for i in range(2):
        write(tmp_path / f"{i}.pemn", masks(i, SHAPES | {"huge": (1000, 1100)}))
    code, out, _ = call("diff", "0.pemn", "1.pemn")
    assert code == 0
    assert "0.25 where this table says 0.34" in out
    assert f"  {'long.' * 12}weight  " in out  # whole, for whoever searches it
    folded = to_text(compare(["0.pemn", "1.pemn"]), width=80).splitlines()
    assert max(map(len, folded)) <= 80
    head = next(line for line in folded if line.startswith("  tensor"))
    names = "".join(line[: head.index("weights")].strip() for line in folded)
    assert f"{'long.' * 12}weight" in names  # and whole in a terminal
    row = next(line.split() for line in out.splitlines() if line.startswith("  1.weight"))
    expected = compare(["0.pemn", "1.pemn"]).overlaps[0, 1][0]
    assert row[1] == "30"
    assert [float(n) for n in row[4:]] == pytest.approx(
        [expected.smc, expected.chance_smc, expected.jaccard, expected.chance_jaccard], abs=5e-4
    )


def test_diff_of_many_is_a_matrix(call, tmp_path):
    for i in range(13):
        write(tmp_path / f"{i:02}.pemn", masks(i, SHAPES | {"huge": (100, 400)}))
    names = [f"{i:02}.pemn" for i in range(13)]
    code, out, _ = call("diff", *names)
    assert code == 0
    found = compare(names)
    assert max(map(len, to_text(found, width=80).splitlines())) <= 80
    assert compare(*names) == compare(iter(names)) == found
    matrix = re.findall(r"^  13  (.*)$", out.split("Jaccard\n")[0], re.MULTILINE)
    cells = [float(cell) for line in matrix[1:] for cell in line.split()]
    assert cells == pytest.approx([found.overall(i, 12).smc for i in range(12)], abs=5e-4)


def test_diff_as_csv_and_json_say_the_same(call, tmp_path):
    names = [str(write(tmp_path / f"{i}.pemn", masks(i)).name) for i in range(3)]
    told = json.loads(call("diff", *names, "--json")[1])
    rows = list(csv.DictReader(io.StringIO(call("diff", *names, "--csv")[1])))
    assert len(rows) == 3 * (len(SHAPES) + 1)
    assert [pair["smc"] for pair in told["pairs"]] == [
        float(row["smc"]) for row in rows if not row["tensor"]
    ]
    assert told["tensors"][0] == {"name": "1.weight", "shape": [6, 5]}
    values = [pair["jaccard"] for pair in told["pairs"]]
    spread = told["mean"]["jaccard"]
    assert spread["mean"] == pytest.approx(np.mean(values))
    assert spread["std"] == pytest.approx(np.std(values, ddof=1))
    assert (spread["least"], spread["most"]) == (min(values), max(values))
    assert call("diff", *names, "--json", "--csv")[0] == 2


@pytest.mark.parametrize("count", [2, 3])
def test_heat_maps(call, tmp_path, count):
    pytest.importorskip("matplotlib")
    names = [write(tmp_path / f"$a_{i}$<b>.pemn", masks(i)).name for i in range(count)]
    for suffix, magic in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        code, out, _ = call("diff", *names, "--plot", f"map{suffix}")
        assert (code, f"map{suffix}: heat map" in out) == (0, True)
        drawn = (tmp_path / f"map{suffix}").read_bytes()
        assert drawn.startswith(magic)
        code, _, err = call("diff", *names, "--plot", f"map{suffix}")
        assert (code, "--force" in err) == (2, True)
        assert call("diff", *names, "--plot", f"map{suffix}", "--force")[0] == 0
        assert (tmp_path / f"map{suffix}").read_bytes() == drawn
    svg = (tmp_path / "map.svg").read_text()
    number = compare(names).overall(0, 1).smc
    assert f">{number:.2f}<" in svg
    assert "$a_1$&lt;b&gt;.pemn" in svg
    code, _, err = call("diff", *names, "--plot", "map.gif")
    assert (code, ".png or *.svg" in err) == (2, True)


def test_diff_refuses_in_one_line(call, tmp_path):
    write(tmp_path / "a.pemn", masks(0))
    write(tmp_path / "b.pemn", masks(0, SHAPES | {"more": (2, 2)}))
    for arguments in (("a.pemn",), ("a.pemn", "gone.pemn"), ("-", "-"), (), ("a.pemn", "b.pemn")):
        code, _, err = call("diff", *arguments)
        assert (code, err.count("\n")) == (2, 1)
    assert "; --common compares only what all have" in err


def test_what_chance_gives_is_a_range_where_densities_differ(tmp_path):
    paths = [
        write(tmp_path / f"{i}.pemn", masks(i, density=d)) for i, d in enumerate((0.5, 0.5, 0.9))
    ]
    found = compare(paths)
    chance = [found.overall(*pair).chance_smc for pair in found.overlaps]
    assert by_chance(found, "smc") == f"{min(chance):.3f}-{max(chance):.3f}"
    assert by_chance(compare(paths[:2]), "smc") == f"{found.overall(0, 1).chance_smc:.3f}"
    assert by_chance(found, "smc") in to_text(found)


def test_norms_of_kept_and_dropped_weights():
    mask = masks(0)["1.weight"]
    kept = np.float32([3, 4])
    sparse = np.array([True, True, False])
    contents = [
        MaskedTensor("w", "f32", mask, 2, 0.5),
        MaskedTensor("half", "bf16", mask, 0, 1.0),
        MaskedTensor("turned", "f32", mask, 2, 0.5, plane=Plane("sign", mask)),
        MaskedTensor("drawn", "f32", mask, 2, 0.5, plane=Plane("generation", 3 * mask, 1 << 40)),
        MaskedTensor("signs", "f32", mask, 2, 0.5, signs=True),
        MaskedTensor("all", "f32", np.ones((2, 2), bool), 0, 1.0),
        SparseTensor("pruned", "f32", sparse, kept),
        DenseTensor("bias", "f32", np.float32([6, 8])),
        DenseTensor("steps", "i64", np.int64([5])),
        AliasTensor("tied", "w"),
    ]
    with open_archive(encode(contents, PROTOTYPE)) as archive:
        found = {n.name: n for n in norms(archive)}
    assert {*found} == {n.name for n in contents} - {"steps", "tied"}
    frozen = 0.5 * np.resize(np.roll(PROTOTYPE.values, -2), mask.shape).astype(np.float64)
    assert found["w"].kept == pytest.approx(np.linalg.norm(frozen[mask]))
    assert found["w"].dropped == pytest.approx(np.linalg.norm(frozen[~mask]))
    assert found["w"].dropped_rms == pytest.approx(np.sqrt(np.mean(frozen[~mask] ** 2)))
    rounded = np.resize(PROTOTYPE.values, mask.shape).astype(np.float64)
    assert found["half"].dropped == pytest.approx(np.linalg.norm(rounded[~mask]), rel=4e-3)
    assert found["turned"].dropped == found["w"].dropped
    assert found["drawn"].dropped is None
    assert found["signs"].kept_rms == pytest.approx(0.5)
    assert found["signs"].dropped_rms == pytest.approx(0.5)
    assert (found["all"].dropped, found["all"].dropped_rms) == (0, None)
    assert (found["pruned"].kept, found["pruned"].dropped) == (5, None)
    assert (found["bias"].kept, found["bias"].dropped) == (10, 0)


def test_inspect_shows_norms(call, tmp_path):
    write(tmp_path / "a.pemn", masks(0))
    told = json.loads(call("inspect", "a.pemn", "--norms", "--json")[1])
    assert told["norms"]["bias"]["kept"] == 5
    assert told["norms"]["1.weight"]["kept_count"] == masks(0)["1.weight"].sum()
    code, out, _ = call("inspect", "a.pemn", "--norms")
    assert code == 0
    assert f"  {'long.' * 12}weight  " in out
    assert f"{told['norms']['1.weight']['dropped']:.4g}" in out
    assert "norms" not in json.loads(call("inspect", "a.pemn", "--json")[1])
