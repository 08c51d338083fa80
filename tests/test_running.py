"""A graph run in numpy: the right numbers, within limits, without torch, and one line else."""

import io
import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from graph_archives import chain, stored
from operator_cases import CASES
from test_operators import to_numpy
from torch import nn

import pemn_compress
from pemn_compress.errors import ArchiveError, DataError, ModelError
from pemn_compress.format.archive import Limits
from pemn_compress.format.graph import Constant, DType, Input, Ref
from pemn_compress.running import bounds
from pemn_compress.running.interpreter import _REFUSALS, _Memory, _owner, run_graph
from pemn_compress.running.kernels import KERNELS
from pemn_compress.storing.graphs.capturing import capture
from pemn_compress.storing.inputs import Asked, example_for
from pemn_compress.storing.tensors import as_array

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
ADDED = chain([("add.Tensor", (Ref(0), Ref(1))), ("relu", (Ref(2),))], tensors=("bias",))
BIAS = np.arange(4, dtype=np.float32)


def by_numpy(model, *inputs):
    """Capture a model, run its graph in numpy and return what both make of the inputs."""
    model.eval()
    graph = capture(model, example_for(model, None, Asked(inputs=list(inputs))))[0]
    tensors = {name: as_array(tensor) for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        expected = model(*inputs)
    return run_graph(graph, tensors, [one.numpy() for one in inputs]), expected


def close(found, expected):
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for name in expected:
            close(found[name], expected[name])
    elif isinstance(expected, list | tuple):
        assert type(found) is type(expected)
        for one, other in zip(found, expected, strict=True):
            close(one, other)
    else:
        scale = max(1.0, float(expected.abs().max()))
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5 * scale)


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(11, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.register_buffer("order", torch.arange(8).flip(0), persistent=False)

    def forward(self, ids, mask):
        x = self.table(ids)
        y, _ = self.attention(x, x, x, key_padding_mask=mask, need_weights=False)
        y = self.norm(x + y)[..., self.order]
        return {"mean": y.mean(1), "last": (y[:, -1], y.argmax(-1)), "steps": y.shape[1] * 2}


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 6, 2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(12, 4)

    def forward(self, x):
        y, (h, c) = self.lstm(x)
        return self.gru(y.transpose(0, 1))[0], h, c


MODELS = {
    "resnet20": (lambda: pemn_compress.build("resnet20"), lambda: [torch.randn(3, 3, 32, 32)]),
    "vit": (lambda: pemn_compress.build("vit"), lambda: [torch.randn(2, 3, 32, 32)]),
    "gpt": (lambda: pemn_compress.build("gpt"), lambda: [torch.randint(0, 9, (2, 7))]),
    "recurrent": (Recurrent, lambda: [torch.randn(3, 7, 5)]),
    "upsampled": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, 2, 1), nn.GroupNorm(2, 4), nn.SiLU(),
            nn.Upsample(scale_factor=2, mode="bilinear"), nn.ConvTranspose2d(4, 2, 2, 2),
        ),
        lambda: [torch.randn(2, 2, 9, 9)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_captured_model_is_what_torch_computes(name):
    torch.manual_seed(5)
    make, inputs = MODELS[name]
    close(*by_numpy(make(), *inputs()))


def test_two_inputs_and_a_tree_of_outputs():
    torch.manual_seed(5)
    mask = torch.tensor([[False, False, True], [False, False, False]])
    found, expected = by_numpy(TwoInputs(), torch.randint(0, 11, (2, 3)), mask)
    assert found.pop("steps") == expected.pop("steps") == 6
    close(found, expected)


def test_half_precision_and_bfloat16():
    torch.manual_seed(5)
    for dtype, tolerance in ((torch.float16, 4e-3), (torch.bfloat16, 4e-2)):
        model = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 3)).to(dtype).eval()
        given = torch.randn(5, 4, dtype=dtype)
        graph = capture(model, example_for(model, None, Asked(inputs=given)))[0]
        tensors = {name: as_array(tensor) for name, tensor in model.state_dict().items()}
        array = given.float().numpy() if dtype == torch.bfloat16 else given.numpy()
        found = run_graph(graph, tensors, [array])
        assert found.dtype == (np.float32 if dtype == torch.bfloat16 else np.float16)
        expected = model(given).detach().float().numpy()
        np.testing.assert_allclose(
            found.astype(np.float32), expected, rtol=tolerance, atol=tolerance
        )


