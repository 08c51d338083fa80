"""Checkpoints of the papers' own projects: what their forward computes is what an archive restores.

The checkpoints are small, with the layout and the names of the real ones. The references are slow
and obvious: loops over weights, written from what the projects' code does.
"""

import json
import math
import os
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import pemn_compress
from pemn_compress.cli import import_
from pemn_compress.errors import ModelError, PemnError, SettingError
from pemn_compress.format.archive.values import tile
from pemn_compress.importing import BUDGETS, PROJECTS, import_checkpoint
from pemn_compress.importing.storing import shortest_period

SHAPES = {"convs.0": (6, 3, 3, 3), "convs.2": (6, 6, 3, 3), "linear": (4, 6, 1, 1)}


class Net(nn.Module):
    """What the checkpoints below are of; `linear` is a 1x1 convolution there."""

    def __init__(self, *, linear_head=False):
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.Conv2d(6, 6, 3, bias=False)
        )
        head = nn.Linear(6, 4, bias=False) if linear_head else nn.Conv2d(6, 4, 1, bias=False)
        self.linear = head

    def forward(self, x):
        x = self.convs(x).mean((2, 3), keepdim=True)
        return self.linear(x if isinstance(self.linear, nn.Conv2d) else x.flatten(1)).flatten(1)


