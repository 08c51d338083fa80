"""Fuzz the reader and the builder of graphs: mutated ones must be built or refused, and quickly.

    python benchmarks/fuzz_graphs.py --count 100000 --seed 1 --processes 2

Each input is a graph of the conformance suite with operators of the list put in, their arguments
drawn by the types of their schemas, or with fields and arguments of it changed. What is read is
tried without memory as `load` tries it; nothing of it runs. Nothing may happen but success, or an
ArchiveError or ModelError of one line, within the bounds of time and memory. Each input depends on
the seed and its number alone; the first that breaks a rule is printed, and the exit status is 1.
"""

import argparse
import json
import multiprocessing
import random
import resource
import struct
import sys
import time
import warnings
from collections import Counter
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import torch
import zstandard

from pemn_compress.errors import ArchiveError, ModelError
from pemn_compress.format.archive import Limits, open_archive
from pemn_compress.format.graph import Schema, Tensors, described, operators, read_graph
from pemn_compress.storing.graphs.building import build_graph

CORPUS = Path(__file__).parent.parent / "format_spec" / "conformance" / "accept"
LIMITS = Limits(max_weights=1 << 24, max_bytes=1 << 26, max_manifest_bytes=1 << 20)
MOST_SECONDS = 5.0
NUMBERS = (0, 1, 2, 3, 4, -1, -2, 5, 7, 8, 16, 64, 1 << 15, 1 << 31, 1 << 40, (1 << 63) - 1,
           -(1 << 63))  # fmt: skip
FLOATS = ("#0000000000000000", "#3ff0000000000000", "#bff0000000000000", "#7ff0000000000000",
          "#7ff8000000000000", "#3fb999999999999a", "#7fefffffffffffff")  # fmt: skip
TEXTS = ("'", "'constant", "'reflect", "'circular", "'same", "'valid", "'tanh", "'ij", "'floor",
         "'trunc", "'sum", "'mean", "'amax", "'ab,bc->ac", "'...a,a->...", "'preserve")  # fmt: skip
DTYPES = (":f32", ":f64", ":f16", ":bf16", ":i64", ":i32", ":u8", ":bool")
OTHERS = (None, True, False, [], {}, "%0", "%1", "%99", "x", [1, 2], ["%0"], 1 << 64, "\n")
Text = dict[str, Any]


@cache
def corpus() -> list[tuple[Text, bytes, Tensors]]:
    """Return the good graphs: their text, the bytes of their constants, the archive's tensors."""
    found = []
    for path in sorted(CORPUS.glob("graph-*.pemn")):
        with open_archive(path) as archive:
            raw = zstandard.ZstdDecompressor().decompress(bytes(archive.section("graph")))
            length = int.from_bytes(raw[:4], "little")
            found.append((json.loads(raw[4 : 4 + length]), raw[4 + length :], described(archive)))
    return found


