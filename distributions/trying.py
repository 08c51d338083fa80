"""Install each wheel in an empty environment, run its commands there, and print what that takes.

python distributions/trying.py [FOLDER] [NAME...]     (default: dist, and both distributions)
"""

import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

DEMO = """
import numpy as np
import pemn_compress
from pemn_compress.format.archive import DenseTensor, MaskedTensor, Prototype, encode
from pemn_compress.format import prng
from pemn_compress.format.graph import Graph, Input, Node, Ref, write_graph

mask = np.arange(64 * 32).reshape(32, 64) % 3 == 0
graph = Graph(
    inputs=(Input("x", "f32", ("batch", 64)),), tensors=("w", "b"), constants=(),
    nodes=(Node("linear", (Ref(0), Ref(1), Ref(2))), Node("relu", (Ref(3),))),
    args=(Ref(0),), result=Ref(4), sizes={"batch": (1, None)},
)
tensors = {"w": ("f32", (32, 64)), "b": ("f32", (32,))}
contents = [
    MaskedTensor("w", "f32", mask, 0, 0.125),
    DenseTensor("b", "f32", np.arange(32, dtype="<f4")),
]
prototype = Prototype("normal16", prng.normal16(1, 0, 64 * 32), 1)
open("demo.pemn", "wb").write(encode(contents, prototype, graph=write_graph(graph, tensors)))
x = np.random.default_rng(0).standard_normal((5, 64), np.float32)
np.save("x.npy", x)
state = pemn_compress.decode("demo.pemn")
expected = np.maximum(x @ state["w"].T + state["b"], 0)
np.testing.assert_allclose(pemn_compress.run("demo.pemn", x), expected, rtol=1e-5, atol=1e-5)
packed = pemn_compress.encode(state, masks={"w": mask}, seeds={"w": pemn_compress.Seeded(1, 0.125)})
np.testing.assert_array_equal(pemn_compress.decode(packed)["w"], state["w"])
"""
COMMANDS = (
    "inspect demo.pemn",
    "verify demo.pemn",
    "report demo.pemn",
    "diff demo.pemn demo.pemn",
    "view demo.pemn -o demo.html",
    "run demo.pemn --input x.npy -o y.npy",
    "restore demo.pemn -o demo.npz",
    "restore demo.pemn -o demo.safetensors",
)
WITHOUT = ("compress mlp", "sweep", "evaluate demo.pemn", "restore demo.pemn", "report mlp")
NEEDS_TORCH = "needs torch: pip install . in a checkout of pemn-compress"
FRONT = """
import pemn_compress
try:
    pemn_compress.load
except ImportError as error:
    print(error)
"""
WITH = (
    "import pemn_compress; print(sum(p.numel() for p in pemn_compress.build('mlp').parameters()))"
)


def run(place: Path, command: list[str], expected: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command of the new environment in a folder; stop where its status is another."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    command = [str(place / "bin" / command[0]), *command[1:]]
    found = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    if found.returncode != expected:
        sys.exit(f"{' '.join(command)}: status {found.returncode}\n{found.stdout}{found.stderr}")
    return found


def quickest(place: Path, command: list[str], times: int = 5) -> float:
    """Return the least seconds of some runs."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        run(place, command)
        took.append(time.perf_counter() - start)
    return min(took)


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def try_it(name: str, wheel: Path, folder: Path) -> None:
    """Install one distribution and run what it brings."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        venv.create(place, with_pip=True)
        before = size_of(place)
        start = time.perf_counter()
        install = ["python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run(place, [*install, "--find-links", str(folder), str(wheel)])
        seconds, size = time.perf_counter() - start, size_of(place) - before
        run(place, ["python", "-c", DEMO])
        for command in COMMANDS:
            run(place, ["pemn", *command.split()])
        if name == "pemn-format":
            for command in WITHOUT:
                told = run(place, ["pemn", *command.split()], expected=2).stderr
                if told != f"pemn: this command {NEEDS_TORCH}\n":
                    sys.exit(f"pemn {command}: {told}")
            told = run(place, ["python", "-c", FRONT]).stdout
            if told != f"pemn_compress.load {NEEDS_TORCH}\n":
                sys.exit(f"pemn_compress.load: {told}")
            if "torch" in run(place, ["python", "-m", "pip", "list"]).stdout:
                sys.exit("pemn-format brought torch with it")
        else:
            run(place, ["python", "-c", WITH])
            run(place, ["pemn", "restore", "demo.pemn", "-o", "demo.pt"])
        imported = quickest(place, ["python", "-c", "import pemn_compress"])
        bare = quickest(place, ["python", "-c", "pass"])
        told = quickest(place, ["pemn", "--help"])
        print(
            f"{name}: installed in {seconds:.1f} s, {size / 1e6:,.1f} MB with all it needs; "
            f"python {1000 * bare:.0f} ms, import pemn_compress {1000 * imported:.0f} ms, "
            f"pemn --help {1000 * told:.0f} ms"
        )


def main() -> None:
    """Try the distributions that are named, or both."""
    given = sys.argv[1:] or ["dist"]
    folder = Path(given[0]).resolve()
    for name in given[1:] or ("pemn-format", "pemn-compress"):
        wheels = sorted(folder.glob(f"{name.replace('-', '_')}-*.whl"))
        if len(wheels) != 1:
            sys.exit(f"{folder}: expected one wheel of {name}, got {len(wheels)}")
        try_it(name, wheels[0], folder)


if __name__ == "__main__":
    main()
