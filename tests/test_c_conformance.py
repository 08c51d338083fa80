"""The C reader passes the whole conformance suite: same digests, same verdicts."""

import json

from test_c_reader import SPEC, check

__all__ = ["check"]  # a fixture, used by its name
SUITE = SPEC / "conformance"


def test_it_accepts_what_it_has_to_with_the_expected_digests(check):
    expected = json.loads((SUITE / "accept" / "expect.json").read_text())
    paths = [SUITE / "accept" / name for name in expected]
    told = [json.loads(line) for line in check.run(*paths).stdout.splitlines()]
    assert len(told) == len(paths) >= 70
    for one, path in zip(told, paths, strict=True):
        assert one["ok"], (path.name, one)
        want = expected[path.name]
        assert one["restored_sha256"] == want["restored_sha256"]
        got = {t["name"]: [t["dtype"], t["shape"], t["sha256"]] for t in one["tensors"]}
        assert got == want["tensors"]


def test_it_refuses_what_it_has_to(check):
    expected = json.loads((SUITE / "reject" / "expect.json").read_text())
    paths = [SUITE / "reject" / name for name in expected]
    done = check.run(*paths)
    assert done.returncode == 1
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(paths) >= 250
    assert [path.name for one, path in zip(told, paths, strict=True) if one["ok"]] == []
