"""Graphs in JavaScript: every operator beside torch, and whole models beside numpy."""

import base64
import json

import numpy as np
import pytest
import torch
from operator_cases import CASES, DTYPES, OWN
from test_operators import by_torch, compare
from torch import nn

import pemn_compress
from pemn_compress.errors import DataError
from pemn_compress.format.archive.values import NUMPY_TYPES
from pemn_compress.format.graph import operators
from pemn_compress.format.graph.spelling import to_json

NAMES = {dtype: name for name, dtype in DTYPES.items()}


def told(array, name):
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": name, "shape": list(array.shape), "data": data}


def spelled(value, tensors):
    """Return an argument as a graph spells it; tensors are put into the list."""
    if isinstance(value, torch.Tensor):
        tensors.append(told(value.contiguous().numpy(), NAMES[value.dtype]))
        return f"%{len(tensors) - 1}"
    if isinstance(value, list | tuple):
        return [spelled(one, tensors) for one in value]
    return to_json(value)


def array_of(found):
    """Return what Node has written: arrays, in tuples where there are several."""
    if isinstance(found, list):
        return tuple(map(array_of, found))
    if not isinstance(found, dict):
        return found
    if found.keys() != {"dtype", "shape", "data"}:
        return {key: array_of(one) for key, one in found.items()}
    name = found["dtype"]
    held = np.float32 if name in ("f16", "bf16") else NUMPY_TYPES[name]
    array = np.frombuffer(base64.b64decode(found["data"]), held).reshape(found["shape"])
    return array.astype(np.float16) if name == "f16" else array


@pytest.fixture(scope="module")
def by_node(node, tmp_path_factory):
    """Return what Node makes of a list of cases."""
    folder = tmp_path_factory.mktemp("node")

    def run(cases):
        (folder / "cases.json").write_text(json.dumps(cases))
        node("test/operators.js", folder / "cases.json", folder / "found.json")
        return json.loads((folder / "found.json").read_text())

    return run


@pytest.mark.filterwarnings("ignore:.*degrees of freedom.*:UserWarning")
@pytest.mark.filterwarnings("ignore:The use of .x.T.:UserWarning")
def test_every_operator_is_what_torch_computes(by_node):
    cases, given = [], []
    for name, rows in CASES.items():
        for row in rows:
            tensors = []
            arguments = [spelled(one, tensors) for one in row]
            cases.append({"name": name, "args": arguments, "tensors": tensors})
            given.append((name, row))
    for name, rows in OWN.items():
        for row, _ in rows:
            if all(isinstance(one, int) for one in row):
                cases.append({"name": name, "args": list(row), "tensors": []})
                given.append((name, row))
    found = by_node(cases)
    pairs = list(zip(given, found, strict=True))
    assert not [name for (name, _), one in pairs if "missing" in one]
    expected_of = {(name, str(row)): value for name, rows in OWN.items() for row, value in rows}
    tried = set()
    for (name, row), one in pairs:
        assert "error" not in one, (name, row, one["error"])
        tried.add(name)
        if name in OWN:
            assert one["found"] == expected_of[name, str(row)], (name, row)
            continue
        try:
            with np.errstate(all="ignore"):
                compare(array_of(one["found"]), by_torch(name, row))
        except AssertionError as error:
            raise AssertionError(f"{name} {row}: {error}") from None
    assert tried >= set(operators()) - {"tuple.get", "sym_size.int"}


class Words(nn.Module):
    """A transformer of tokens: embedding, attention by hand and by torch, an integer result."""

    def __init__(self):
        super().__init__()
        self.embed, self.place = nn.Embedding(30, 16), nn.Parameter(torch.randn(12, 16))
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.norm, self.rise, self.fall = nn.LayerNorm(16), nn.Linear(16, 32), nn.Linear(32, 16)

    def forward(self, ids):
        x = self.embed(ids) + self.place[: ids.shape[1]]
        y = self.norm(x)
        q, k, v = (one.unflatten(-1, (2, 8)).transpose(1, 2) for one in (y, x, y))
        x = x + nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(
            1, 2
        ).flatten(2)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.fall(nn.functional.gelu(self.rise(x)))
        logits = x @ self.embed.weight.T
        return {"logits": logits, "next": logits[:, -1].argmax(-1)}


