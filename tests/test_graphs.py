"""A model's computation out of its archive: any module, captured, and restored without its code."""

import copy
import pickle
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from pemn_compress import (
    Limits,
    MaskedModel,
    PemnWarning,
    build,
    inspect,
    load,
    restore,
    save,
    verify,
)
from pemn_compress.errors import ArchiveError, ModelError, SettingError
from pemn_compress.format.archive import DenseTensor, encode, open_archive
from pemn_compress.format.graph import Constant, Graph, Input, Node, Ref, graph_of, write_graph
from pemn_compress.storing.outputs import leaves, plain
from pemn_compress.storing.proving import without_fastpath

BATCHES = (1, 2, 7)


class Recurrent(nn.Module):
    def __init__(self, kind=nn.LSTM, **arguments):
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.layer = kind(6, 5, 2, batch_first=True, **arguments)
        self.head = nn.LazyLinear(3)
        self(torch.zeros(1, 4, dtype=torch.long))

    def forward(self, ids):
        return self.head(self.layer(self.embedding(ids))[0][:, -1])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.head = nn.Linear(8, 20, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, ids):
        return self.head(self.embedding(ids).relu())


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 8), nn.Linear(6, 8)

    def forward(self, x, extra, scale=None):
        y = self.a(x) + self.b(extra)
        return {"y": y, "parts": [y.relu(), (y.sum(1), 3, None)]}


class Constants(nn.Module):
    def __init__(self):
        super().__init__()
        self.order = torch.randperm(8)
        self.register_buffer("noise", torch.rand(8), persistent=False)
        self.register_buffer("table", torch.rand(8))
        self.linear = nn.Linear(8, 3)

    def forward(self, x):
        return self.linear(x[:, self.order] + self.noise * self.table)


class Written(nn.Module):
    """Writes into its own values, has batch-norm, dropout, and a block without gradients."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.relu, self.drop = nn.ReLU(inplace=True), nn.Dropout(0.5)

    def forward(self, x):
        x = self.relu(self.norm(self.conv(x)))
        x += 1
        x[:, 0] = 0
        with torch.no_grad():
            mean = x.mean((2, 3))
        return self.drop(functional.dropout(x, 0.3, self.training).amax((2, 3))) * mean


class Named(nn.Module):
    """Takes keywords, a nested argument and a number."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, *, pair, gain=2.0, mask=None):
        x = self.linear(pair["left"]) + pair["right"][0]
        return x * gain if mask is None else x * mask


def ids(batch=2):
    return torch.randint(0, 20, (batch, 4), generator=torch.Generator().manual_seed(batch))


def floats(*shape):
    def make(batch=2):
        return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(batch))

    return make


def two(batch=2):
    return [floats(4)(batch), floats(6)(batch)]


def named(batch=2):
    return {"pair": {"left": floats(4)(batch), "right": [floats(4)(batch + 9)[:batch]]}}


# what is built, and what makes a batch of its inputs
MODELS = {
    "lstm": (Recurrent, ids),
    "lstm, both ways, projected": (
        lambda: Recurrent(bidirectional=True, proj_size=3), ids,
    ),
    "gru": (lambda: Recurrent(nn.GRU, bidirectional=True), ids),
    "rnn": (lambda: Recurrent(nn.RNN, bias=False), ids),
    "attention": (Attention, floats(5, 8)),
    "tied": (Tied, ids),
    "two inputs, nested outputs": (Two, two),
    "constants": (Constants, floats(8)),
    "written into": (Written, floats(3, 8, 8)),
    "by name": (Named, named),
    "convolutions": (lambda: build("resnet20", width=4), floats(3, 16, 16)),
    "a vision transformer": (lambda: build("vit", depth=2, dim=16, heads=2), floats(3, 32, 32)),
    "no bias, one number out": (
        lambda: nn.Sequential(nn.Linear(8, 1, bias=False), nn.Flatten(0)), floats(8),
    ),
}  # fmt: skip


def call(model, inputs):
    with torch.no_grad(), without_fastpath():
        if isinstance(inputs, dict):
            made = model(**inputs)
        else:
            made = model(*inputs) if isinstance(inputs, list) else model(inputs)
    return list(leaves(plain(made)))


def assert_same(one, other):
    assert [name for name, _ in one] == [name for name, _ in other]
    for (_, left), (_, right) in zip(one, other, strict=True):
        if isinstance(left, torch.Tensor):
            assert left.dtype == right.dtype
            assert torch.equal(left, right)
        else:
            assert left == right