def weights(kind, seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = {n: torch.randn(shape, generator=generator) for n, shape in SHAPES.items()}
    if kind == "signed-constant":
        return {n: w.sign() * math.sqrt(2 / w[0].numel()) for n, w in made.items()}
    return made


def state_of(weight, scores="scores", prefix="", seed=1):
    generator = torch.Generator().manual_seed(seed)
    state = OrderedDict()
    for name, tensor in weight.items():
        state[f"{prefix}{name}.weight"] = tensor
        state[f"{prefix}{name}.{scores}"] = torch.randn(tensor.shape, generator=generator)
        if name == "convs.0":
            for part in ("weight", "bias", "running_mean", "running_var"):
                value = torch.rand(6, generator=generator) + 0.1
                state[f"{prefix}convs.1.{part}"] = value
            state[f"{prefix}convs.1.num_batches_tracked"] = torch.tensor(7)
    return state


def save(path, content):
    torch.save(content, path)
    return path


def checkpoint(path, project, state, **more):
    """Write a file with the layout that the project's training script writes."""
    optimizer = {"state": {}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    if project == "pemn":
        return save(path, state)
    if project == "iterand":
        content = {"epoch": 99, "model_state_dict": state, "optim_state_dict": optimizer}
        return save(path, content | {"best_val": 0.9, "total_iters": 35200})
    content = {"epoch": 100, "arch": "Conv2", "state_dict": state, "optimizer": optimizer}
    return save(path, content | {"best_acc1": 88.1, "curr_acc1": 88.0, **more})


def first_k_dropped(scores, k):
    """hidden-networks, pemn, biprop: sort |scores|, the first int((1 - k) n) become 0."""
    flat = [abs(float(s)) for s in scores.flatten()]
    order = sorted(range(len(flat)), key=lambda i: flat[i])
    mask = torch.ones(len(flat))
    for i in order[: int((1 - k) * len(flat))]:
        mask[i] = 0
    return mask.view(scores.shape)


def percentile_mask(scores, sparsity):
    """Iterand: signed scores below the kth smallest become 0."""
    flat = sorted(float(s) for s in scores.flatten())
    kth = flat[round(0.01 * float(sparsity * 100) * (len(flat) - 1))]
    return torch.tensor([float(s >= kth) for s in scores.flatten()]).view(scores.shape)


def alpha_of(weight, mask, count):
    return sum(abs(float(w)) for w in (weight * mask).flatten()) / count


def reference(project, state, scores, number, *, shared=False):
    """Return the weights that the project's forward multiplies with, by name."""
    made = {}
    everything = sorted(
        abs(float(s)) for n, t in state.items() if n.endswith(f".{scores}") for s in t.flatten()
    )
    for name in SHAPES:
        weight, score = state[f"{name}.weight"], state[f"{name}.{scores}"]
        if project == "iterand":
            made[name] = weight * percentile_mask(score, number)
        elif shared:
            threshold = everything[int((1 - number) * len(everything)) - 1]
            mask = (score.abs() > threshold).float()
            made[name] = weight.sign() * alpha_of(weight, mask, int(mask.sum())) * mask
        elif project == "biprop":
            mask = first_k_dropped(score, number)
            made[name] = weight.sign() * alpha_of(weight, mask, int(number * mask.numel())) * mask
        else:
            made[name] = weight * first_k_dropped(score, number)
    return made


def forward(state, made, x):
    x = F.conv2d(x, made["convs.0"])
    norm = [state[f"convs.1.{p}"] for p in ("running_mean", "running_var", "weight", "bias")]
    x = F.conv2d(F.batch_norm(x, *norm), made["convs.2"])
    return F.conv2d(x.mean((2, 3), keepdim=True), made["linear"]).flatten(1)


CASES = [
    ("hidden-networks", "kaiming", 0.3, 0.3, {}),
    ("hidden-networks", "signed-constant", 0.9, 0.9, {}),
    ("biprop", "kaiming", 0.5, None, {"conv_type": "SubnetConv", "prune_rate": 0.5}),
    ("biprop", "kaiming", 0.2, 0.2, {}),
    ("biprop", "signed-constant", 0.3, None, {"conv_type": "GlobalSubnetConv", "prune_rate": 0.3}),
    ("iterand", "signed-constant", 0.6, 0.4, {}),
    ("iterand", "kaiming", 0.7, 0.3, {}),
    ("pemn", "kaiming", 0.5, 0.5, {}),
]


@pytest.mark.parametrize(("project", "kind", "number", "density", "more"), CASES)
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("linear_head", [False, True])
def test_the_restored_model_computes_what_the_projects_forward_does(
    tmp_path, project, kind, number, density, more, prefix, linear_head
):
    scores = "weight_score" if project == "iterand" else "scores"
    state = state_of(weights(kind), scores)
    file = checkpoint(
        tmp_path / "c.pth", project, {f"{prefix}{n}": t for n, t in state.items()}, **more
    )
    net = Net(linear_head=linear_head)
    made = import_checkpoint(file, project, net, density=density)
    restored = pemn_compress.load(made.archive, model=Net(linear_head=linear_head))
    shared = more.get("conv_type") == "GlobalSubnetConv"
    expected = reference(project, state, scores, number, shared=shared)
    for name, weight in expected.items():
        got = dict(restored.named_parameters())[f"{name}.weight"].detach().reshape(weight.shape)
        assert torch.equal(got != 0, weight != 0)
        if project == "biprop":  # alpha is a sum: another order, other last bits
            torch.testing.assert_close(got, weight, rtol=1e-6, atol=0)
        else:
            assert torch.equal(got, weight)
    x = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        torch.testing.assert_close(restored(x), forward(state, expected, x), rtol=1e-5, atol=1e-6)
        assert torch.equal(net.eval()(x), restored(x))
    assert [t.kept for t in made.tensors] == [int((w != 0).sum()) for w in expected.values()]
    assert pemn_compress.verify(made.archive)
    assert len(made.warnings) == (1 if linear_head else 0)


def test_biprops_alpha_divides_by_another_number_than_it_keeps(tmp_path):
    # of 7 weights at k = 0.5: int(0.5 * 7) = 3 are dropped, so 4 are kept, and int(0.5 * 7) = 3
    model = nn.Linear(7, 1, bias=False)
    weight = torch.tensor([[1.0, -2, 3, -4, 5, -6, 7]])
    scores = torch.tensor([[0.1, 0.2, 0.3, -0.4, 0.5, -0.6, 0.7]])
    state = {"weight": weight, "scores": scores}
    file = checkpoint(tmp_path / "c", "biprop", {f"fc.{n}": t for n, t in state.items()})
    net = nn.Sequential(OrderedDict(fc=model))
    import_checkpoint(file, "biprop", net, density=0.5)
    alpha = (4 + 5 + 6 + 7) / 3
    expected = torch.tensor([[0, 0, 0, -alpha, alpha, -alpha, alpha]])
    assert torch.allclose(net.fc.weight, expected)


def test_the_projects_own_rounding_is_kept(tmp_path):
    # in binary64 (1 - 0.9) * 10 is below 1: nothing is dropped
    state = {"fc.weight": torch.randn(2, 5), "fc.scores": torch.randn(2, 5)}
    net = nn.Sequential(OrderedDict(fc=nn.Linear(5, 2, bias=False)))
    made = import_checkpoint(save(tmp_path / "c", state), "pemn", net, density=0.9)
    assert made.tensors[0].kept == 10


def test_weights_of_zero_need_no_position_in_biprop(tmp_path):
    state = state_of(weights("kaiming"))
    state["linear.weight"][0] = torch.tensor([0.0, -0.0, 1, 2, 3, 4]).view(6, 1, 1)
    made = import_checkpoint(
        checkpoint(tmp_path / "c", "biprop", state), "biprop", Net(), density=1
    )
    assert [t.kept for t in made.tensors][-1] == 22


def kinds(made):
    return [t.stored_as for t in made.tensors]


def test_signs_cost_a_bit_for_each_kept_weight(tmp_path):
    state = state_of(weights("signed-constant"))
    file = checkpoint(tmp_path / "c", "hidden-networks", state)
    made = import_checkpoint(file, "hidden-networks", Net(), density=0.5)
    assert kinds(made) == ["signs"] * 3
    assert all(t.value_bytes <= 4 + math.ceil(t.kept / 8) for t in made.tensors)
    unsigned = state | {f"{n}.weight": state[f"{n}.weight"].abs() for n in SHAPES}
    file = checkpoint(tmp_path / "u", "hidden-networks", unsigned)
    made = import_checkpoint(file, "hidden-networks", Net(), density=0.5)
    assert kinds(made) == ["constant"] * 3
    assert [t.value_bytes for t in made.tensors] == [4] * 3


def test_plain_values_are_stored_as_they_are(tmp_path):
    file = checkpoint(tmp_path / "c", "pemn", state_of(weights("kaiming")))
    made = import_checkpoint(file, "pemn", Net(), density=0.5)
    assert kinds(made) == ["values"] * 3
    assert all(0.8 < t.value_bytes / (4 * t.kept) <= 1 for t in made.tensors)


def pemn_weights(mode):
    """PEMN's MP_RP and one_layer on weights of these shapes."""
    made = weights("kaiming")
    if mode == "one-layer":
        return {"a": made["convs.2"], "b": made["convs.2"].clone(), "c": made["linear"]}
    largest = made["convs.2"].flatten()
    if mode == "rp":
        length = int(len(largest) * 0.1) + 1
        repeated = largest[:length].repeat(len(largest) // length + 1)
        largest = repeated[: len(largest)]
    return {n: largest[: w.numel()].view(w.shape).clone() for n, w in made.items()}


@pytest.mark.parametrize(("mode", "length"), [("mp", 324), ("rp", 33)])
def test_a_vector_that_tensors_share_is_stored_once(tmp_path, mode, length):
    state = state_of(pemn_weights(mode))
    made = import_checkpoint(checkpoint(tmp_path / "c", "pemn", state), "pemn", Net(), density=0.7)
    assert kinds(made) == ["prototype"] * 3
    assert made.prototype_length == length
    assert [t.value_bytes for t in made.tensors] == [0] * 3
    told = pemn_compress.inspect(made.archive)
    assert {s["name"]: s["bytes"] for s in told["sections"]}["prototype"] == 4 * length


def test_tensors_that_are_equal_are_stored_once(tmp_path):
    state = {}
    for name, weight in pemn_weights("one-layer").items():
        state[f"{name}.weight"], state[f"{name}.scores"] = weight, torch.randn(weight.shape)
    layers = {n: nn.Conv2d(w.shape[1], w.shape[0], w.shape[2], bias=False)
              for n, w in pemn_weights("one-layer").items()}  # fmt: skip
    net = nn.Sequential(OrderedDict(layers))
    made = import_checkpoint(save(tmp_path / "c", state), "pemn", net, density=0.8)
    assert kinds(made) == ["prototype", "prototype", "values"]
    assert made.prototype_length == 324


def test_fixed_subnets_are_their_own_masks(tmp_path):
    state = state_of(weights("kaiming"))
    for name in SHAPES:
        state[f"{name}.scores"] = (state[f"{name}.scores"] > 0.3).float()
    for project in ("hidden-networks", "biprop"):
        net = Net()
        file = checkpoint(tmp_path / "c", project, state, conv_type="FixedSubnetConv")
        made = import_checkpoint(file, project, net)
        assert made.density is None
        expected = state["convs.2.weight"] * state["convs.2.scores"]
        assert torch.equal(net.convs[2].weight, expected)


def test_ties_are_told_and_the_lower_index_is_dropped(tmp_path):
    state = {"fc.weight": torch.ones(1, 4), "fc.scores": torch.tensor([[0.5, -0.5, 0.5, 0.7]])}
    net = nn.Sequential(OrderedDict(fc=nn.Linear(4, 1, bias=False)))
    made = import_checkpoint(save(tmp_path / "c", state), "pemn", net, density=0.5)
    assert net.fc.weight.tolist() == [[0, 0, 1, 1]]
    assert "fc.weight: scores tie" in made.warnings[0]


def test_by_order_pemns_convmixer_becomes_the_registered_one(tmp_path):
    net = pemn_compress.build("convmixer", dim=8, depth=2, image_size=8, bias=False)
    own = net.state_dict()
    # the names of ConvMixer there: 0 conv, 2 norm, 3.0.fn.0 depthwise, 3.0.fn.2, 3.1 pointwise, 3.3
    stems = ["0", "2"]
    for layer in (3, 4):
        stems += [f"{layer}.0.fn.0", f"{layer}.0.fn.2", f"{layer}.1", f"{layer}.3"]
    stems.append("7")
    state, left = {}, iter(own.items())
    for stem in stems:
        is_norm = stem.endswith((".2", ".3")) or stem == "2"
        count = 5 if is_norm else 1
        for _ in range(count):
            name, tensor = next(left)
            state[f"{stem}.{name.rpartition('.')[2]}"] = torch.rand_like(tensor.float()).to(tensor)
        if not is_norm:
            state[f"{stem}.scores"] = torch.randn(tensor.shape)
    file = checkpoint(tmp_path / "best.pt", "pemn", state)
    with pytest.raises(ModelError, match=r"lacks: .*nearest: .*--match order"):
        import_checkpoint(file, "pemn", net, density=0.5)
    made = import_checkpoint(file, "pemn", net, density=0.5, matching="order")
    restored = pemn_compress.load(made.archive)  # its architecture is in the archive
    expected = state["4.1.weight"] * first_k_dropped(state["4.1.scores"], 0.5)
    assert torch.equal(restored.state_dict()["2.pointwise.0.weight"], expected)


class Evil:
    """Pickles as a call of open(): what a hostile checkpoint does."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_checkpoint_that_needs_code_is_refused_and_not_run(tmp_path):
    state = state_of(weights("kaiming"))
    file = checkpoint(tmp_path / "c", "hidden-networks", state, args=Evil(tmp_path / "ran"))
    with pytest.raises(
        ModelError, match=r"needs unpickling of code \(.*open\), which is refused"
    ) as refused:
        import_checkpoint(file, "hidden-networks", Net(), density=0.5)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"some text", bytes(1000)])
def test_files_that_are_no_checkpoints(tmp_path, content):
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(ModelError, match=r"c: expected a checkpoint|c: needs unpickling"):
        import_checkpoint(tmp_path / "c", "pemn", Net(), density=0.5)
    with pytest.raises(ModelError, match="gone: no such file"):
        import_checkpoint(tmp_path / "gone", "pemn", Net(), density=0.5)


def without(state, name):
    return {n: t for n, t in state.items() if n != name}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: [1, 2], "expected a state dict, .* got list"),
        (lambda s: {}, "expected a state dict"),
        (lambda s: s | {"epoch": 3}, "got an entry 'epoch' of type int"),
        (lambda s: without(s, "linear.weight"), r"scores 'linear.scores': expected a weight of"),
        (lambda s: {n: t for n, t in s.items() if "scores" not in n}, r"expected scores named"),
        (lambda s: s | {"linear.scores": torch.full((4, 6, 1, 1), math.nan)}, "got NaN"),
        (lambda s: s | {"linear.scores": s["linear.scores"].half()}, "of float32, got"),
        (
            lambda s: without(s, "convs.1.bias") | {"convs.1.bais": s["convs.1.bias"]},
            r"checkpoint lacks: 'convs.1.bias' \(nearest: 'convs.1.bais'\); 1 tensor that the "
            r"model lacks: 'convs.1.bais' \(nearest: 'convs.1.bias'\)",
        ),
        (
            lambda s: s | {"convs.1.bias": torch.zeros(5)},
            r"tensor 'convs.1.bias': expected shape \(6,\), got \(5,\)",
        ),
        (lambda s: s | {"convs.1.bias": torch.zeros(6).half()}, "expected torch.float32, got"),
        (
            lambda s: {n.replace("scores", "weight_score"): t for n, t in s.items()},
            "its names are those of iterand",
        ),
    ],
)
def test_states_that_do_not_fit(tmp_path, change, told):
    file = save(tmp_path / "c", change(dict(state_of(weights("kaiming")))))
    with pytest.raises(ModelError, match=told) as refused:
        import_checkpoint(file, "hidden-networks", Net(), density=0.5)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("project", "options", "more", "told"),
    [
        ("hidden-networks", {}, {}, "expected --density, .* --prune-rate, the fraction KEPT"),
        ("pemn", {"density": 1.5}, {}, "expected 0 < density <= 1"),
        ("pemn", {"density": 0.5, "budget": "global"}, {}, "a global budget is biprop's"),
        ("pemn", {"density": 0.5, "matching": "luck"}, {}, "unknown match"),
        ("keras", {"density": 0.5}, {}, "unknown project"),
        ("biprop", {"density": 0.3}, {"prune_rate": 0.5}, "records prune_rate 0.5"),
        ("biprop", {"density": 0.5}, {"conv_type": "SampleSubnetConv"}, "draws another mask"),
        (
            "biprop",
            {"density": 0.5, "budget": "per-tensor"},
            {"conv_type": "GlobalSubnetConv"},
            "a global budget; got --budget per-tensor",
        ),
        ("biprop", {"density": 0.01}, {}, "divides by 0"),
        ("biprop", {"density": 1.0, "budget": "global"}, {}, "prunes everything"),
        ("biprop", {"density": 0.002, "budget": "global"}, {}, "divides by 0"),
    ],
)
def test_settings_that_make_no_sense(tmp_path, project, options, more, told):
    file = checkpoint(tmp_path / "c", "biprop", state_of(weights("kaiming")), **more)
    with pytest.raises(PemnError, match=told):
        import_checkpoint(file, project, Net(), **options)


def test_tied_weights_must_be_equal(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
            self.b.weight = self.a.weight

    weight, scores = torch.randn(4, 4), torch.randn(4, 4)
    state = {"a.weight": weight, "a.scores": scores, "b.weight": weight, "b.scores": scores}
    made = import_checkpoint(save(tmp_path / "c", state), "pemn", Tied(), density=0.5)
    kind = {t["name"]: t["values"]["kind"] for t in pemn_compress.inspect(made.archive)["tensors"]}
    assert kind["b.weight"] == "alias"
    state["b.scores"] = -scores.flip(0)
    with pytest.raises(ModelError, match=r"tied to 'a\.weight'"):
        import_checkpoint(save(tmp_path / "d", state), "pemn", Tied(), density=0.5)


@given(st.integers(1, 40), st.integers(0, 60), st.integers(0, 5))
def test_the_period_of_a_repeated_vector(period, more, seed):
    base = np.random.default_rng(seed).standard_normal(period).astype(np.float32)
    vector = np.resize(base, period + 16 + more)
    assert shortest_period(vector) == period


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=80))
def test_a_period_repeats(values):
    vector = np.float32(values)
    period = shortest_period(vector)
    assert tile(vector[:period], 0, len(vector)).tobytes() == vector.tobytes()


def test_the_commands_choices_are_the_registrys():
    assert tuple(PROJECTS) == import_.PROJECTS
    budget = next(o for o in import_.command.params if o.name == "budget")
    assert tuple(budget.type.choices) == BUDGETS


MODEL = """
from torch import nn

def build_model(width=6):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(width, 4, bias=False),
    )
"""


def test_the_command(call, tmp_path):
    (tmp_path / "net.py").write_text(MODEL)
    made = weights("signed-constant")
    state = {"0": made["convs.0"], "3": made["linear"]}
    parts = {f"module.{n}.weight": w for n, w in state.items()}
    parts |= {f"module.{n}.scores": torch.randn(w.shape) for n, w in state.items()}
    checkpoint(tmp_path / "model_best.pth", "hidden-networks", parts)
    arguments = ("import", "model_best.pth", "--from", "hidden-networks", "--model", "net.py")
    code, _, err = call(*arguments)
    assert (code, err.count("\n"), "--density" in err) == (2, 1, True)
    code, out, err = call(*arguments, "--density", "0.5", "--input-shape", "3,8,8")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "signs" in out
    assert "warning: 3.weight: shape (4, 6, 1, 1) became (4, 6)" in err
    assert call("verify", "model_best.pemn")[0] == 0
    assert call("restore", "model_best.pemn", "--trust-source", "-o", "m.pt2")[0] == 0
    assert call("report", "model_best.pemn")[0] == 0
    net = torch.export.load("m.pt2").module()
    x = torch.randn(3, 3, 8, 8)
    y = F.conv2d(x, state["0"] * first_k_dropped(parts["module.0.scores"], 0.5)).mean((2, 3))
    head = state["3"] * first_k_dropped(parts["module.3.scores"], 0.5)
    torch.testing.assert_close(net(x), y @ head.flatten(1).T, rtol=1e-5, atol=1e-6)
    code, _, err = call(*arguments, "--density", "0.5")
    assert (code, "--force" in err) == (2, True)
    code, out, _ = call(*arguments, "--density", "0.5", "--force", "--json", "--no-source")
    told = json.loads(out)
    assert told["bytes"] == (tmp_path / "model_best.pemn").stat().st_size
    assert told["checkpoint_bytes"] == (tmp_path / "model_best.pth").stat().st_size
    assert [t["stored_as"] for t in told["tensors"]] == ["signs", "signs"]
    assert call("restore", "model_best.pemn", "--trust-source", "-o", "n.pt2")[0] == 2


def test_a_registered_architecture_by_name(call, tmp_path):
    net = pemn_compress.build("mlp", width=5, depth=1, channels=1, image_size=4, bias=False)
    state = dict(net.state_dict())
    state |= {n.replace("weight", "scores"): torch.randn(t.shape) for n, t in state.items()}
    torch.save(state, tmp_path / "best.pt")
    told = (
        "import",
        "best.pt",
        "--from",
        "pemn",
        "--density",
        "0.5",
        "--model",
        "mlp",
        "--no-bias",
    )
    told += ("-a", "width=5", "-a", "depth=1", "-a", "channels=1", "-a", "image_size=4")
    assert call(*told)[0] == 0
    restored = pemn_compress.load(tmp_path / "best.pemn")
    expected = state["1.weight"] * first_k_dropped(state["1.scores"], 0.5)
    assert torch.equal(restored[1].weight, expected)


def test_settings_errors_are_setting_errors(tmp_path):
    file = checkpoint(tmp_path / "c", "pemn", state_of(weights("kaiming")))
    with pytest.raises(SettingError):
        import_checkpoint(file, "pemn", Net())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelError, match="expected a regular file, got a device or a pipe"):
        import_checkpoint(tmp_path / "pipe", "biprop", nn.Linear(2, 2))
