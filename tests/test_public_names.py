"""The public names: each stands once, leads somewhere, and is found where it was in version 0.1."""

import builtins
import importlib
import subprocess
import sys

import pytest

import pemn_compress

PUBLIC = {
    "Limits", "MaskedModel", "PemnError", "PemnModel", "PemnWarning", "PrunedModel", "Seeded",
    "__version__", "build", "compare", "compress", "decode", "encode", "evaluate",
    "import_checkpoint", "inspect", "load", "open", "recompute_batchnorm", "rehearse", "report",
    "restore", "run", "save", "verify",
}  # fmt: skip
BEFORE = {
    "MaskedModel": "masked_model",
    "PrunedModel": "pruned_model",
    "build": "architecture",
    "compare": "analysis",
    "compress": "compressing",
    "import_checkpoint": "importing",
    "inspect": "archive",
    "load": "loading",
    "open_archive": "archive",
    "report": "reporting",
    "restore": "exporting",
    "save": "packing",
    "verify": "archive",
}


def test_the_public_names_are_these():
    assert set(pemn_compress.__all__) == PUBLIC
    assert set(dir(pemn_compress)) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_name_leads_somewhere_and_says_what_it_is(name):
    value = getattr(pemn_compress, name)
    assert value is not getattr(builtins, name, None)
    assert value.__doc__


@pytest.mark.parametrize(("name", "module"), sorted(BEFORE.items()))
def test_a_name_is_found_where_it_was(name, module):
    home = importlib.import_module(f"pemn_compress.{module}")
    assert getattr(home, name) is getattr(pemn_compress, name)


def test_a_module_is_not_loaded_twice_under_its_earlier_path():
    code = """
from pemn_compress.archive.records import Alias
from pemn_compress.format.archive import records
import pemn_compress.archive.writer as writer
import sys
assert records.Alias is Alias
assert writer is sys.modules["pemn_compress.format.archive.writer"]
assert writer.__spec__.name == writer.__name__ == "pemn_compress.format.archive.writer"
print("done")
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (run.stdout, run.stderr) == ("done\n", "")


def test_a_name_that_there_is_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = pemn_compress.nonsense
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("pemn_compress.nonsense")


def test_a_name_that_is_mistyped_is_answered():
    with pytest.raises(AttributeError, match="did you mean MaskedModel"):
        pemn_compress.Maskedmodel  # noqa: B018
    assert not hasattr(pemn_compress, "__wrapped__")