def test_a_graph_of_an_archive_in_order_and_by_name():
    archive = stored(ADDED)
    expected = np.maximum(X + BIAS, 0)
    np.testing.assert_array_equal(pemn_compress.run(archive, X), expected)
    np.testing.assert_array_equal(
        pemn_compress.run(archive, x=X.tolist() and X.copy("F")), expected
    )
    big = X.astype(">f4")
    np.testing.assert_array_equal(pemn_compress.run(archive, big), expected)


def test_results_are_new_and_inputs_stay():
    graph = chain([("view", (Ref(0), (-1,)))])
    found = run_graph(graph, {}, [X])
    found[...] = 7
    assert X[0, 0] == -1


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ((), "expected 1 (x f32 (batch, 4)), got 0"),
        ((X, X), "got 2"),
        (({"y": X}), "no input 'y'; the only one is 'x'"),
        ((X.astype(np.float64),), "expected f32, got float64; convert it with .astype(numpy.f"),
        ((X[0],), "expected 2 dimensions, (batch, 4), got shape (4)"),
        ((X[:, :3],), "expected shape (batch, 4), got (3, 3)"),
        ((X[:0],), "size batch: expected at least 1, got 0"),
    ],
)
def test_inputs_that_do_not_fit(inputs, said):
    with pytest.raises(DataError) as error:
        run_graph(ADDED, {"bias": BIAS}, inputs)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_sizes_that_inputs_share():
    inputs = (Input("a", "f32", ("n", 2)), Input("b", "f32", ("n", 2)))
    graph = replace(chain([("add.Tensor", (Ref(0), Ref(1)))], inputs), sizes={"n": (1, 5)})
    a = np.ones((3, 2), np.float32)
    assert run_graph(graph, {}, [a, a]).shape == (3, 2)
    with pytest.raises(DataError, match="size n: expected 3 as in input 'a', got 2"):
        run_graph(graph, {}, {"b": a[:2], "a": a})
    with pytest.raises(DataError, match="size n: expected 1 to 5, got 6"):
        run_graph(graph, {}, [np.ones((6, 2), np.float32)] * 2)


def test_a_refusal_names_node_operator_and_shapes():
    graph = chain([("relu", (Ref(0),)), ("mm", (Ref(1), Ref(0)))])
    with pytest.raises(ModelError) as error:
        run_graph(graph, {}, [X])
    told = str(error.value)
    assert told.startswith("graph: node 1 (mm): ")
    assert "float32[3, 4], float32[3, 4]" in told
    assert "\n" not in told


def test_values_are_freed_after_their_last_use():
    x = np.ones((1 << 16, 4), np.float32)  # a megabyte
    nodes = [("relu", (Ref(number),)) for number in range(40)]
    limits = Limits(max_bytes=5 << 20)
    assert run_graph(chain(nodes), {}, [x], limits).shape == x.shape
    kept = chain(nodes, result=tuple(Ref(number) for number in range(1, 41)))
    with pytest.raises(ArchiveError, match=r"node \d+ \(relu\): bytes of values: expected at most"):
        run_graph(kept, {}, [x], limits)


