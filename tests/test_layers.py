"""The shape of the package: what may import what, and what must not load torch."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import pemn_compress

ROOT = Path(pemn_compress.__file__).parent
# from the ground up: a room imports from itself and from those before it
ROOMS = (
    "printable", "errors", "kinds", "version", "atomic", "apart", "earlier", "format",
    "masking.rules", "accounting", "reporting", "viewing",
    "analysis", "running", "masking", "data", "models", "training", "storing", "hub", "importing",
    "compressing",
    "sweeping", "cli", "__main__",
)  # fmt: skip
# rooms without torch, whole, and modules without it in rooms that have it
TORCH_FREE = (
    "printable", "errors", "kinds", "version", "atomic", "apart", "earlier", "format",
    "masking.rules", "accounting", "reporting", "viewing",
    "analysis", "running", "training.recipes", "training.history", "data.places", "data.ranks",
    "compressing.settling",
    "sweeping.lines", "sweeping.options", "sweeping.reading", "sweeping.grid", "sweeping.runs",
    "sweeping.worker", "sweeping.launching", "sweeping.engines", "sweeping.queueing",
    "sweeping.local", "sweeping.on_ray", "sweeping.interrupting", "sweeping.estimating",
)  # fmt: skip
TORCH_FREE_COMMANDS = (
    "cli", "cli.options", "cli.comparing", "cli.diff", "cli.files", "cli.holding", "cli.optional",
    "cli.inspect", "cli.report", "cli.restore", "cli.run", "cli.verify", "cli.view",
    "cli.working",
)  # fmt: skip
HEAVY = ("torch", "torchvision", "matplotlib")


def find_modules():
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("pemn_compress", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = find_modules()


def type_checking(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def statements(tree, *, functions):
    """Yield every statement that runs on import, those inside functions too if asked."""
    for node in ast.iter_child_nodes(tree):
        if type_checking(node):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not functions:
            continue
        yield node
        yield from statements(node, functions=functions)


def imports(name, *, functions=False):
    """Return the modules that a module imports, by full name; the package's own as they exist."""
    path, found = MODULES[name], set()
    for node in statements(ast.parse(path.read_text("utf-8")), functions=functions):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".")
                drop = node.level - (path.name == "__init__.py")
                base = ".".join([*package[: len(package) - drop], *filter(None, [base])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                known = inner in MODULES or not base.startswith("pemn_compress")
                found.add(inner if known else base)
    return found


def own(names):
    return {name for name in names if name in MODULES}


def with_parents(names):
    """Importing a.b.c runs a and a.b first."""
    return {
        ".".join(name.split(".")[:length])
        for name in names
        for length in range(1, name.count(".") + 2)
    }


def reached(name):
    """Return every module that importing `name` loads, the package's own and others."""
    seen, todo = set(), with_parents({name})
    while todo:
        module = todo.pop()
        seen.add(module)
        if module in MODULES:
            todo |= with_parents(imports(module)) - seen
    return seen


def torch_free_modules():
    commands = {f"pemn_compress.{name}" for name in TORCH_FREE_COMMANDS}
    prefixes = tuple(f"pemn_compress.{name}." for name in TORCH_FREE)
    return sorted(n for n in MODULES if n in commands or f"{n}.".startswith(prefixes))


def room_of(name):
    """Return the room that a module lies in: the longest name in ROOMS that leads to it."""
    inner = f"{name.removeprefix('pemn_compress.')}."
    fitting = [room for room in ROOMS if inner.startswith(f"{room}.")]
    assert fitting, f"{name} lies in no room: which one does it belong to?"
    return max(fitting, key=len)


def test_the_lists_are_not_empty_by_mistake():
    names = torch_free_modules()
    for expected in (
        "masking.rules.plan",
        "format.prng",
        "format.codecs.rice",
        "format.archive.reader",
        "cli",
        "accounting",
    ):
        assert f"pemn_compress.{expected}" in names
    assert "torch" in reached("pemn_compress.masking.masked")


@pytest.mark.parametrize("name", torch_free_modules())
def test_the_core_reaches_no_torch(name):
    heavy = {module for module in reached(name) if module.split(".")[0] in HEAVY}
    assert not heavy


def test_importing_the_core_loads_no_torch():
    code = f"""
import importlib, sys
for name in {torch_free_modules()!r}:
    importlib.import_module(name)
    loaded = [heavy for heavy in {HEAVY!r} if heavy in sys.modules]
    assert not loaded, (name, loaded)
print("done")
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.stdout, run.stderr) == ("done\n", "")


def test_errors_and_plan_stand_alone():
    assert own(imports("pemn_compress.printable")) == set()
    assert own(imports("pemn_compress.errors")) == {"pemn_compress.printable"}
    rules = "pemn_compress.masking.rules"
    assert own(imports(f"{rules}.numbers")) == {"pemn_compress.errors"}
    assert own(imports(f"{rules}.plan")) == {"pemn_compress.errors", f"{rules}.numbers"}
    assert own(imports("pemn_compress.format.prng")) == {"pemn_compress.errors"}


@pytest.mark.parametrize("codec", ["bitmap", "csr", "rice"])
def test_a_codec_knows_no_other_codec(codec):
    assert own(imports(f"pemn_compress.format.codecs.{codec}", functions=True)) == {
        "pemn_compress.errors", "pemn_compress.format.bits"
    }  # fmt: skip


def test_only_datasets_imports_torchvisions_datasets():
    importers = [
        name
        for name in MODULES
        if any(
            (module + ".").startswith("torchvision.datasets.")
            for module in imports(name, functions=True)
        )
    ]
    assert importers == ["pemn_compress.data.sources"]


def test_no_module_imports_itself_in_a_circle():
    graph = {name: own(imports(name)) - {name} for name in MODULES}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError, which names it
    assert set(order) == set(MODULES)


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"pemn_compress"}))
def test_rooms_are_built_on_those_below_them(name):
    floor = ROOMS.index(room_of(name))
    # the package itself runs on every import, and must not hold more than names
    below = {module for module in imports(name, functions=True) if module in MODULES}
    for module in sorted(below - {"pemn_compress"}):
        assert ROOMS.index(room_of(module)) <= floor, f"{name} imports {module}, which is above it"


def test_few_modules_lie_at_the_top():
    at_top = sorted(path.name for path in ROOT.glob("*.py"))
    assert at_top == [
        "__init__.py", "__main__.py", "apart.py", "atomic.py", "earlier.py", "errors.py",
        "kinds.py", "printable.py", "version.py",
    ]  # fmt: skip


def test_the_command_line_loads_its_commands_late():
    assert own(imports("pemn_compress.cli")) <= {
        f"pemn_compress.{name}"
        for name in ("printable", "errors", "version", "cli.flags", "cli.holding", "cli.wording")
    }
    assert own(imports("pemn_compress.cli.flags")) == set()


def test_the_names_of_methods_are_known_without_torch():
    from pemn_compress.masking import search
    from pemn_compress.masking.rules import methods

    assert tuple(search.SEARCHES) == tuple(methods.SEARCHES)
    assert tuple(search.RENEWALS) == tuple(methods.RENEWALS)
