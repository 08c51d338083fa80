"""Checkpoints of the papers' own projects: what their forward computes is what an archive restores.

The checkpoints are small, with the layout and the names of the real ones. The references are slow
and obvious: loops over weights, written from what the projects' code does.
"""

import json
import math
from argparse import Namespace
from collections import OrderedDict

import numpy as np
import pytest
import torch
from original_checkpoints import SHAPES, Net, checkpoint, save, state_of, weights
from torch import nn
from torch.nn import functional as F

import pemn_compress
from pemn_compress.cli import import_
from pemn_compress.errors import ModelError, PemnError, SettingError
from pemn_compress.importing import BUDGETS, PROJECTS, import_checkpoint
from pemn_compress.reporting import terminal


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
    ("biprop", "kaiming", 0.2, 0.2, {"conv_type": "SubnetConv"}),
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
    assert len(made.unknown) == (project == "hidden-networks")


def test_biprops_alpha_divides_by_another_number_than_it_keeps(tmp_path):
    # of 7 weights at k = 0.5: int(0.5 * 7) = 3 are dropped, so 4 are kept, and int(0.5 * 7) = 3
    model = nn.Linear(7, 1, bias=False)
    weight = torch.tensor([[1.0, -2, 3, -4, 5, -6, 7]])
    scores = torch.tensor([[0.1, 0.2, 0.3, -0.4, 0.5, -0.6, 0.7]])
    state = {"weight": weight, "scores": scores}
    file = checkpoint(tmp_path / "c", "biprop", {f"fc.{n}": t for n, t in state.items()})
    net = nn.Sequential(OrderedDict(fc=model))
    import_checkpoint(file, "biprop", net, density=0.5, budget="per-tensor")
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
        checkpoint(tmp_path / "c", "biprop", state),
        "biprop",
        Net(),
        density=1,
        budget="per-tensor",
    )
    assert [t.kept for t in made.tensors][-1] == 22


def test_fixed_subnets_are_their_own_masks(tmp_path):
    state = state_of(weights("kaiming"))
    for name in SHAPES:
        state[f"{name}.scores"] = (state[f"{name}.scores"] > 0.3).float()
    for project in ("hidden-networks", "biprop"):
        net = Net()
        file = checkpoint(tmp_path / "c", project, state, conv_type="FixedSubnetConv")
        made = import_checkpoint(file, project, net)
        assert made.density is None
        assert "FixedSubnetConv" in made.rule
        assert len(made.warnings) == (project == "hidden-networks")  # which records no conv_type
        expected = state["convs.2.weight"] * state["convs.2.scores"]
        assert torch.equal(net.convs[2].weight, expected)


@pytest.mark.parametrize("project", ["hidden-networks", "pemn", "biprop"])
def test_ties_are_told_and_the_lower_index_is_dropped(tmp_path, project):
    state = {
        "fc.weight": torch.ones(1, 6),
        "fc.scores": torch.tensor([[0.5, -0.5, 0.5, 0.7, -0.5, 0.1]]),
    }
    net = nn.Sequential(OrderedDict(fc=nn.Linear(6, 1, bias=False)))
    budget = "per-tensor" if project == "biprop" else None
    made = import_checkpoint(save(tmp_path / "c", state), project, net, density=0.5, budget=budget)
    assert (net.fc.weight != 0).tolist() == [[False, False, True, True, True, False]]
    assert "fc.weight: 4 scores tie at the border, and 2 of them are kept" in made.warnings[0]


