"""Build the wheels of both distributions from the one source tree.

pemn-format has the modules that shared.txt names, pemn-compress all others; no file is in both. The
tree's own pyproject.toml describes the whole, and what is said of each wheel is taken from it.

    python distributions/build.py [FOLDER]      (default: dist)
"""

import json
import runpy
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pemn_compress"
SHARED = Path(__file__).parent / "shared.txt"
NEEDED = ("numpy", "bitarray", "zstandard", "click", "lazy_loader", "rich")  # without torch
DATA = ("py.typed", "*.pyi", "*.toml", "*.json", "*.css", "*.html", "*.js", "*.txt")

Table = dict[str, Any]


def shared_names() -> list[str]:
    """Return the lines of shared.txt: names of modules and rooms."""
    lines = SHARED.read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def is_shared(path: Path) -> bool:
    """Tell whether a file of the package (relative to it) belongs to pemn-format."""
    if path.parts[:-1] == () and path.suffix in (".pyi", ".typed"):
        return True
    module = ".".join(path.with_suffix("").parts)
    return any(f"{module}.".startswith(f"{name}.") for name in shared_names())


def files() -> list[Path]:
    """Return every file of the package, relative to it."""
    found = (path for pattern in ("*.py", *DATA) for path in PACKAGE.rglob(pattern))
    return sorted(path.relative_to(PACKAGE) for path in found if "__pycache__" not in path.parts)


def projects() -> dict[str, Table]:
    """Return the [project] tables of both distributions."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version = runpy.run_path(str(PACKAGE / "version.py"))["__version__"]
    same: Table = {
        key: whole[key] for key in ("license", "requires-python", "keywords", "classifiers")
    }
    extras: dict[str, list[str]] = whole["optional-dependencies"]
    inner = [line for line in whole["dependencies"] if line.startswith(NEEDED)]
    assert len(inner) == len(NEEDED)
    return {
        "pemn-format": {
            "name": "pemn-format",
            "version": version,
            "description": "Archives of networks stored as a seed and masks, read and run in numpy",
            "readme": "README.md",
            **same,
            "dependencies": inner,
            "optional-dependencies": {"plot": extras["plot"]},
            "scripts": whole["scripts"],
        },
        "pemn-compress": {
            "name": "pemn-compress",
            "version": version,
            "description": whole["description"],
            "readme": "README.md",
            **same,
            "dependencies": [
                f"pemn-format=={version}",
                *(line for line in whole["dependencies"] if line not in inner),
            ],
            "optional-dependencies": extras,
        },
    }


def toml(project: Table) -> str:
    """Return a pyproject.toml; JSON's strings and lists are TOML's too."""
    lines = ["[build-system]", 'requires = ["setuptools>=68"]']
    lines += ['build-backend = "setuptools.build_meta"', "[project]"]
    tables = {key: value for key, value in project.items() if isinstance(value, dict)}
    lines += [f"{key} = {json.dumps(value)}" for key, value in project.items() if key not in tables]
    for name, table in tables.items():
        lines.append(f"[project.{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    lines += ["[tool.setuptools.packages.find]", 'include = ["pemn_compress*"]']
    lines += ["[tool.setuptools.package-data]", f'"*" = {json.dumps(DATA)}']
    return "\n".join(lines) + "\n"


def build(name: str, project: Table, target: Path) -> Path:
    """Build one wheel and return its path."""
    with tempfile.TemporaryDirectory() as temporary:
        stage = Path(temporary)
        for path in files():
            if is_shared(path) == (name == "pemn-format"):
                copy = stage / "pemn_compress" / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(PACKAGE / path, copy)
        readme = ROOT / "README.md" if name == "pemn-compress" else SHARED.parent / f"{name}.md"
        shutil.copyfile(readme, stage / "README.md")
        shutil.copyfile(ROOT / "LICENSE", stage / "LICENSE")
        (stage / "pyproject.toml").write_text(toml(project), "utf-8")
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        subprocess.run([*command, "--wheel-dir", str(target), str(stage)], check=True)
    stem = f"{name.replace('-', '_')}-{project['version']}"
    return next(target.glob(f"{stem}-*.whl"))


def check(wheels: dict[str, Path]) -> None:
    """Refuse wheels that share a file, or that leave one of the tree's out."""
    held = {
        name: {one for one in zipfile.ZipFile(path).namelist() if ".dist-info/" not in one}
        for name, path in wheels.items()
    }
    both = held["pemn-format"] & held["pemn-compress"]
    missing = {f"pemn_compress/{path.as_posix()}" for path in files()} - set.union(*held.values())
    if both or missing:
        sys.exit(f"in both wheels: {sorted(both)}; in neither: {sorted(missing)}")


def main() -> None:
    """Build both wheels and print their names and sizes."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").resolve()
    target.mkdir(parents=True, exist_ok=True)
    wheels = {name: build(name, project, target) for name, project in projects().items()}
    check(wheels)
    for name, path in wheels.items():
        print(f"{path.name}: {path.stat().st_size:,} bytes ({name})")


if __name__ == "__main__":
    main()