MANY = 1 << 40
BOMBS = {
    "repeat": [("repeat", (Ref(0), (1 << 20, 1 << 20)))],
    "tile": [("tile", (Ref(0), (1 << 40,)))],
    "full": [("full", ((MANY,), 1.0)), ("add.Tensor", (Ref(0), Ref(1)))],
    "expand": [
        ("select.int", (Ref(0), 0, 0)), ("expand", (Ref(1), (1 << 38, 4))), ("relu", (Ref(2),)),
    ],
    "sum of nothing": [
        ("slice.Tensor", (Ref(0), 0, 0, 0)), ("unsqueeze", (Ref(1), -1)),
        ("expand", (Ref(2), (0, 4, MANY))), ("sum.dim_IntList", (Ref(3), (0,))),
    ],
    "arange": [("arange", (MANY,)), ("add.Tensor", (Ref(0), Ref(1)))],
    "linspace": [("linspace", (0.0, 1.0, MANY)), ("add.Tensor", (Ref(0), Ref(1)))],
    "eye": [("eye", (1 << 20,)), ("mm", (Ref(0), Ref(1)))],
    "pad": [("pad", (Ref(0), (MANY, 0)))],
    "outer": [
        ("repeat", (Ref(0), (1 << 14, 1))), ("view", (Ref(1), (-1,))), ("outer", (Ref(2), Ref(2))),
    ],
    "one_hot": [("to.dtype", (Ref(0), DType("i64"))), ("one_hot", (Ref(1), MANY))],
    "each": [("repeat_interleave.self_int", (Ref(0), MANY, 0))],
    "matmul": [
        ("unsqueeze", (Ref(0), -1)), ("expand", (Ref(1), (3, 4, 1 << 15))), ("mT", (Ref(2),)),
        ("matmul", (Ref(3), Ref(2))),
    ],
    "einsum": [("repeat", (Ref(0), (1 << 14, 1))), ("einsum", ("ij,kl->ijkl", (Ref(1), Ref(1))))],
    "upsample": [("unsqueeze", (Ref(0), 0)), ("upsample_nearest1d.vec", (Ref(1), (MANY,), None))],
    "adaptive": [("unsqueeze", (Ref(0), 0)), ("adaptive_avg_pool1d", (Ref(1), (MANY,)))],
    "convolution": [
        ("unsqueeze", (Ref(0), 0)), ("ones", ((1, 3, 1),)),
        ("conv1d", (Ref(1), Ref(2), None, (1,), (MANY,))),
    ],
    "transposed": [
        ("unsqueeze", (Ref(0), 0)), ("ones", ((3, 1, 1),)),
        ("conv_transpose1d", (Ref(1), Ref(2), None, (MANY,))),
    ],
    "im2col": [
        ("unsqueeze", (Ref(0), 0)), ("unsqueeze", (Ref(1), 0)),
        ("im2col", (Ref(2), (1, 1), (1, 1), (1 << 20, 1 << 20), (1, 1))),
    ],
    "chunks": [
        ("slice.Tensor", (Ref(0), 0, 0, 0)), ("chunk", (Ref(1), MANY)), ("stack", (Ref(2),)),
    ],
    "sections": [("tensor_split.sections", (Ref(0), MANY)), ("stack", (Ref(1),))],
    "unbind": [
        ("select.int", (Ref(0), 0, 0)), ("expand", (Ref(1), (1 << 17, 4))),
        ("unbind.int", (Ref(2),)), ("stack", (Ref(3),)),
    ],
    "put": [
        ("zeros", ((1 << 14, 1), DType("i64"))), ("zeros", ((1, 1 << 14), DType("i64"))),
        ("index_put", (Ref(0), (Ref(1), Ref(2)), Ref(0))),
    ],
    "cdist": [("repeat", (Ref(0), (1 << 14, 1))), ("cdist", (Ref(1), Ref(1), 1.0))],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_what_would_be_too_large_is_refused_before_it_is_made(name):
    limits = Limits(max_weights=1 << 20, max_bytes=1 << 24)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="at most"):
            run_graph(chain(BOMBS[name]), {}, [X], limits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 24


@pytest.mark.parametrize("name", sorted(CASES))
def test_no_operator_makes_more_than_was_expected_of_it(name):
    for arguments in CASES[name]:
        given = [to_numpy(one) for one in arguments]
        expected = bounds.expected(name, given)
        with np.errstate(all="ignore"):
            found = KERNELS[name](*given)
        for array in found if isinstance(found, tuple) else (found,):
            array = np.asarray(array)
            own = {id(_owner(one)) for one in _all_arrays(given)}
            if id(_owner(array)) not in own:
                assert _owner(array).size <= max(expected, 1), [np.shape(one) for one in given]


def _changed(value, rng):
    """Return an argument with something else in a place: a size, a number, a shape, a dtype."""
    if isinstance(value, list):
        if not value:
            return [2]
        at = int(rng.integers(len(value)))
        return [*value[:at], _changed(value[at], rng), *value[at + 1 :]]
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int):
        return int(rng.choice([-3, -1, 0, 1, 2, 5, 7, -(1 << 40), 1 << 40]))
    if isinstance(value, float):
        return float(rng.choice([-1.0, 0.0, 2.5, 1e30, np.nan, np.inf]))
    kind = rng.integers(5)
    if kind == 0:
        return value[..., None]
    if kind == 1:
        return value.reshape(-1)
    if kind == 2:
        return value.astype(rng.choice(["?", "i4", "f2", "f8"]))
    if kind == 3 and value.ndim:
        return value[:0]
    return value[0] if value.ndim and len(value) else np.stack([value, value])