def saved(make, inputs, path, **options):
    torch.manual_seed(0)
    masked = MaskedModel(make(), seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        save(masked, path, inputs=inputs, graph="always", **options)
    return masked.to_plain().eval()


def by_graph(path):
    """The model of an archive's graph, whether or not a registered name could build it."""
    with open_archive(path) as archive:
        assert graph_of(archive) is not None
        manifest = archive.manifest
        if manifest.architecture.get("kind") != "registered":
            return load(path)
        from pemn_compress.storing.filling import fill
        from pemn_compress.storing.graphs.building import build_from_graph
        from pemn_compress.storing.loading import state_dict

        model = build_from_graph(archive)
        fill(model, state_dict(archive), archive)
        return model.eval()


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_bit_for_bit_without_its_code(name, tmp_path):
    make, inputs = MODELS[name]
    plain_model = saved(make, inputs(), tmp_path / "m.pemn")
    restored = by_graph(tmp_path / "m.pemn")
    assert type(restored).__module__.startswith("pemn_compress.")
    for batch in BATCHES:
        given = inputs(batch)
        assert_same(call(plain_model, given), call(restored, given))
    assert list(restored.state_dict()) == list(plain_model.state_dict())
    for kind in ("named_parameters", "named_buffers"):
        own = {name for name, _ in getattr(plain_model, kind)()}
        constants = {one.name for one in restored.graph.constants}
        assert {name for name, _ in getattr(restored, kind)()} - constants == own - constants
    assert verify(tmp_path / "m.pemn")["sections"] >= 2


def test_tied_weights_stay_tied(tmp_path):
    saved(Tied, ids(), tmp_path / "m.pemn")
    restored = load(tmp_path / "m.pemn")
    assert restored.head.weight is restored.embedding.weight


def test_constants_are_in_the_graph_and_not_in_the_state(tmp_path):
    model = saved(Constants, floats(8)(), tmp_path / "m.pemn")
    restored = load(tmp_path / "m.pemn")
    assert "noise" not in restored.state_dict()
    assert torch.equal(restored.noise, model.noise)
    assert torch.equal(restored.order, model.order)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_computes_with_tensors_of_its_own(copied, tmp_path):
    saved(Constants, floats(8)(), tmp_path / "m.pemn")
    restored = load(tmp_path / "m.pemn")
    other = copied(restored)
    assert_same(call(restored, floats(8)()), call(other, floats(8)()))
    with torch.no_grad():
        other.linear.weight.zero_()
        other.linear.bias.zero_()
    assert not call(other, floats(8)())[0][1].any()
    assert call(restored, floats(8)())[0][1].any()


def test_a_process_without_the_code_restores_it(tmp_path):
    (tmp_path / "own.py").write_text(
        textwrap.dedent(
            """
            import torch
            from torch import nn

            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.order = torch.randperm(8)
                    self.linear = nn.Linear(8, 3)

                def forward(self, x):
                    return {"logits": self.linear(x[:, self.order])}
            """
        )
    )
    write = (
        "import torch, own, pemn_compress as p\n"
        "m = p.MaskedModel(own.Net()); x = torch.ones(3, 8).cumsum(1)\n"
        "p.save(m, 'm.pemn', inputs=x); torch.save(m.eval()(x)['logits'], 'y.pt')"
    )
    (tmp_path / "elsewhere").mkdir()
    read = (
        "import sys, torch, pemn_compress as p\n"
        "m = p.load('../m.pemn'); y = torch.load('../y.pt')\n"
        "assert torch.equal(m(torch.ones(3, 8).cumsum(1))['logits'], y)\n"
        "assert 'own' not in sys.modules"
    )
    for folder, text in ((tmp_path, write), (tmp_path / "elsewhere", read)):
        subprocess.run([sys.executable, "-c", text], cwd=folder, check=True)


def test_further_sizes_vary_where_they_are_asked_to(tmp_path):
    saved(Tied, ids(), tmp_path / "m.pemn", dynamic=1)
    restored = load(tmp_path / "m.pemn")
    assert [one.shape for one in restored.graph.inputs] == [("batch", "ids_1")]
    assert restored(torch.zeros(3, 9, dtype=torch.long)).shape == (3, 9, 20)
    fixed = tmp_path / "fixed.pemn"
    saved(Tied, ids(), fixed)
    with pytest.raises(ModelError, match=r"expected a i64 tensor of shape \(batch, 4\)"):
        load(fixed)(torch.zeros(3, 9, dtype=torch.long))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.zeros(2, 4), "expected a i64 tensor"),
        (torch.zeros(4, dtype=torch.long), "of shape"),
        ([1, 2], "expected a tensor, got a list"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(given, message, tmp_path):
    saved(Tied, ids(), tmp_path / "m.pemn")
    with pytest.raises(ModelError, match=message):
        load(tmp_path / "m.pemn")(given)


def test_calls_are_taken_as_the_model_took_them(tmp_path):
    saved(Two, two(), tmp_path / "m.pemn")
    restored = load(tmp_path / "m.pemn")
    x, extra = two()
    assert_same(call(restored, [x, extra]), call(restored, {"x": x, "extra": extra}))
    with pytest.raises(ModelError, match="missing a required argument"):
        restored(x)
    saved(Named, named(), tmp_path / "named.pemn")
    restored = load(tmp_path / "named.pemn")
    with pytest.raises(ModelError, match="expected a dict of left, right"):
        restored(pair={"left": x})


def test_training_mode_is_told_to_change_nothing(tmp_path):
    saved(Written, floats(3, 8, 8)(), tmp_path / "m.pemn")
    restored = load(tmp_path / "m.pemn")
    with pytest.warns(PemnWarning, match="captured in evaluation mode"):
        restored.train()
    given = floats(3, 8, 8)()
    assert_same(call(restored, given), call(restored.eval(), given))


def test_programs_and_packed_weights_are_made_of_a_graph(tmp_path):
    model = saved(Constants, floats(8)(), tmp_path / "m.pemn")
    restore(tmp_path / "m.pemn", tmp_path / "m.pt2", input_shape=(8,))
    program = torch.export.load(tmp_path / "m.pt2").module()
    packed = load(tmp_path / "m.pemn", packed=True)
    given = floats(8)(5)
    assert_same(call(model, given), call(program, given))
    assert_same(call(model, given), call(packed, given))


def test_a_graph_is_stored_for_what_no_name_builds(tmp_path):
    def names(path):
        return {one["name"] for one in inspect(path)["sections"]}

    for number, (model, options, there) in enumerate(
        (
            (nn.Linear(8, 4), {"inputs": floats(8)()}, True),
            (nn.Linear(8, 4), {}, False),
            (nn.Linear(8, 4), {"inputs": floats(8)(), "graph": "never"}, False),
            (build("mlp", image_size=4, channels=1), {"inputs": floats(1, 4, 4)()}, False),
        )
    ):
        path = tmp_path / f"{number}.pemn"
        save(MaskedModel(model), path, **options)
        assert ("graph" in names(path)) is there
    with pytest.raises(SettingError, match="unknown graph 'sometimes'"):
        save(MaskedModel(nn.Linear(8, 4)), tmp_path / "x.pemn", graph="sometimes")
    with pytest.raises(SettingError, match="expected inputs to capture it with"):
        save(MaskedModel(nn.Linear(8, 4)), tmp_path / "x.pemn", graph="always")


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 4)

    def forward(self, x):
        if x.sum() > 0:
            return self.linear(x)
        return -self.linear(x)


