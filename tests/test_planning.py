"""Planning: which parameters of a model are masked, in what order, and what is refused."""

import math

import pytest
import torch
from torch import nn

from pemn_compress.errors import ModelError, SettingError
from pemn_compress.masking.rules.plan import Plan
from pemn_compress.masking.rules.strategies import Settings, fill
from pemn_compress.masking.selection import Selection, plan_model


class Scaled(nn.Module):
    """A linear layer and a scalar of the model's own."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.temperature = nn.Parameter(torch.tensor(1.0))
        self.position = nn.Parameter(torch.zeros(2, 4))


class Tied(nn.Module):
    """An embedding that is the output layer, too."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.body = nn.Linear(4, 4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight


def names(plan: Plan) -> list[str]:
    return [tensor.name for tensor in plan]


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 6), nn.Linear(6, 2))


@pytest.mark.parametrize(
    ("module", "masked"),
    [
        (nn.Linear(3, 4), ["weight"]),
        (nn.Bilinear(3, 4, 5), ["weight"]),
        (nn.Conv1d(2, 4, 3), ["weight"]),
        (nn.Conv2d(4, 6, 3, groups=2), ["weight"]),
        (nn.Conv3d(2, 4, 3), ["weight"]),
        (nn.ConvTranspose2d(4, 6, 3, groups=2), ["weight"]),
        (nn.Embedding(5, 3), ["weight"]),
        (nn.EmbeddingBag(5, 3), ["weight"]),
        (nn.LSTM(3, 4), ["weight_ih_l0", "weight_hh_l0"]),
        (nn.LSTM(3, 4, proj_size=2), ["weight_ih_l0", "weight_hh_l0", "weight_hr_l0"]),
        (nn.GRUCell(3, 4), ["weight_ih", "weight_hh"]),
        (
            nn.GRU(3, 4, bidirectional=True, bias=False),
            ["weight_ih_l0", "weight_hh_l0", "weight_ih_l0_reverse", "weight_hh_l0_reverse"],
        ),
        (nn.MultiheadAttention(8, 2), ["in_proj_weight", "out_proj.weight"]),
        (nn.MultiheadAttention(8, 2, add_bias_kv=True), ["in_proj_weight", "out_proj.weight"]),
        (
            nn.MultiheadAttention(8, 2, kdim=4, vdim=6),
            ["q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight"],
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_is_masked_by_default(module: nn.Module, masked: list[str]) -> None:
    plan = plan_model(module)
    assert names(plan) == masked
    assert [t.shape for t in plan] == [tuple(module.get_parameter(n).shape) for n in masked]


def test_biases_norms_and_a_models_own_parameters_stay_dense() -> None:
    model = nn.Sequential(net(), nn.LayerNorm((2, 2)), nn.GroupNorm(1, 2), nn.PReLU(), Scaled())
    assert names(plan_model(model)) == ["0.0.weight", "0.2.weight", "0.3.weight", "4.linear.weight"]


@pytest.mark.parametrize(
    ("module", "fan_in", "fan_out"),
    [
        (nn.Linear(3, 4), 3, 4),
        (nn.Conv2d(4, 6, 3), 36, 54),
        (nn.Conv2d(4, 6, 3, groups=2), 18, 27),
        (nn.Conv3d(2, 4, (1, 2, 3)), 12, 24),
        (nn.ConvTranspose2d(4, 6, 3), 36, 54),
        (nn.ConvTranspose2d(4, 6, 3, groups=2), 18, 27),
        (nn.ConvTranspose1d(8, 2, 5), 40, 10),
    ],
)
def test_fans(module: nn.Module, fan_in: int, fan_out: int) -> None:
    (tensor,) = plan_model(module)
    assert (tensor.fan_in, tensor.fan_out) == (fan_in, fan_out)


def test_kaiming_scales_keep_the_variance_of_a_transposed_convolution() -> None:
    plan = plan_model(nn.ConvTranspose2d(16, 3, 2))
    (scale,) = fill(plan, Settings()).scales
    assert math.isclose(scale, math.sqrt(2 / 64), rel_tol=1e-6)


@pytest.mark.parametrize(
    ("selection", "masked"),
    [
        (Selection(exclude=["2.*"]), ["0.weight", "3.weight"]),
        (Selection(include=["*.weight"]), ["0.weight", "1.weight", "2.weight", "3.weight"]),
        (Selection(include=["*.weight"], exclude=["1.*", "[3]*"]), ["0.weight", "2.weight"]),
        (Selection(first_layer_dense=True), ["2.weight", "3.weight"]),
        (Selection(last_layer_dense=True), ["0.weight", "2.weight"]),
        (Selection(first_layer_dense=True, last_layer_dense=True), ["2.weight"]),
        (Selection(exclude=["3.*"], last_layer_dense=True), ["0.weight"]),
        (Selection(include=["0.bias"]), ["0.bias"]),
    ],
)
def test_selection(selection: Selection, masked: list[str]) -> None:
    assert names(plan_model(net(), selection)) == masked


def test_include_takes_parameters_of_any_rank() -> None:
    plan = plan_model(Scaled(), Selection(include=["temperature", "position"]))
    assert {t.name: (t.shape, t.fan_in) for t in plan} == {
        "temperature": ((), 1),
        "position": ((2, 4), 4),
    }


@pytest.mark.parametrize("option", ["include", "exclude"])
def test_a_pattern_that_matches_nothing_is_refused(option: str) -> None:
    with pytest.raises(SettingError, match=rf"^{option}='head\.\*' matches no parameter.*0\.weigh"):
        plan_model(net(), Selection(**{option: ["head.*"]}))


def test_a_tied_weight_is_planned_once_under_all_its_names() -> None:
    plan = plan_model(Tied())
    assert [(t.name, t.aliases) for t in plan] == [
        ("embedding.weight", ("head.weight",)),
        ("body.weight", ()),
    ]
    # one name is enough to leave it out
    assert names(plan_model(Tied(), Selection(exclude=["head.*"]))) == ["body.weight"]
    assert names(plan_model(Tied(), Selection(include=["head.*"]))) == ["embedding.weight"]


def test_a_module_in_two_places_is_planned_once() -> None:
    layer = nn.Linear(3, 3)
    (tensor,) = plan_model(nn.Sequential(layer, nn.ReLU(), layer))
    assert (tensor.name, tensor.aliases) == ("0.weight", ("2.weight",))


def old_weight_norm(module: nn.Module, name: str = "weight") -> nn.Module:
    with pytest.warns(FutureWarning, match="weight_norm"):
        return nn.utils.weight_norm(module, name)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)),
        lambda: nn.utils.parametrizations.orthogonal(nn.Linear(3, 3)),
        lambda: old_weight_norm(nn.Linear(3, 3)),
        lambda: old_weight_norm(nn.LSTM(3, 3), "weight_hh_l0"),
        lambda: nn.utils.spectral_norm(nn.Linear(3, 3)),
        lambda: nn.utils.prune.random_unstructured(nn.Linear(3, 3), "weight", 0.5),
    ],
    ids=["weight_norm", "orthogonal", "old weight_norm", "old, LSTM", "spectral_norm", "prune"],
)
def test_a_parametrized_module_is_refused(make) -> None:
    model = nn.Sequential(nn.Linear(3, 3), make())
    with pytest.raises(ModelError, match="module '1': expected plain parameters, got a parametri"):
        plan_model(model)


