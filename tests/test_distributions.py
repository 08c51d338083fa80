"""Two distributions of one tree: what goes into which, and that the smaller one stands alone."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from test_layers import MODULES, reached

import pemn_compress

ROOT = Path(__file__).parent.parent
_spec = importlib.util.spec_from_file_location("build", ROOT / "distributions" / "build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)

SHARED = {
    "pemn_compress." + ".".join(path.with_suffix("").parts)
    for path in build.files()
    if path.suffix == ".py" and build.is_shared(path)
}
SHARED = {name.removesuffix(".__init__") for name in SHARED}


def test_every_file_of_the_package_is_in_one_of_both():
    tracked = subprocess.run(
        ["git", "ls-files", "pemn_compress"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("not a git checkout")
    told = {Path(line).relative_to("pemn_compress") for line in tracked.stdout.splitlines()}
    assert told <= set(build.files())


def test_every_name_in_the_list_is_there():
    for name in build.shared_names():
        module = "pemn_compress." + name
        assert module.removesuffix(".__init__") in MODULES, name


@pytest.mark.parametrize("name", sorted(SHARED))
def test_what_is_shared_loads_nothing_that_is_not(name):
    own = {module for module in reached(name) if module in MODULES}
    assert own <= SHARED


def test_the_two_say_what_they_need():
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    projects = build.projects()
    version = pemn_compress.__version__
    inner, outer = (projects[name]["dependencies"] for name in ("pemn-format", "pemn-compress"))
    assert f"pemn-format=={version}" in outer
    assert sorted([*inner, *outer]) == sorted([*whole, f"pemn-format=={version}"])
    assert not [line for line in inner if line.startswith("torch")]
    for name, project in projects.items():
        told = tomllib.loads(build.toml(project))["project"]
        assert told["name"] == name
        assert told["version"] == version
        assert ("scripts" in told) == (name == "pemn-format")  # one file cannot be in both


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Run Python where there is what pemn-format brings, and neither torch nor the rest."""
    place = tmp_path_factory.mktemp("alone")
    for path in build.files():
        if build.is_shared(path):
            (place / "pemn_compress" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(build.PACKAGE / path, place / "pemn_compress" / path)

    def run(code, *arguments, cwd=None):
        # an editable install finds modules of the tree wherever the package itself lies
        blocked = (
            "import sys; sys.modules.update(torch=None, torchvision=None)\n"
            "sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        )
        return subprocess.run(
            [sys.executable, "-c", blocked + code, *arguments], cwd=cwd, capture_output=True,
            text=True, timeout=60, check=False, env=os.environ | {"PYTHONPATH": str(place)},
        )  # fmt: skip

    return run


def test_what_needs_torch_says_so_from_python(alone):
    run = alone("""
import pemn_compress
for name in ("load", "MaskedModel", "compress"):
    try:
        getattr(pemn_compress, name)
    except ImportError as error:
        print(error)
import numpy
print(pemn_compress.decode(pemn_compress.encode({"a": numpy.ones(2)})))
""")
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "pemn_compress.load needs torch: pip install . in a checkout of pemn-compress",
        "pemn_compress.MaskedModel needs torch: pip install . in a checkout of pemn-compress",
        "pemn_compress.compress needs torch: pip install . in a checkout of pemn-compress",
        "{'a': array([1., 1.])}",
    ]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["compress", "mlp"], 2),
        (["restore", "a.pemn"], 2),
        (["report", "resnet20"], 2),
        (["restore", "a.pemn", "-o", "a.npz"], 0),
        (["restore", "a.pemn", "-o", "a.safetensors"], 0),
        (["inspect", "a.pemn"], 0),
        (["verify", "a.pemn"], 0),
        (["report", "a.pemn"], 0),
        (["diff", "a.pemn", "a.pemn"], 0),
    ],
)
def test_commands_without_torch(alone, tmp_path, arguments, status):
    w = np.eye(4, dtype=np.float32)
    (tmp_path / "a.pemn").write_bytes(pemn_compress.encode({"w": w}, masks={"w": w != 0}))
    code = "from pemn_compress.cli import main; main(sys.argv[1:])"
    run = alone(code, *arguments, cwd=tmp_path)
    assert run.returncode == status, run.stderr
    if status:
        assert (
            run.stderr
            == "pemn: this command needs torch: pip install . in a checkout of pemn-compress\n"
        )
    else:
        assert run.stderr == ""
