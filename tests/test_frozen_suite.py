"""Archives of the suite and the examples never change: their digests stand beside them."""

import hashlib
from pathlib import Path

SPEC = Path(__file__).parents[1] / "format_spec"


def digests() -> dict[str, str]:
    lines = (SPEC / "SHA256SUMS").read_text("ascii").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def test_no_archive_has_changed_and_each_new_one_is_listed() -> None:
    archives = [*SPEC.glob("conformance/**/*.pemn"), *SPEC.glob("examples/*.pemn")]
    found = {
        path.relative_to(SPEC).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [*archives, SPEC / "dictionary.txt"]
    }
    listed = digests()
    assert {name: found.get(name) for name in listed} == listed
    missing = [f"{found[name]}  {name}" for name in sorted(found.keys() - listed.keys())]
    assert not missing, "add to format_spec/SHA256SUMS: " + "; ".join(missing)
    assert len(listed) > 600