class Drawing(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 4)

    def forward(self, x):
        return self.linear(functional.dropout(x, 0.5))


class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 4)

    def forward(self, x):
        return torch.special.bessel_j0(self.linear(x))


class Grouped(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 4)

    def forward(self, x):
        return self.linear(x).view(3, 4)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (Branching, "line .*: if x.sum() > 0:"),
        (Drawing, "other outputs when it is asked again"),
        (Listed, "special_bessel_j0 is not on the format's list of operators (test_graphs.py, "),
        (Grouped, "makes no graph"),
    ],
)
def test_a_model_that_makes_no_graph_is_told_why_and_stored_without(make, told, tmp_path):
    masked = MaskedModel(make())
    with pytest.raises(ModelError) as caught:
        save(masked, tmp_path / "m.pemn", inputs=floats(8)(), graph="always")
    refusal = str(caught.value)
    for part in told.split(".*"):
        assert part in refusal
    assert "\n" not in refusal
    assert not (tmp_path / "m.pemn").exists()
    with pytest.warns(PemnWarning, match="stored without a graph"):
        save(masked, tmp_path / "m.pemn", inputs=floats(8)())
    with pytest.raises(ModelError, match="does not say how to build"):
        load(tmp_path / "m.pemn")


# -------------------------------------------------------------------- graphs of a stranger

