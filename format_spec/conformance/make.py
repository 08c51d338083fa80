"""Make the conformance suite, or check that it is what this program makes.

    python format_spec/conformance/make.py --write   # write every file of the suite
    python format_spec/conformance/make.py --check   # compare them with what is there

Nothing but the real model, `accept/resnet32.pemn`, needs torch. A few files of `accept` hold frames
that a zstd compressor made; another version of it may make other bytes, so those files are compared
by what is in them.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import make_accept
import make_graphs
import make_later
import make_reject
import make_vectors
from make_archive import tensor_digest

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import open_archive, records, values, verify
from pemn_compress.format.archive.spelling import to_json
from pemn_compress.format.graph import graph_of

FOLDER = Path(__file__).parent
MODEL = "resnet32"
MOST_BYTES = 4096  # of a file in `accept` that shows one feature
LARGER = {MODEL, "dense-aligned", "v11-compact-unaligned"}
README = """# Archives to refuse

A reader has to refuse every file of this folder, with one message and without restoring anything.
Each breaks the rule in the table, of the section of [SPEC.md](../../SPEC.md) named there; as far as
that is possible it is right in all else, digests included, so that a reader without that check
would accept it. The files `limit-*` break no rule of the format: they are beyond the default limits
of section 10.2.

The column *refused by*, which is also what [expect.json](expect.json) says, tells who has to refuse
a file:

- `listing`: whoever lists the archive (steps 1 to 8 of section 10.1), and so every reader;
- `restoring`: whoever restores all tensors, since it shows in a payload that is needed for that;
- `verifying`: only whoever verifies the archive, or reads the section itself, since it lies in what
  no tensor needs: the section `source`, a section that is not known, a prototype that is not used.

| file | section | refused by | rule |
| --- | --- | --- | --- |
"""

GRAPHS = """# Archives whose graph is to be refused

Every archive of this folder restores its tensors: a reader that knows no graphs accepts it. Its
section `graph` breaks a rule of section 14 of [SPEC.md](../../SPEC.md), and a reader of graphs has
to refuse it, with one message, before it computes anything. The column *refused by*, which is also
what [expect.json](expect.json) says, tells when it shows:

- `reading`: in the section itself, beside the names of the archive's tensors;
- `building`: only when shapes are followed from operator to operator.

| file | refused by | rule |
| --- | --- | --- |
"""


def suite() -> tuple[dict[str, bytes], set[str]]:
    """Return every file of the suite by its path, and those whose bytes a compressor decides."""
    files: dict[str, bytes] = {}
    own_zstd = {f"accept/{MODEL}.pemn"}
    expected: dict[str, Any] = {}
    for good in (*make_accept.accepted(), *make_later.accepted(), *make_graphs.accepted()):
        path = f"accept/{good.name}.pemn"
        assert path not in files, path
        assert len(good.data) <= MOST_BYTES or good.name in LARGER, path
        files[path] = good.data
        told = verify(good.data)  # what is expected was computed without the reader
        tensors = {
            part.record["name"]: _told(part.record, tensor_digest(part)) for part in good.parts
        }
        assert tensors == _restored(good.data), path
        expected[f"{good.name}.pemn"] = {
            "what": good.what, "restored_sha256": told["restored_sha256"], "tensors": tensors,
        }  # fmt: skip
        own_zstd |= {path} if good.own_zstd else set()
    model = make_accept.resnet32()
    files[f"accept/{MODEL}.pemn"] = model
    expected[f"{MODEL}.pemn"] = {
        "what": "a ResNet-32 for CIFAR: half of its weights, batch-norm of its own",
        "restored_sha256": verify(model)["restored_sha256"], "tensors": _restored(model),
    }  # fmt: skip
    files["accept/expect.json"] = _nested(expected)
    refusals: dict[str, Any] = {}
    readme = README
    for bad in (*make_reject.rejected(), *map(_bad, make_later.rejected())):
        path = f"reject/{bad.name}.pemn"
        assert path not in files, path
        _check_refused(bad)
        files[path] = bad.data
        refusals[f"{bad.name}.pemn"] = bad.found
        readme += f"| {bad.name}.pemn | {bad.section} | {bad.found} | {bad.rule} |\n"
    files["reject/expect.json"] = _lines(refusals)
    files["reject/README.md"] = readme.encode()
    files |= _graphs()
    files["vectors/generator.json"] = _nested(make_vectors.generator())
    files["vectors/codecs.json"] = _nested(make_vectors.codecs())
    return files, own_zstd


def _graphs() -> dict[str, bytes]:
    """Return the archives whose graph alone is to be refused, and the lists of them."""
    files: dict[str, bytes] = {}
    refusals: dict[str, Any] = {}
    readme = GRAPHS
    for bad in make_graphs.rejected():
        path = f"reject-graph/{bad.name}.pemn"
        assert path not in files, path
        _restore(bad.data)  # whoever restores tensors alone takes it
        try:
            with open_archive(bad.data) as archive:
                graph = graph_of(archive)
        except ArchiveError as error:
            found, message = make_graphs.READING, str(error)
        else:
            assert graph is not None
            found, message = make_graphs.BUILDING, bad.says  # tests build it, with torch
        assert (found, bad.says in message) == (bad.found, True), f"{bad.name}: {message}"
        files[path] = bad.data
        refusals[f"{bad.name}.pemn"] = bad.found
        readme += f"| {bad.name}.pemn | {bad.found} | {bad.rule} |\n"
    files["reject-graph/expect.json"] = _lines(refusals)
    files["reject-graph/README.md"] = readme.encode()
    return files


def _bad(later: make_later.Later) -> make_reject.Bad:
    told = later.section, later.what, later.says, later.data, later.found
    return make_reject.Bad(later.name, *told)


def _told(record: dict[str, Any], digest: bytes) -> list[Any]:
    return [record["dtype"], list(record["shape"]), digest.hex()]


def _restored(data: bytes) -> dict[str, list[Any]]:
    with open_archive(data) as archive:
        return {
            record.name: _told(
                {"dtype": record.dtype, "shape": record.shape},
                values.tensor_sha256(record.dtype, array),
            )
            for record, array in archive.tensors()
        }


def _check_refused(bad: make_reject.Bad) -> None:
    """Make sure that the reference reader refuses a file for the reason that it was made for.

    And not before the step that it was made for.
    """
    found = message = ""
    for step, read in STEPS.items():
        try:
            read(bad.data)
        except ArchiveError as error:
            found, message = step, str(error)
            break
    assert message, f"{bad.name}: accepted"
    assert found == bad.found, f"{bad.name}: refused by {found}: {message}"
    assert bad.says in message, f"{bad.name}: {message}"


def _list(data: bytes) -> None:
    open_archive(data).__exit__()


def _restore(data: bytes) -> None:
    """Restore all tensors, and read no section that none of them needs."""
    with open_archive(data) as archive:
        digests = {
            record.name: values.tensor_sha256(record.dtype, array)
            for record, array in archive.tensors()
        }
        if values.restored_sha256(digests) != archive.manifest.restored_sha256:
            raise ArchiveError("restored tensors: another digest")


STEPS: dict[str, Callable[[bytes], object]] = {
    make_reject.LISTING: _list, make_reject.RESTORING: _restore, make_reject.VERIFYING: verify,
}  # fmt: skip


def _nested(value: dict[str, Any]) -> bytes:
    """Return JSON with one line for each item of an object's objects and lists."""
    parts = []
    for key, item in value.items():
        rows: Iterable[str] = map(json.dumps, item)
        left, right = "[]"
        if isinstance(item, dict):
            left, right = "{}"
            rows = (f"{json.dumps(k)}: {_flat(v)}" for k, v in item.items())
        parts.append(f"{json.dumps(key)}: {left}\n" + ",\n".join(rows) + right)
    return ("{" + ",\n".join(parts) + "}\n").encode()