def make_input(seed: int, number: int) -> tuple[bytes, Tensors]:
    """Return a section, and the tensors of its archive."""
    draw = random.Random(f"{seed}/{number}")
    text, constants, tensors = draw.choice(corpus())
    text = json.loads(json.dumps(text))
    for _ in range(draw.choice((1, 1, 2, 3, 6))):
        (put_in if draw.random() < 0.7 else change)(text, draw)
    if draw.random() < 0.02:
        constants = constants[:-1] + b"\0" * draw.randrange(3)
    try:
        raw = json.dumps(text, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except TypeError:  # keys of several types
        raw = json.dumps(text, separators=(",", ":")).encode()
    packed = struct.pack("<I", len(raw)) + raw + constants
    return zstandard.ZstdCompressor(1).compress(packed), tensors


def put_in(text: Text, draw: random.Random) -> None:
    """Add a node of any operator, its arguments of the types that it takes, to the result."""
    nodes, names = text.get("nodes"), text.get("operators")
    lists = [text.get(key) for key in ("inputs", "tensors", "constants")]
    if not all(isinstance(one, list) for one in (nodes, names, *lists)):
        return
    assert isinstance(nodes, list)
    assert isinstance(names, list)
    first = sum(map(len, lists))  # type: ignore[arg-type]
    schema = draw.choice(_schemas())
    values = first + len(nodes)
    if not all(isinstance(name, str) for name in names):
        return
    arguments = [_argument(one.type, values, draw) for one in schema.arguments]
    kept = draw.randint(schema.required, len(arguments))
    used = [names[node[0]] for node in nodes if isinstance(node, list) and _place(node, names)]
    if len(used) < len(nodes):
        return
    text["operators"] = sorted({*used, schema.name})
    for node, name in zip(nodes, used, strict=True):
        node[0] = text["operators"].index(name)
    nodes.append([text["operators"].index(schema.name), *arguments[:kept]])
    value = f"%{values}"
    if schema.several:
        text["operators"] = sorted({*text["operators"], "tuple.get"})
        for node, name in zip(nodes, [*used, schema.name], strict=True):
            node[0] = text["operators"].index(name)
        nodes.append([text["operators"].index("tuple.get"), value, 0])
        value = f"%{values + 1}"
    text["result"] = ["tuple", text.get("result"), value]


@cache
def _schemas() -> list[Schema]:
    return list(operators().values())


def _place(node: list[Any], names: list[str]) -> bool:
    return bool(node) and isinstance(node[0], int) and 0 <= node[0] < len(names)


def _argument(type_: Any, values: int, draw: random.Random) -> Any:
    if type_.optional and draw.random() < 0.4:
        return None
    if type_.listed:
        count = draw.choice((0, 1, 1, 2, 2, 2, 3, 4, type_.length or 2))
        return [_single(type_, values, draw) for _ in range(count)]
    return _single(type_, values, draw)


def _single(type_: Any, values: int, draw: random.Random) -> Any:
    if type_.holes and draw.random() < 0.3:
        return None
    match type_.base:
        case "Tensor" | "Any":
            return f"%{draw.randrange(values)}"
        case "int":
            return draw.choice(NUMBERS[:9] if draw.random() < 0.8 else NUMBERS)
        case "float":
            return draw.choice(FLOATS)
        case "bool":
            return draw.random() < 0.5
        case "Scalar":
            return draw.choice((*NUMBERS[:6], *FLOATS, True))
        case "ScalarType":
            return draw.choice(DTYPES)
    return draw.choice(TEXTS)


def change(text: Text, draw: random.Random) -> None:
    """Change, remove or double any field or item."""
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key in value if isinstance(value, dict) else range(len(value)):
            places.append((value, key))
            if isinstance(value[key], dict | list):
                walk(value[key])

    walk(text)
    there, key = draw.choice(places)
    fate = draw.random()
    if fate < 0.15:
        del there[key]
    elif fate < 0.25 and isinstance(there, list):
        there.insert(key, deepcopy(there[key]))
    else:  # a list of its own: the next change may be made in it
        chosen = draw.choice((*OTHERS, *NUMBERS, *FLOATS[:2], *DTYPES[:2], *TEXTS[:3]))
        there[key] = deepcopy(chosen)


def try_one(seed: int, number: int) -> tuple[str, str]:
    """Return what became of an input, and how it broke a rule ("": it did not)."""
    raw, tensors = make_input(seed, number)
    start = time.process_time()
    try:
        graph = read_graph(raw, tensors, LIMITS)
        outcome = "read"
        build_graph(graph, tensors, LIMITS, "archive")
        outcome = "built"
    except ArchiveError as error:
        outcome, told = "refused when read", str(error)
    except ModelError as error:
        outcome, told = "refused when built", str(error)
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"
    else:
        told = ""
    seconds = time.process_time() - start
    if "\n" in told or len(told) > 2000:
        return outcome, f"a message that is not one line: {told!r:.200}"
    if seconds > MOST_SECONDS:
        return outcome, f"took {seconds:.1f} s: {told}"
    return outcome, ""


def campaign(job: tuple[int, range]) -> tuple[Counter[str], tuple[int, str] | None]:
    """Try a range of inputs; stop at the first that breaks a rule."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    seed, numbers = job
    outcomes: Counter[str] = Counter()
    for number in numbers:
        outcome, wrong = try_one(seed, number)
        outcomes[outcome] += 1
        if wrong:
            return outcomes, (number, wrong)
    return outcomes, None


def main() -> int:
    """Run a campaign and print its counts; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, help="number of inputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    start, step = time.perf_counter(), max(1, min(1000, options.count // options.processes))
    jobs = [
        (options.seed, range(first, min(first + step, options.count)))
        for first in range(0, options.count, step)
    ]
    outcomes: Counter[str] = Counter()
    failures = []
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for found, failure in pool.imap_unordered(campaign, jobs):
            outcomes += found
            failures += [failure] if failure else []
    seconds = time.perf_counter() - start
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(f"{sum(outcomes.values())} graphs in {seconds:.0f} s, {most} MiB at most: "
          + ", ".join(f"{key} {value}" for key, value in sorted(outcomes.items())))  # fmt: skip
    for number, wrong in failures:
        print(f"number {number} of seed {options.seed}: {wrong}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