X = Input("x", "f32", ("batch", 8))
W = np.ones((4, 8), np.float32)


def stranger(nodes, result, *, inputs=(X,), constants=(), tensors=("w",), sizes=None, limits=None):
    """Load an archive of one tensor with a graph of these nodes."""
    graph = Graph(
        tuple(inputs), tuple(tensors), tuple(constants), tuple(nodes),
        tuple(Ref(i) for i in range(len(inputs))), result,
        sizes={"batch": (1, None)} if sizes is None else sizes,
    )  # fmt: skip
    raw = write_graph(graph, {"w": ("f32", (4, 8))})
    packed = encode([DenseTensor("w", "f32", W)], None, graph=raw)
    return load(packed, limits=limits)


LINEAR = Node("linear", (Ref(0), Ref(1)))


def test_a_stranger_s_graph_runs():
    model = stranger([LINEAR], Ref(2))
    assert torch.equal(model(torch.ones(3, 8)), torch.full((3, 4), 8.0))


BOMBS = {
    "zeros": [Node("zeros", ((1 << 40,),)), Node("add.Tensor", (Ref(2), Ref(3)))],
    "many zeros": [Node("zeros", ((1 << 20,) * 2,)), Node("add.Tensor", (Ref(2), Ref(3)))],
    "arange": [Node("arange", (1 << 50,)), Node("add.Tensor", (Ref(2), Ref(3)))],
    "repeat": [Node("repeat", (Ref(2), (1 << 20, 1 << 20)))],
    "outer": [Node("flatten.using_ints", (Ref(2),)), Node("outer", (Ref(3), Ref(3)))] * 1
    + [Node("flatten.using_ints", (Ref(4),)), Node("outer", (Ref(5), Ref(5)))]
    + [Node("flatten.using_ints", (Ref(6),)), Node("outer", (Ref(7), Ref(7)))]
    + [Node("flatten.using_ints", (Ref(8),)), Node("outer", (Ref(9), Ref(9)))],
    "unbind": [
        Node("zeros", ((1 << 29,),)), Node("unbind.int", (Ref(3),)), Node("tuple.get", (Ref(4), 0)),
        Node("add.Tensor", (Ref(2), Ref(5))),
    ],
    "split": [
        Node("zeros", ((1 << 29,),)), Node("split.Tensor", (Ref(3), 1)),
        Node("tuple.get", (Ref(4), 0)), Node("add.Tensor", (Ref(2), Ref(5))),
    ],
    "chunk": [
        Node("tensor_split.sections", (Ref(2), 1 << 40)), Node("tuple.get", (Ref(3), 0)),
    ],
    "lstm": [
        Node("zeros", ((1 << 28, 1, 1),)), Node("zeros", ((1, 1, 1),)), Node("zeros", ((4, 1),)),
        Node(
            "lstm.input",
            (Ref(3), (Ref(4), Ref(4)), (Ref(5), Ref(5)), False, 1, 0.0, False, False, False),
        ),
        Node("tuple.get", (Ref(6), 1)), Node("add.Tensor", (Ref(2), Ref(7))),
        *(Node("relu", (Ref(8),)) for _ in range(1)),
    ],
    "powers": [
        Node("sym_size.int", (Ref(0), 0)),
        *(Node("size.mul", (Ref(3 + i), Ref(3 + i))) for i in range(20)),
        Node("add.Scalar", (Ref(2), Ref(23))),
    ],
    "pad": [Node("constant_pad_nd", (Ref(2), (0, 1 << 45)))],
    "held at once": [
        *(Node("zeros", ((1 << 27,),)) for _ in range(12)),
        Node("cat", (tuple(Ref(3 + i) for i in range(12)),)),
        Node("sum", (Ref(15),)), Node("add.Tensor", (Ref(2), Ref(16))),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BOMBS.keys() - {"lstm"}))
def test_a_graph_that_grows_without_bound_is_refused_unrun(name):
    nodes = [LINEAR, *BOMBS[name]]
    with pytest.raises(ModelError, match=r"graph: node \d+ .*expected"):
        stranger(nodes, Ref(1 + len(nodes)))