def test_no_ties_are_told_where_the_border_is_clear(tmp_path):
    state = {"fc.weight": torch.ones(1, 4), "fc.scores": torch.tensor([[0.5, -0.5, 0.6, 0.6]])}
    net = nn.Sequential(OrderedDict(fc=nn.Linear(4, 1, bias=False)))
    for density in (0.5, 1.0):
        made = import_checkpoint(save(tmp_path / "c", state), "pemn", net, density=density)
        assert made.warnings == ()


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
    (told,) = made.warnings
    assert "matched by order: 31 of 31 names differ ('0.weight' to '0.0.weight'" in told
    assert "activations, strides, paddings" in told
    restored = pemn_compress.load(made.archive)  # its architecture is in the archive
    expected = state["4.1.weight"] * first_k_dropped(state["4.1.scores"], 0.5)
    assert torch.equal(restored.state_dict()["2.pointwise.0.weight"], expected)


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
            r"named weight_score.*--from iterand",
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
        ("hidden-networks", {}, {}, r"expected one \(--density\), .* --prune-rate, .* KEPT"),
        ("pemn", {"density": 1.5}, {}, "expected 0 < density <= 1"),
        ("iterand", {"density": 0.5, "linear_density": 0}, {}, "expected 0 < density <= 1"),
        ("pemn", {"density": 0.5, "linear_density": 0.5}, {}, "only iterand has one"),
        ("pemn", {"density": 0.5, "budget": "global"}, {}, "a global budget is biprop's"),
        ("biprop", {"density": 0.5, "budget": "globl"}, {}, "did you mean global"),
        ("pemn", {"density": 0.5, "matching": "luck"}, {}, "unknown match"),
        ("keras", {"density": 0.5}, {}, "unknown project"),
        ("biprob", {"density": 0.5}, {}, "did you mean biprop"),
        (
            "biprop",
            {"density": 0.3},
            {"prune_rate": 0.5, "conv_type": "SubnetConv"},
            "records prune_rate 0.5",
        ),
        ("biprop", {"density": 0.5}, {"conv_type": "SampleSubnetConv"}, "draws another mask"),
        ("biprop", {"density": 0.5}, {"conv_type": "RGConv"}, "records conv_type 'RGConv'"),
        ("biprop", {"density": 0.5}, {"conv_type": ["a"]}, "records conv_type"),
        ("biprop", {"density": 0.5}, {}, "--budget per-tensor.*--budget global"),
        (
            "biprop",
            {"density": 0.5, "budget": "per-tensor"},
            {"conv_type": "GlobalSubnetConv"},
            "a global budget; got budget per-tensor",
        ),
        ("biprop", {"density": 0.01}, {"conv_type": "SubnetConv"}, "divides by 0"),
        ("biprop", {"density": 1.0, "budget": "global"}, {}, "prunes everything"),
        ("biprop", {"density": 0.002, "budget": "global"}, {}, "divides by 0"),
    ],
)
def test_settings_that_make_no_sense(tmp_path, project, options, more, told):
    scores = "weight_score" if project == "iterand" else "scores"
    layout = project if project in PROJECTS else "biprop"
    file = checkpoint(tmp_path / "c", layout, state_of(weights("kaiming"), scores), **more)
    with pytest.raises(PemnError, match=told) as refused:
        import_checkpoint(file, project, Net(), **options)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "number", [np.float64(0.5), np.float32(0.5), torch.tensor(0.5), np.array(0.5)]
)
def test_a_density_may_be_a_number_of_numpy_or_torch(tmp_path, number):
    file = checkpoint(tmp_path / "c", "pemn", state_of(weights("kaiming")))
    made = import_checkpoint(file, "pemn", Net(), density=number)
    assert made.density == 0.5
    assert made.archive == import_checkpoint(file, "pemn", Net(), density=0.5).archive


@pytest.mark.parametrize("recorded", [np.float64(0.3), torch.tensor(0.3), "0.3"])
def test_a_recorded_number_may_be_of_any_kind(tmp_path, recorded):
    more = {"conv_type": "SubnetConv", "prune_rate": recorded}
    file = checkpoint(tmp_path / "c", "biprop", state_of(weights("kaiming")), **more)
    assert import_checkpoint(file, "biprop", Net()).density == pytest.approx(0.3)


def test_a_global_checkpoint_of_an_early_epoch_is_told(tmp_path):
    more = {"conv_type": "GlobalSubnetConv", "prune_rate": 0.3}
    state = state_of(weights("kaiming"))
    for epoch, told in ((3, True), (100, False)):
        file = checkpoint(tmp_path / "c", "biprop", state, **more, epoch=epoch)
        made = import_checkpoint(file, "biprop", Net())
        assert any("is of epoch 3" in warning for warning in made.warnings) == told
        assert "GlobalSubnetConv" in made.rule


def flat_head(state):
    return {n: t.flatten(1) if "linear" in n else t for n, t in state.items()}


def test_iterands_linear_layers_have_a_density_of_their_own(tmp_path):
    state = flat_head(state_of(weights("kaiming"), "weight_score"))
    file = checkpoint(tmp_path / "c", "iterand", state)
    made = import_checkpoint(file, "iterand", Net(linear_head=True), density=0.5)
    (told,) = made.warnings
    assert "linear.weight: density 0.5 as for convolutions; iterand has a linear_sparsity" in told
    net = Net(linear_head=True)
    made = import_checkpoint(file, "iterand", net, density=0.5, linear_density=0.25)
    assert made.warnings == ()
    scores = state["linear.weight_score"]
    assert torch.equal(net.linear.weight, state["linear.weight"] * percentile_mask(scores, 0.75))
    args = Namespace(conv_sparsity=0.5, linear_sparsity=0.75)
    recorded = checkpoint(tmp_path / "d", "iterand", state, args=args)
    again = import_checkpoint(recorded, "iterand", Net(linear_head=True))
    assert [t.kept for t in again.tensors] == [t.kept for t in made.tensors]
    with pytest.raises(SettingError, match=r"records conv_sparsity 0.5, density 0.5; got .* 0.4"):
        import_checkpoint(recorded, "iterand", Net(linear_head=True), density=0.4)


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


def test_the_command(call, tmp_path, monkeypatch):
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
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