def _flat(value: Any) -> str:
    if isinstance(value, dict) and value:
        return "{" + ",\n ".join(f"{json.dumps(k)}: {_flat(v)}" for k, v in value.items()) + "}"
    return json.dumps(value, separators=(",", ":"))


def _lines(value: dict[str, Any]) -> bytes:
    return ("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            + "}\n").encode()  # fmt: skip


def meaning(data: bytes) -> Any:
    """Return what an archive says, without what a compressor decides."""
    with open_archive(data) as archive:
        told = to_json(archive.manifest)
        for record in told["tensors"]:
            if record["values"]["kind"] == "stored":
                for key in ("bytes", "coding"):
                    del record["values"][key]
        for section in told["sections"]:
            if section["name"] == records.DENSE:
                del section["bytes"]
            if section["name"] == records.DENSE or archive.manifest.compact:
                section.pop("sha256", None)
        payload = hashlib.sha256(b"".join(array.tobytes() for array in archive.restored().values()))
        return told, payload.hexdigest()


def check() -> list[str]:
    """Return what differs between the suite and what this program makes, a line each."""
    files, own_zstd = suite()
    there = {
        path.relative_to(FOLDER).as_posix()
        for folder in ("accept", "reject", "reject-graph", "vectors")
        for path in (FOLDER / folder).iterdir()
    }
    wrong = [f"{path}: missing" for path in sorted(files.keys() - there)]
    wrong += [f"{path}: not a file of the suite" for path in sorted(there - files.keys())]
    for path in sorted(files.keys() & there):
        found = (FOLDER / path).read_bytes()
        same = found == files[path]
        if not same and path in own_zstd:
            same = meaning(found) == meaning(files[path])
        if not same:
            wrong.append(f"{path}: differs")
    return wrong


def write() -> None:
    """Write every file of the suite, and take away archives that are not in it any more."""
    files, _ = suite()
    for folder in ("accept", "reject", "reject-graph", "vectors"):
        (FOLDER / folder).mkdir(exist_ok=True)
        for path in (FOLDER / folder).iterdir():
            if path.relative_to(FOLDER).as_posix() not in files:
                path.unlink()
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
    print(f"{len(files)} files, {sum(map(len, files.values()))} bytes")


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="compare, and exit with 1 if differs")
    action.add_argument("--write", action="store_true", help="write the files")
    if parser.parse_args().write:
        write()
        return 0
    wrong = check()
    print("\n".join(wrong) or "the suite is what make.py makes")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