class Pictures(nn.Module):
    """What convolutions can have: groups, strides, dilation, pads, pools, norms, activations."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 12, 5, stride=2, padding=2, bias=False)
        self.deep = nn.Conv2d(12, 12, 3, padding="same", groups=12)
        self.wide = nn.Conv2d(12, 24, 3, padding=2, dilation=2, groups=3)
        self.norms = nn.ModuleList((nn.BatchNorm2d(12), nn.GroupNorm(4, 12), nn.BatchNorm2d(24)))
        self.head = nn.Linear(24, 7)

    def forward(self, x):
        x = nn.functional.max_pool2d(nn.functional.silu(self.norms[0](self.first(x))), 3, 2, 1)
        x = x + nn.functional.hardswish(self.norms[1](self.deep(x)))
        one, other = self.norms[2](self.wide(x)).chunk(2, 1)
        x = torch.cat((one.sigmoid() * other, nn.functional.relu6(one)), 1)
        return self.head(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)).softmax(-1)


class Steps(nn.Module):
    """Every kind of recurrent layer: both directions, several layers, a projection."""

    def __init__(self):
        super().__init__()
        self.first = nn.LSTM(6, 8, 2, batch_first=True, bidirectional=True, proj_size=5)
        self.second = nn.GRU(10, 7, bias=False)
        self.third, self.fourth = nn.RNN(7, 6), nn.RNN(6, 4, nonlinearity="relu")

    def forward(self, x):
        x, (_, memory) = self.first(x)
        x, last = self.second(x.transpose(0, 1))
        return self.fourth(self.third(x)[0])[0] + last.mean() + memory.mean()


def scored(model):
    """Return a masked model whose scores and statistics are those of no start."""
    generator = torch.Generator().manual_seed(5)
    masked = pemn_compress.MaskedModel(model, strategy="mp", density=0.5)
    with torch.no_grad():
        for name, one in [*masked.named_parameters(), *masked.named_buffers()]:
            if name.endswith((".weight", ".bias", ".running_mean", ".running_var")):
                one.copy_(torch.rand(one.shape, generator=generator) + 0.5)
            elif "score" in name:
                one.copy_(torch.randn(one.shape, generator=generator))
    return masked


ids = torch.randint(0, 30, (2, 9), generator=torch.Generator().manual_seed(1))
image = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
series = torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(1))
MODELS = {
    "steps": (Steps, series), "words": (Words, ids), "pictures": (Pictures, image),
    "resnet20": (lambda: pemn_compress.build("resnet20"), image),
    "conv2": (lambda: pemn_compress.build("conv2"), image),
    "convmixer": (lambda: pemn_compress.build("convmixer", dim=32, depth=2), image),
    "vit": (lambda: pemn_compress.build("vit", dim=32, depth=2, heads=2, mlp_dim=64), image),
}  # fmt: skip


def test_whole_models_are_what_numpy_and_torch_make_of_them(by_node, tmp_path):
    cases = []
    for name, (build, given) in MODELS.items():
        torch.manual_seed(3)
        path = tmp_path / f"{name}.pemn"
        pemn_compress.save(scored(build()), path, inputs=given, graph="always")
        dtype = NAMES[given.dtype]
        cases.append({"archive": str(path), "inputs": [told(given.numpy(), dtype)]})
    for name, case, one in zip(MODELS, cases, by_node(cases), strict=True):
        given = MODELS[name][1].numpy()
        assert "error" not in one, (name, one)
        found, expected = array_of(one["found"]), pemn_compress.run(case["archive"], given)
        if name == "words":
            assert found["next"].tolist() == expected["next"].tolist()
            found, expected = found["logits"], expected["logits"]
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5 * scale, err_msg=name)


def test_mutated_graphs_are_refused_or_run_within_limits_and_in_bounded_time(node):
    told = json.loads(node("test/fuzz-graphs.js", 1500, 17))
    assert told["rounds"] == 1500
    assert told["messages"] > 300  # it gets far
    assert told["run"] > 10
    assert told["slowest_seconds"] < 5


def test_arguments_that_do_not_go_together_are_one_line(by_node):
    x, state = torch.zeros(5, 2, 3), torch.zeros(1, 2, 4)
    weights = [torch.zeros(12, 3), torch.zeros(12, 4)]
    plan = (False, 1, 0.0, False, False, False)
    one, two = torch.tensor([1]), torch.tensor([1, 2])
    wrong = [
        ("gru.input", (x, state, weights[:1], *plan)), ("gru.input", (x[0], state, weights, *plan)),
        ("gru.input", (x, state[:, :1], weights, *plan)),
        ("gru.input", (x, state, weights[::-1], *plan)),
        ("rnn_tanh.input", (x, state, weights, *plan)), ("lstm.input", (x, [], weights, *plan)),
        ("lstm.input", (x, [state, state], weights, False, 1, 0.5, True, False, False)),
        ("gru.input", (x, state, weights, False, -1, 0.0, False, False, False)),
        ("index_add", (x, 0, two, x[:1])), ("index_add", (x, 0, torch.tensor([5]), x[:1])),
        ("index_fill.int_Scalar", (x, 0, torch.tensor([-6]), 1)),
        ("masked_scatter", (x, x == 0, x[0])),
        ("scatter_reduce.two", (x, 0, one[:, None, None], x, "median")),
        ("diagonal_scatter", (x[0], one.float())), ("diagonal_scatter", (x[0], x[0, 0], 0, 1, 1)),
        ("rot90", (x, 1, [0])), ("cdist", (x, x[..., :2])), ("diff", (x, -1)), ("diff", (x, 1, 3)),
        ("grid_sampler", (x, x, 0, 0, False)), ("affine_grid_generator", (x, [2, 3, 4, 5], False)),
        ("col2im", (x, [4, 5], [2, 2], [1, 1], [0, 0], [1, 1])),
    ]  # fmt: skip
    cases = []
    for name, row in wrong:
        tensors = []
        cases.append({"name": name, "args": [spelled(a, tensors) for a in row], "tensors": tensors})
    for (name, _), found in zip(wrong, by_node(cases), strict=True):
        assert "error" in found, name
        assert "\n" not in found["error"]


class Shared(nn.Module):
    """Two inputs of one batch."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, ids, x):
        return self.head(x) + ids.sum(1, keepdim=True)