def test_a_recurrent_layer_over_many_moments_is_checked_at_once():
    nodes = [LINEAR, *BOMBS["lstm"]]
    assert stranger(nodes, Ref(1 + len(nodes))) is not None
    few = [*nodes]
    few[3] = Node("zeros", ((3, 1),))
    with pytest.raises(ModelError, match=r"expected weights of \(4, 1\), got \(3, 1\)"):
        stranger(few, Ref(1 + len(few)))


UNFIT = {
    "shapes": ([Node("matmul", (Ref(0), Ref(1)))], "does not fit what it is given"),
    "channels": ([LINEAR, Node("conv2d", (Ref(2), Ref(1)))], "does not fit"),
    "equation": ([Node("einsum", ("ab,cd,ef->xx", (Ref(0), Ref(1))))], "does not fit"),
    "mode": ([LINEAR, Node("pad", (Ref(2), (1, 1), "strange"))], "does not fit"),
    "no such part": (
        [LINEAR, Node("unbind.int", (Ref(2), 1)), Node("tuple.get", (Ref(3), 4))], "does not fit",
    ),
    "division": (
        [LINEAR, Node("sym_size.int", (Ref(0), 0)), Node("size.floordiv", (Ref(3), 0)),
         Node("add.Scalar", (Ref(2), Ref(4)))],
        r"node 2 \(size.floordiv\) does not fit",
    ),
    "sizes that hang on values": (
        [LINEAR, Node("gt.Scalar", (Ref(2), 0)), Node("index.Tensor", (Ref(2), (Ref(3),)))],
        "does not fit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNFIT)
def test_a_graph_that_does_not_fit_is_refused_by_its_node(name):
    nodes, told = UNFIT[name]
    with pytest.raises(ModelError, match=told) as caught:
        stranger(nodes, Ref(1 + len(nodes)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["forward", "w.inner", "training", "_pemn"])
def test_a_constant_that_no_module_can_hold_is_refused(name):
    constant = Constant(name, "f32", (8,), np.ones(8, np.float32))
    nodes = [Node("add.Tensor", (Ref(0), Ref(2))), Node("linear", (Ref(3), Ref(1)))]
    with pytest.raises(ModelError, match="expected a name that a module can have"):
        stranger(nodes, Ref(4), constants=[constant])


def test_an_operator_that_this_torch_lacks_is_named(monkeypatch):
    from pemn_compress.storing.graphs import steps

    monkeypatch.setattr(torch.ops, "aten", object())
    steps._function.cache_clear()
    with pytest.raises(ModelError, match=r"operator linear, which torch .* lacks: expected"):
        stranger([LINEAR], Ref(2))


def test_every_operator_of_the_list_is_in_this_torch():
    from pemn_compress.format.graph import operators
    from pemn_compress.storing.graphs.steps import _function

    for name, schema in operators().items():
        _, named, _ = _function(name)
        if "." in name and name.split(".")[0] in ("size", "tuple", "sym_size"):
            continue
        base, _, overload = name.partition(".")
        own = getattr(getattr(torch.ops.aten, base), overload or "default")._schema
        told = [one.name for one in own.arguments]
        assert [one.name for one in schema.arguments if one.name not in told] == []
        assert {one.name for one in schema.arguments if one.keyword_only} <= named


def test_limits_bound_what_a_graph_computes_with():
    nodes = [LINEAR, Node("repeat", (Ref(2), (1, 100)))]
    stranger(nodes, Ref(3))
    with pytest.raises(ModelError, match="at most 500"):
        stranger(nodes, Ref(3), limits=Limits(max_weights=500))


def test_an_input_of_any_size_is_refused_unmade():
    wide = Input("x", "f32", (1 << 20, 1 << 20, 8))
    with pytest.raises(ModelError, match="graph: input x: expected at most 1073741824 "):
        stranger([LINEAR], Ref(2), inputs=[wide], sizes={})


def test_a_graph_of_other_tensors_is_refused(tmp_path):
    graph = Graph((X,), ("w",), (), (LINEAR,), (Ref(0),), Ref(2), sizes={"batch": (1, None)})
    raw = write_graph(graph, {"w": ("f32", (4, 8))})
    with pytest.raises(ModelError, match=r"node 0 \(linear\) does not fit"):
        load(encode([DenseTensor("w", "f32", W.T.copy())], None, graph=raw))
    with pytest.raises(ArchiveError, match="expected names of the archive's tensors, got 'w'"):
        load(encode([DenseTensor("v", "f32", W)], None, graph=raw))
