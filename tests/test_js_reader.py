"""The reader in JavaScript: its own tests, the conformance suite among them, and zstd's frames."""

import hashlib
import json
import random
import re

import numpy as np
import zstandard
from node_tools import JS

from pemn_compress.version import __version__

SHORT = "const READER = process.argv[2];\n"


def test_its_own_tests_pass_the_whole_suite_among_them(node):
    out = node("--test", "--test-reporter=tap", *sorted(JS.glob("test/*.test.js")))
    counts = dict(re.findall(r"^# (pass|fail) (\d+)", out, re.MULTILINE))
    assert int(counts["pass"]) >= 24, out
    assert int(counts["fail"]) == 0, out


def contents():
    """Yield contents that need all that zstd has: literals of every kind, matches near and far."""
    draw, numbers = random.Random(5), np.random.default_rng(5)
    words = [bytes(draw.choices(range(97, 123), k=draw.randint(1, 9))) for _ in range(400)]
    yield from (b"", b"a", b"ab" * 5, bytes(3000), draw.randbytes(5000))
    yield b" ".join(draw.choices(words, k=40_000))
    yield numbers.normal(size=30_000).astype(np.float32).view(np.uint8).reshape(-1, 4).T.tobytes()
    yield numbers.geometric(0.2, size=200_000).astype(np.uint8).tobytes()
    far = draw.randbytes(150_000)
    yield far + bytes(70_000) + far + far[:999]
    for size in (1, 7, 31, 255, 256, 1000, 65_791, 65_792, 131_073):
        yield bytes(draw.choices(b"abcdefg\0\xff", weights=range(1, 10), k=size))


FRAMES = """
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const { decompress } = await import(pathToFileURL(READER + "/src/zstd/frame.js").href);
const told = JSON.parse(readFileSync("frames.json")).map(({ file, size, dictionary }) => {
  const before = dictionary === null ? undefined : new Uint8Array(readFileSync(dictionary));
  const content = decompress(new Uint8Array(readFileSync(file)), size, file, before);
  return createHash("sha256").update(content).digest("hex");
});
console.log(JSON.stringify(told));
"""


def test_it_decompresses_what_libzstd_makes_at_every_level(node, tmp_path):
    frames, expected = [], []
    text = b"".join(b'{"kind":"stored","bytes":%d}' % (i * i) for i in range(300))
    (tmp_path / "dictionary").write_bytes(text)
    raw = zstandard.ZstdCompressionDict(text, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    for i, content in enumerate(contents()):
        for level in (-5, 1, 3, 9, 19, 22):
            named = raw if level == 19 and i % 2 == 0 else None
            frame = zstandard.ZstdCompressor(
                level=level, dict_data=named, write_checksum=True, write_content_size=True
            ).compress(content)
            if frame[4] & 3:  # a frame that names a dictionary is refused, whatever it holds
                continue
            name = f"{i} {level}.zst"
            (tmp_path / name).write_bytes(frame)
            dictionary = None if named is None else "dictionary"
            frames.append({"file": name, "size": len(content), "dictionary": dictionary})
            expected.append(hashlib.sha256(content).hexdigest())
    (tmp_path / "frames.json").write_text(json.dumps(frames))
    (tmp_path / "try.mjs").write_text(SHORT + FRAMES)
    told = json.loads(node("try.mjs", JS, cwd=tmp_path))
    assert [f for f, a, b in zip(frames, told, expected, strict=True) if a != b] == []
    assert sum(frame["dictionary"] is not None for frame in frames) >= 8


def test_mutated_archives_are_refused_or_read_and_in_bounded_time(node):
    told = json.loads(node("test/fuzz.js", 3000, 17))
    assert told["rounds"] == 3000
    assert told["messages"] > 200  # it gets far
    assert told["slowest_seconds"] < 5


def test_the_time_of_restoring_is_told_as_in_c(node):
    out = node("test/time.js", 2, JS.parent / "conformance" / "accept" / "resnet32.pemn")
    told = [json.loads(line) for line in out.splitlines()]
    assert len(told) == 2
    assert all(one.keys() == {"cpu", "wall"} and one["wall"] > 0 for one in told)


def test_the_package_is_whole_small_and_has_no_dependencies():
    package = json.loads((JS / "package.json").read_text())
    assert package["type"] == "module"
    assert package["version"] == __version__
    assert package["license"] == "Apache-2.0"
    assert "dependencies" not in package
    listed = (JS.parent / "operators.txt").read_text()
    assert listed in (JS / "src" / "graph" / "operators.js").read_text()
    main = package["exports"]["."]
    for name in (*main.values(), *package["files"]):
        assert (JS / name).exists()
    types, index = ((JS / name).read_text() for name in ("index.d.ts", "index.js"))
    declared = re.findall(r"^export (?:class|function) (\w+)", types, re.MULTILINE)
    exported = re.findall(r"^export \{ (\w+) \}", index, re.MULTILINE)
    assert sorted(declared) == sorted(exported)
    for path in JS.rglob("*.js"):
        text = path.read_text()
        assert text.count("\n") < 350, path
        if "src" in path.relative_to(JS).parts:
            assert "node:" not in re.sub(r'getBuiltinModule\?\.\("node:crypto"\)', "", text), path
            assert set(re.findall(r'from "(.)', text)) <= {"."}, path
            assert text.count("BigInt(") <= (1 if path.name == "parse.js" else 0), path


# what a room may import: itself, and these
ROOMS = {
    "bytes": "",
    "hash": "bytes",
    "json": "bytes",
    "zstd": "bytes hash",
    "codecs": "bytes",
    "prng": "bytes hash",
    "manifest": "bytes json",
    "restore": "bytes hash zstd codecs prng manifest",
    "container": "bytes hash json zstd manifest restore",
    "graph": "bytes json zstd manifest",
    "run": "bytes manifest restore graph",
}


def test_rooms_import_one_way():
    assert {path.name for path in (JS / "src").iterdir()} == ROOMS.keys()
    for room, others in ROOMS.items():
        for path in (JS / "src" / room).iterdir():
            found = re.findall(r'from "\.\./(\w+)/', path.read_text())
            assert set(found) <= set(others.split()), path