def test_other_hooks_are_no_reason_to_refuse() -> None:
    model = nn.Linear(3, 3)
    model.register_forward_pre_hook(lambda module, inputs: None)
    assert names(plan_model(model)) == ["weight"]


def test_a_lazy_module_is_refused_until_it_has_run() -> None:
    model = nn.Sequential(nn.LazyLinear(4))
    with pytest.raises(ModelError, match=r"module '0': parameter 'weight' of a lazy module"):
        plan_model(model)
    model(torch.zeros(2, 3))
    assert [t.shape for t in plan_model(model)] == [(4, 3)]


def test_types() -> None:
    for dtype, code in ((torch.bfloat16, "bf16"), (torch.float16, "f16"), (torch.float32, "f32")):
        assert {t.dtype for t in plan_model(net().to(dtype))} == {code}
    with pytest.raises(ModelError, match=r"0\.weight: expected .* got float64"):
        plan_model(net().double())
    mixed = net()
    mixed[0].double()
    assert names(plan_model(mixed, Selection(exclude=["0.*"]))) == ["2.weight", "3.weight"]


def test_nothing_to_mask_is_refused() -> None:
    for model in (nn.BatchNorm1d(3), nn.ReLU()):
        with pytest.raises(ModelError, match="no parameter is left to mask"):
            plan_model(model)
    with pytest.raises(ModelError, match="no parameter is left to mask"):
        plan_model(nn.Linear(2, 2), Selection(first_layer_dense=True, last_layer_dense=True))
    empty = nn.Linear(2, 2)
    empty.weight = nn.Parameter(torch.zeros(0, 2))
    with pytest.raises(ModelError, match=r"weight: expected at least one weight .* \(0, 2\)"):
        plan_model(empty)


def test_the_meta_device_will_do_and_nothing_changes() -> None:
    with torch.device("meta"):
        model = nn.Sequential(net(), Tied())
    before = {name: id(parameter) for name, parameter in model.named_parameters()}
    plan = plan_model(model)
    assert plan == plan_model(nn.Sequential(net(), Tied()))
    assert plan.numel == 20 + 30 + 12 + 28 + 16
    assert {name: id(parameter) for name, parameter in model.named_parameters()} == before
