"""The conformance suite: the reader passes it, and it is what its own program makes."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import zstandard

from pemn_compress import load
from pemn_compress.errors import ArchiveError, ModelError
from pemn_compress.format import codecs, prng
from pemn_compress.format.archive import inspect, open_archive, opening, payloads, values, verify
from pemn_compress.format.archive.records import Shuffle
from pemn_compress.format.graph import described, graph_of, read_graph, write_graph

SUITE = Path(__file__).parent.parent / "format_spec" / "conformance"
ACCEPT = json.loads((SUITE / "accept" / "expect.json").read_text())
REJECT = json.loads((SUITE / "reject" / "expect.json").read_text())
REJECT_GRAPH = json.loads((SUITE / "reject-graph" / "expect.json").read_text())
GENERATOR = json.loads((SUITE / "vectors" / "generator.json").read_text())
MASKS = json.loads((SUITE / "vectors" / "codecs.json").read_text())["masks"]
LARGER = {"resnet32.pemn", "dense-aligned.pemn", "v11-compact-unaligned.pemn"}
MOST_BYTES = 4096


def files(folder):
    return {path.name: path.stat().st_size for path in (SUITE / folder).glob("*.pemn")}


def words(text):
    return [int(word, 16) for word in text.split()]


def pair(told):
    return int(told["seed"], 16), int(told["stream"], 16)


def test_the_folders_hold_what_their_lists_name():
    readme = (SUITE / "reject" / "README.md").read_text()
    rows = re.findall(r"^\| (\S+\.pemn) \| [0-9.]+ \| (\w+) \| \S", readme, re.MULTILINE)
    assert rows == list(REJECT.items())
    readme = (SUITE / "reject-graph" / "README.md").read_text()
    rows = re.findall(r"^\| (\S+\.pemn) \| (\w+) \| \S", readme, re.MULTILINE)
    assert rows == list(REJECT_GRAPH.items())
    for folder, expected in (
        ("accept", ACCEPT), ("reject", REJECT), ("reject-graph", REJECT_GRAPH),
    ):  # fmt: skip
        assert files(folder).keys() == expected.keys()
        others = {path.name for path in (SUITE / folder).iterdir()} - expected.keys()
        assert others == {"expect.json"} | ({"README.md"} if folder != "accept" else set())


def test_the_suite_is_small():
    for name, size in files("accept").items():
        assert size <= MOST_BYTES or name in LARGER, name
    assert max(files("reject").values()) <= 5000
    assert max(files("reject-graph").values()) <= 1500
    folders = [SUITE / folder for folder in ("accept", "reject", "reject-graph", "vectors")]
    assert sum(path.stat().st_size for folder in folders for path in folder.iterdir()) < 700_000


@pytest.mark.parametrize("name", ACCEPT)
def test_a_good_archive_restores_to_the_expected_digests(name):
    path, expected = SUITE / "accept" / name, ACCEPT[name]
    assert verify(path)["restored_sha256"] == expected["restored_sha256"]
    with open_archive(path) as archive:
        restored = {
            record.name: [
                record.dtype,
                list(array.shape),
                values.tensor_sha256(record.dtype, array).hex(),
            ]
            for record, array in archive.tensors()
        }
    assert restored == expected["tensors"]


@pytest.mark.parametrize("name", REJECT)
def test_a_bad_archive_is_refused_as_soon_as_it_can_be(name):
    path = SUITE / "reject" / name
    steps = {"listing": inspect, "restoring": restore, "verifying": verify}
    for step, read in steps.items():
        if step == REJECT[name]:
            break
        read(path)
    with pytest.raises(ArchiveError) as error:
        read(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    assert len(message) < 1000
    with pytest.raises(ArchiveError):
        verify(path)


@pytest.mark.parametrize("name", [name for name in ACCEPT if name.startswith("graph-")])
def test_a_good_graph_is_read_built_and_written_again(name):
    with open_archive(SUITE / "accept" / name) as archive:
        graph = graph_of(archive)
        again = write_graph(graph, described(archive))
        assert write_graph(read_graph(again, described(archive)), described(archive)) == again
    model = load(SUITE / "accept" / name)
    given = [
        torch.ones([one if isinstance(one, int) else 2 for one in put.shape])
        for put in graph.inputs
    ]
    if name == "graph-outputs.pemn":
        made = model(first=given[0], second=[given[1], "mean"])
        assert list(made) == ["out", "parts", 1]
        assert made["parts"][1] == (3, None, True, "\xe9")
        assert made[1] == 0.5
    else:
        assert model(given[0]) is not None


@pytest.mark.parametrize("name", REJECT_GRAPH)
def test_a_bad_graph_is_refused_by_who_reads_it_and_its_tensors_are_restored(name):
    path = SUITE / "reject-graph" / name
    restore(path)
    with pytest.raises((ArchiveError, ModelError)) as error:
        load(path)
    message = str(error.value)
    assert message.startswith(f"{path}: graph: ")
    assert len(message.splitlines()) == 1
    if REJECT_GRAPH[name] == "reading":
        with pytest.raises(ArchiveError):
            verify(path)
    else:
        assert isinstance(error.value, ModelError)
        verify(path)


def test_who_has_to_refuse_what_is_told_in_one_of_three_words():
    readme = (SUITE / "README.md").read_text()
    told = re.findall(r"^\| `(\w+)` \| .* \| .* \|$", readme, re.MULTILINE)
    assert [word for word in told if word in REJECT.values()] == [
        "listing", "restoring", "verifying",
    ]  # fmt: skip
    assert set(REJECT.values()) == {"listing", "restoring", "verifying"}
    only_verified = [name for name, word in REJECT.items() if word == "verifying"]
    assert all(name.startswith(("source-", "digest-", "prototype-")) for name in only_verified)
    assert "version 1.0 of the" in readme


def restore(path):
    """Restore all tensors, and read nothing that none of them needs."""
    with open_archive(path) as archive:
        digests = {
            record.name: values.tensor_sha256(record.dtype, array)
            for record, array in archive.tensors()
        }
        if values.restored_sha256(digests) != archive.manifest.restored_sha256:
            raise ArchiveError(f"{path}: restored tensors: another digest")


def test_blocks_above_their_bound_are_refused_for_that_alone(monkeypatch):
    names = [name for name in REJECT if "-block-" in name]
    assert len(names) == 17
    lenient = []
    for name in names:
        with pytest.raises(ArchiveError, match="zstd"):
            verify(SUITE / "reject" / name)

    def at_once(packed, most, exact, what, before=None):
        try:
            return zstandard.ZstdDecompressor().decompress(packed, max_output_size=most)
        except zstandard.ZstdError as error:
            raise ArchiveError(str(error)) from None

    for module in (opening, payloads, values.zstd):
        monkeypatch.setattr(module, "decompress", at_once)
    for name in names:
        try:
            verify(SUITE / "reject" / name)
            lenient.append(name)
        except ArchiveError:
            assert name in ("zstd-block-reserved.pemn", "zstd-block-beyond.pemn",
                            "zstd-block-size.pemn", "manifest-block-segment.pemn")  # fmt: skip
    assert len(lenient) >= 13  # all that their digests say is right


def test_a_trillion_weights_fit_in_400_bytes():
    assert files("reject")["limit-constant.pemn"] < 400


def test_the_suite_is_what_its_program_makes():
    done = subprocess.run(
        [sys.executable, SUITE / "make.py", "--check"], capture_output=True, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_generators_vectors():
    for told in GENERATOR["philox"] + GENERATOR["blocks"]:
        if "counter" in told:
            counter, key = words(told["counter"]), words(told["key"])
        else:
            (seed, stream), index = pair(told), int(told["index"], 16)
            halves = [(number % 2**32, number >> 32) for number in (index, stream, seed)]
            counter, key = [*halves[0], *halves[1]], list(halves[2])
        columns = tuple(np.array([word], np.uint64) for word in counter)
        assert [int(word[0]) for word in prng.philox_block(columns, tuple(key))] == words(
            told["block"]
        )
    for told in GENERATOR["word"]:
        drawn = prng.words(*pair(told), told["index"] + 1)
        assert int(drawn[-1]) == int(told["word"], 16)


def test_the_streams_and_the_table():
    for told in GENERATOR["streams"]:
        assert prng.words(*pair(told), 64).tolist() == words(told["words"])
        for name, draw in prng.TRANSFORMS.items():
            assert draw(*pair(told), 64).view(np.uint32).tolist() == words(told[name])
    table = prng.normal_table()
    digest, *entries = GENERATOR["table"]
    assert hashlib.sha256(table[32768:].astype("<f4").tobytes()).hexdigest() == digest["sha256"]
    for told in entries:
        assert table[told["index"]].view(np.uint32) == int(told["value"], 16)


def test_the_shuffles():
    for told in GENERATOR["shuffles"]:
        seed, stream = pair(told)
        numbers = np.arange(told["prototype"], dtype=np.float32)
        taken = values.shuffled(numbers, Shuffle(told["length"], seed, stream))
        assert taken.tolist() == told["taken"]
        assert [i % told["prototype"] for i in told["order"]] == told["taken"]
        assert sorted(told["order"]) == list(range(told["length"]))
    for told in GENERATOR["ties"]:
        drawn = prng.words(*pair(told), told["length"])
        assert {int(drawn[i]) for i in told["indices"]} == {int(told["word"], 16)}
        numbers = np.arange(told["length"], dtype=np.float32)
        taken = values.shuffled(numbers, Shuffle(told["length"], *pair(told)))
        assert taken[told["places"]].tolist() == told["indices"]


def test_every_size_and_count_of_ones_is_among_the_masks():
    seen = {(int(np.prod(told["shape"])), told["ones"]) for told in MASKS}
    for numel in (1, 7, 8, 9, 63, 64, 65, 4096):
        assert {(numel, ones) for ones in (0, 1, numel // 2, numel - 1, numel)} <= seen
    for name in codecs.CODECS:
        assert sum(name in told for told in MASKS) >= 37


@pytest.mark.parametrize("told", MASKS, ids=[f"{m['shape']}-{m['ones']}" for m in MASKS])
def test_the_masks_payloads_both_ways(told):
    numel = int(np.prod(told["shape"]))
    if "runs" in told:
        runs = told["runs"]
        flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    else:
        packed = np.frombuffer(bytes.fromhex(told["bits"]), np.uint8)
        flat = np.unpackbits(packed, count=numel, bitorder="little").astype(np.bool_)
    mask = flat.reshape(told["shape"])
    assert mask.sum() == told["ones"]
    for name in codecs.CODECS.keys() & told.keys():
        expected = told[name]
        used, payload = codecs.encode(name, mask)
        if isinstance(expected, dict):
            assert len(payload) == expected["bytes"]
            assert hashlib.sha256(payload).hexdigest() == expected["sha256"]
        else:
            assert (used, payload.hex()) == (name, expected)
        decoded = codecs.CODECS[name].decode(payload, tuple(told["shape"]), told["ones"])
        assert (decoded == mask).all()