@pytest.mark.parametrize("name", sorted(CASES))
def test_wrong_arguments_are_refused_and_nothing_else(name):
    """A graph's arguments are of the right types; numbers, shapes and dtypes are a stranger's."""
    rng = np.random.default_rng(len(name))
    memory = _Memory(Limits(max_weights=1 << 16))
    for arguments in CASES[name] * (1 + 12 // len(CASES[name])):
        given = [to_numpy(one) for one in arguments]
        at = int(rng.integers(len(given)))
        try:
            with np.errstate(all="ignore"):
                given[at] = _changed(given[at], rng)
                memory.expect(bounds.expected(name, given), 4, name)
                found = KERNELS[name](*given)
        except (ArchiveError, *_REFUSALS):
            continue
        for array in found if isinstance(found, tuple) else (found,):
            assert isinstance(array, np.ndarray | np.generic)


def _all_arrays(value):
    if isinstance(value, np.ndarray):
        return [value]
    return [one for item in value for one in _all_arrays(item)] if isinstance(value, list) else []


def test_constants_and_bfloat16_tensors_of_an_archive():
    shift = Constant("shift", "i64", (4,), np.array([3, 2, 1, 0], "<i8"))
    graph = chain(
        [("index.Tensor", (Ref(0), (None, Ref(2)))), ("mul.Tensor", (Ref(3), Ref(1)))],
        tensors=("w",), constants=(shift,),
    )  # fmt: skip
    archive = stored(graph, {"w": np.array([0x3F80, 0x4000], "<u2").repeat(2)}, {"w": "bf16"})
    expected = X[:, ::-1] * np.array([1, 1, 2, 2], np.float32)
    np.testing.assert_array_equal(pemn_compress.run(archive, X), expected)


def test_an_archive_without_a_graph_says_so():
    archive = pemn_compress.encode({"a": X})
    with pytest.raises(ArchiveError, match="archive: holds no graph of what the model computes"):
        pemn_compress.run(archive, X)
    with pytest.raises(DataError, match="all in order or all by name"):
        pemn_compress.run(stored(ADDED), X, x=X)


def test_a_masked_model_is_saved_and_run(tmp_path):
    torch.manual_seed(5)
    masked = pemn_compress.MaskedModel(
        TwoInputs(), strategy="mp", density=0.5, seed=3, exclude=["norm*"]
    )
    ids, mask = torch.randint(0, 11, (2, 3)), torch.zeros(2, 3, dtype=torch.bool)
    pemn_compress.save(masked, tmp_path / "m.pemn", inputs=[ids, mask])
    with torch.no_grad():
        expected = pemn_compress.load(tmp_path / "m.pemn")(ids, mask)
    found = pemn_compress.run(tmp_path / "m.pemn", ids=ids.numpy(), mask=mask.numpy())
    assert found.pop("steps") == expected.pop("steps") == 6
    close(found, expected)


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from pemn_compress.cli import main
main(sys.argv[1:])
"""


def test_the_command_runs_where_torch_cannot_be_imported(tmp_path):
    (tmp_path / "m.pemn").write_bytes(stored(ADDED))
    np.save(tmp_path / "x.npy", X)
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "run", "m.pemn", "--input", "x.npy", "-o", "y.npy"],
        capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("y.npy: 176 B")
    assert "output: float32 (3, 4), 0 to 4" in run.stdout
    assert "\n    0, 0.181818, 1.36364, " in run.stdout
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), np.maximum(X + BIAS, 0))


def test_several_inputs_and_outputs_by_name(call, tmp_path):
    inputs = (Input("a", "f32", ("n", 4)), Input("b", "i64", ("n",)))
    result = {"sum": Ref(2), "both": (Ref(0), [Ref(3), None, 2.5])}
    graph = chain(
        [("sum.dim_IntList", (Ref(0), (1,))), ("add.Tensor", (Ref(1), Ref(2)))], inputs,
        result=result,
    )  # fmt: skip
    (tmp_path / "m.pemn").write_bytes(stored(graph))
    np.save(tmp_path / "a.npy", X)
    np.save(tmp_path / "b.npy", np.arange(3))
    code, out, err = call(
        "run", "m.pemn", "--input", "b=b.npy", "--input", "a=a.npy", "-o", "y.npz", "--json"
    )
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert [one["name"] for one in told["outputs"]] == ["sum", "both.0", "both.1.0", "both.1.2"]
    assert told["inputs"][1] == {"name": "b", "dtype": "int64", "shape": [3]}
    assert told["outputs"][1]["first"] == X.reshape(-1).tolist()
    with np.load(tmp_path / "y.npz") as found:
        np.testing.assert_array_equal(found["both.0"], X)
        assert found["both.1.2"] == 2.5
    np.savez(tmp_path / "all.npz", a=X, b=np.arange(3))
    assert call("run", "m.pemn", "--input", "all.npz")[0] == 0
    code, _, err = call("run", "m.pemn", "--input", "all.npz", "-o", "y.npy")
    assert code == 2
    assert "returns 4 (sum, both.0, both.1.0, both.1.2): expected a name that ends in .npz" in err


def test_standard_streams(tmp_path):
    (tmp_path / "m.pemn").write_bytes(stored(ADDED))
    stream = io.BytesIO()
    np.save(stream, X)
    run = subprocess.run(
        [sys.executable, "-m", "pemn_compress", "run", "m.pemn", "--input", "-", "-o", "-"],
        input=stream.getvalue(), capture_output=True, timeout=60, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, b"")
    np.testing.assert_array_equal(np.load(io.BytesIO(run.stdout)), np.maximum(X + BIAS, 0))


def _pickled():
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], object), allow_pickle=True)
    return stream.getvalue()


def _claims_much():
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 4)}
    )
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no .npy file of numbers"),
        (b"\x93NUMPY\x01\x00", "is no .npy file of numbers"),
        (_pickled(), "expected numbers, got object"),
        (_claims_much(), "bytes of elements, got 0"),
        (b"PK\x03\x04", "is no .npy file of numbers"),
    ],
)
def test_files_that_are_no_arrays(call, tmp_path, content, said):
    (tmp_path / "m.pemn").write_bytes(stored(ADDED))
    (tmp_path / "x.npy").write_bytes(content)
    code, out, err = call("run", "m.pemn", "--input", "x.npy", "-o", "y.npy")
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "y.npy").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "m.pemn"), "inputs: expected 1 (x f32 (batch, 4)), got 0"),
        (("run", "m.pemn", "--input", "no.npy"), "no.npy: expected an .npy or .npz file"),
        (("run", "m.pemn", "--input", "z=x.npy"), "input 'z'"),
        (("run", "m.pemn", "--input", "x=x.npy", "--input", "x=x.npy"), "each input once"),
        (("run", "m.pemn", "--input", "x=x.npy", "--input", "x.npy"), "all by name, got both"),
        (("run", "m.pemn", "--input", "x.npy", "-o", "y.txt"), "ends in .npy or .npz"),
        (("run", "m.pemn", "--input", "x.npy", "-o", "x.npy"), "is an input as well"),
        (("run", "m.pemn", "--input", "x.npy", "-o", "z.npy"), "exists and is kept; pass --force"),
        (("run", "m.pemn", "--input", "x.npy", "-o", "-", "--json"), "no --json beside it"),
        (("run", "-", "--input", "-"), "at most one file from standard input"),
        (("run", "m.pemn", "--input", "x.npy", "--max-weights", "3"), "--max-weights"),
    ],
)
def test_what_the_command_refuses(call, tmp_path, arguments, said):
    (tmp_path / "m.pemn").write_bytes(stored(ADDED))
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "z.npy", X)
    code, _, err = call(*arguments)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_a_damaged_graph_is_refused_by_name(call, tmp_path):
    archive = bytearray(stored(ADDED))
    archive[-3] ^= 1
    (tmp_path / "m.pemn").write_bytes(archive)
    np.save(tmp_path / "x.npy", X)
    code, _, err = call("run", "m.pemn", "--input", "x.npy")
    assert code == 2
    assert err.startswith("pemn: m.pemn: ")
    assert "graph" in err