def test_inputs_that_do_not_fit_get_the_sentences_of_numpy(by_node, tmp_path):
    path = tmp_path / "m.pemn"
    given = torch.ones(2, 5, dtype=torch.int64), torch.ones(2, 4)
    masked = pemn_compress.MaskedModel(Shared(), strategy="mp", density=0.5)
    pemn_compress.save(masked, path, inputs=given, graph="always")
    ids, x = (one.numpy() for one in given)

    def case(inputs):
        names = {np.dtype(np.int64): "i64", np.dtype(np.float32): "f32"}
        if isinstance(inputs, dict):
            spelled = {name: told(one, names[one.dtype]) for name, one in inputs.items()}
        else:
            spelled = [told(one, names[one.dtype]) for one in inputs]
        return {"archive": str(path), "inputs": spelled}

    wrong = [
        (ids[:0], x[:0]), (ids, x[:1]), (ids[:1], x), (ids, x[:, :3]), (ids, x[0]), (ids, x[None]),
        (ids,), (ids, x, x), {"ids": ids}, {"ids": ids, "x": x, "y": x},
    ]  # fmt: skip
    large = ids * 2**53
    *found, right, beyond = by_node([case(one) for one in [*wrong, (ids, x), (large, x)]])
    for inputs, one in zip(wrong, found, strict=True):
        by_name = isinstance(inputs, dict)
        ordered, named = ((), inputs) if by_name else (inputs, {})
        with pytest.raises(DataError) as error:
            pemn_compress.run(path, *ordered, **named)
        assert one == {"error": str(error.value)}
    expected = pemn_compress.run(path, ids, x)
    np.testing.assert_allclose(array_of(right["found"]), expected, rtol=1e-5, atol=1e-6)
    assert pemn_compress.run(path, large, x).shape == (2, 3)
    assert beyond == {
        "error": "input 'ids': expected integers of at most 53 bits, which are computed with here, "
        "got 9007199254740992"
    }
