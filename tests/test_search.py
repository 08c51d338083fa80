"""Search methods: their gradients by the papers' equations, their masks, weights and scores."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pemn_compress.errors import SettingError, TrainingError, UnknownNameError
from pemn_compress.format.archive import open_archive
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.rules.methods import SEARCHES
from pemn_compress.masking.rules.plan import PlannedTensor, kept_count
from pemn_compress.masking.rules.strategies import Settings
from pemn_compress.masking.search import supermask
from pemn_compress.masking.top import top_global, top_signed
from pemn_compress.masking.top.signed import _operator, _top_signed_device
from pemn_compress.storing import loading
from pemn_compress.storing import saving as packing

LAW = settings(deadline=None, derandomize=True, max_examples=100)
RENEWED = {"renewal": "iterand", "renewal_every": 1, "renewal_rate": 0.5}


def dense(**chosen: object) -> MaskedModel:
    torch.manual_seed(0)
    masked = MaskedModel(nn.Linear(7, 5, bias=False), seed=3, ratio=0.3, **chosen)
    with torch.no_grad():
        masked.scores[0].mul_(5)
    return masked


def reference(
    search: str, signed: bool, scores: Tensor, fixed: Tensor, mask: Tensor, x: Tensor, t: Tensor
) -> tuple[list[list[float]], list[list[float]]]:
    """The weights, and the scores' gradients of L = sum over v (I_v - t_v)^2 / 2, one by one."""
    outputs, inputs = fixed.shape
    kept = [(v, u) for v in range(outputs) for u in range(inputs) if mask[v, u]]
    alpha = sum(abs(float(fixed[v, u])) for v, u in kept) / len(kept)
    weight = [[0.0] * inputs for _ in range(outputs)]
    for v, u in kept:
        w = float(fixed[v, u])
        weight[v][u] = math.copysign(alpha, w) if search == "biprop" else w
        if search == "sign":
            weight[v][u] = math.copysign(w, float(scores[v, u]))
    gradient = [[0.0] * inputs for _ in range(outputs)]
    for z, target in zip(x.tolist(), t.tolist(), strict=True):
        for v in range(outputs):
            i_v = sum(weight[v][u] * z[u] for u in range(inputs))  # edge-popup, eq. 4
            for u in range(inputs):
                # edge-popup, eq. 5: dL/dI_v w_uv Z_u, for every edge, selected or not
                straight = (i_v - target[v]) * float(fixed[v, u]) * z[u]
                if search == "sign":  # d|w| sign(s)/ds taken as |w|
                    gradient[v][u] += (i_v - target[v]) * abs(float(fixed[v, u])) * z[u]
                    continue
                s = float(scores[v, u])
                p = 1 / (1 + math.exp(-s))
                chain = p * (1 - p) if search == "supermask" else math.copysign(1, s)
                gradient[v][u] += straight * (1 if signed and search != "supermask" else chain)
    return weight, gradient


@pytest.mark.parametrize("ranking", [None, "signed"])
@pytest.mark.parametrize(
    ("search", "renewal"),
    [(name, {}) for name in SEARCHES]
    + [(name, RENEWED) for name, facts in SEARCHES.items() if facts.renewable],
)
def test_gradients_are_the_papers_equations(
    search: str, ranking: str | None, renewal: dict[str, object]
) -> None:
    if ranking not in (None, *SEARCHES[search].rankings):
        with pytest.raises(SettingError, match="takes the score's sign for the weight's"):
            dense(search=search, ranking=ranking)
        return
    masked = dense(search=search, ranking=ranking, density=0.4, **renewal)
    for step in range(1, 4 if renewal else 1):
        masked.advance(step=step)
    fill, scores = masked.fill(0), masked.scores[0].detach()
    places = (fill.offset + torch.arange(35)) % fill.values.numel()
    fixed = (fill.values[places] * fill.scale).view(5, 7)
    x, t = torch.randn(4, 7), torch.randn(4, 5)

    masked.train()
    torch.manual_seed(11)  # the supermask's draw
    mask = masked.weights(training=True)["weight"] != 0
    torch.manual_seed(11)
    ((masked(x) - t).square().sum() / 2).backward()

    signed = ranking == "signed"
    weight, gradient = reference(search, signed, scores, fixed, mask, x, t)
    torch.manual_seed(11)
    used = masked.weights(training=True)["weight"].detach()
    torch.testing.assert_close(used, torch.tensor(weight), rtol=1e-6, atol=0)
    torch.testing.assert_close(masked.scores[0].grad, torch.tensor(gradient), rtol=2e-5, atol=1e-6)
    assert (masked.scores[0].grad[~mask] != 0).any(), "what is not selected must be able to return"


@pytest.mark.parametrize("choose", [top_signed, _top_signed_device], ids=["cpu", "device"])
@given(
    scores=st.lists(
        st.one_of(st.sampled_from([0.0, -0.0, 1.0, -1.0]), st.floats(width=32, allow_nan=False)),
        min_size=1,
        max_size=40,
    ),
    share=st.floats(0, 1),
)
@LAW
def test_a_signed_mask_is_the_top_of_a_full_stable_sort(
    choose: object, scores: list[float], share: float
) -> None:
    count = 1 + round(share * (len(scores) - 1))
    kept = set(sorted(range(len(scores)), key=lambda i: -float(np.float32(scores[i])))[:count])
    mask = choose(torch.tensor(scores), count)  # type: ignore[operator]
    assert mask.tolist() == [i in kept for i in range(len(scores))]


def test_scores_that_are_no_numbers_have_no_mask() -> None:
    with pytest.raises(TrainingError, match="scores hold NaN"):
        top_signed(torch.tensor([1.0, math.nan]), 1)


@pytest.mark.parametrize("operator", ["top_signed", "top_global"])
def test_the_operators_keep_torchs_rules(operator: str) -> None:
    one, other = torch.randn(3, 4), torch.randn(5)
    if operator == "top_signed":
        assert torch.library.opcheck(_operator, (one, 5))
    else:
        assert torch.library.opcheck(top_global, ([one, other], [1, 1], 6, False))


@pytest.mark.parametrize(
    "chosen",
    [
        {"search": "biprop"},
        {"search": "supermask"},
        {"budget": "global"},
        {"ranking": "signed", "budget": "global"},
        {"search": "biprop", "renewal": "recycle"},
    ],
)
def test_compiled_without_graph_breaks_they_compute_the_same(chosen: dict[str, object]) -> None:
    masked = dense(**chosen).eval()
    compiled = torch.compile(masked, fullgraph=True, backend="aot_eager")
    x = torch.randn(2, 7)
    assert torch.equal(compiled(x), masked(x))
    (expected,) = torch.autograd.grad(masked(x).square().sum(), [masked.scores[0]])
    (got,) = torch.autograd.grad(compiled(x).square().sum(), [masked.scores[0]])
    torch.testing.assert_close(got, expected)


def test_a_supermask_is_drawn_when_training_and_the_most_probable_when_not() -> None:
    masked = dense(search="supermask", density=0.3)
    x = torch.randn(3, 7)
    assert not torch.equal(masked(x), masked(x))
    masked.eval()
    assert torch.equal(masked(x), masked(x))
    (mask,) = masked.masks().values()
    assert int(mask.sum()) == kept_count(35, 0.3)
    assert masked.scores[0][mask].min() >= masked.scores[0][~mask].max()
    masked.train()
    assert torch.equal(masked.to_plain()(x), masked.eval()(x)), "also a copy made while training"


def test_a_supermask_starts_at_its_density() -> None:
    tensor = PlannedTensor("w", (200, 100), 100, 200)
    for density in (0.1, 0.5, 0.9):
        scores = supermask.initial_scores(tensor, 0, 0, density)
        assert float(scores.sigmoid().mean()) == pytest.approx(density, abs=0.003)
        torch.manual_seed(0)
        drawn = supermask.training_mask(scores, 0).float().mean()
        assert float(drawn) == pytest.approx(density, abs=0.02)
    assert supermask.initial_scores(tensor, 0, 0, 1.0).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_biprop_stores_one_number_and_no_values(dtype: torch.dtype) -> None:
    masked = MaskedModel(nn.Linear(30, 20, bias=False).to(dtype), search="biprop", ratio=0.2)
    (weight,) = masked.weights().values()
    (mask,) = masked.masks().values()
    assert weight[mask].abs().unique().numel() == 1
    assert (weight[~mask] == 0).all()
    packed = packing.pack(masked)
    with open_archive(packed) as archive:
        (record,) = archive.manifest.tensors
    assert (record.values.signs, record.values.plane) == (True, None)
    fixed = masked.fill(0).values[torch.arange(600) % masked.prototype.numel()].view(20, 30)
    mean = (fixed[mask].double() * masked.fill(0).scale).abs().mean()
    assert record.values.scale == pytest.approx(float(mean), rel=1e-6)
    restored = loading.load(packed, model=nn.Linear(30, 20, bias=False).to(dtype))
    assert torch.equal(restored.weight, masked.to_plain().weight)


def test_a_score_seed_gives_other_masks_over_the_same_weights() -> None:
    one, other, own = dense(), dense(score_seed=9), dense(score_seed=3)
    assert torch.equal(one.prototype, other.prototype)
    assert not torch.equal(one.scores[0], other.scores[0])
    assert torch.equal(one.scores[0], own.scores[0]), "the seed is the score seed by default"


@pytest.mark.parametrize("strategy", ["mp", "rp"])
def test_a_shuffled_prototype_has_the_archives_bits(strategy: str) -> None:
    def net() -> nn.Sequential:
        return nn.Sequential(nn.Linear(9, 8), nn.Linear(8, 9, bias=False), nn.Linear(9, 4))

    tiled = MaskedModel(net(), strategy=strategy, ratio=0.1)
    masked = MaskedModel(net(), strategy=strategy, ratio=0.1, order="shuffle")
    assert masked.prototype.numel() == 72
    drawn = masked.filling.prototype(0)
    assert sorted(masked.prototype.tolist()) == sorted(np.resize(drawn, 72).tolist())
    assert not torch.equal(tiled.weights()["0.weight"], masked.weights()["0.weight"])
    packed = packing.pack(masked)
    with open_archive(packed) as archive:
        told = archive.manifest.prototype
    assert (told.length, told.shuffle.length, told.shuffle.seed, told.shuffle.stream) == (
        masked.filling.length, 72, 0, 1,
    )  # fmt: skip
    state = loading.load(packed, model=net()).state_dict()
    for name, tensor in masked.to_plain().state_dict().items():
        assert torch.equal(state[name], tensor), name


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            {"search": "best"},
            "unknown search 'best'; expected one of: biprop, edge-popup, sign, supermask",
        ),
        ({"renewal": "often"}, "unknown renewal 'often'; expected one of: iterand, none, recycle"),
        ({"ranking": "size"}, "unknown ranking 'size'; expected one of: magnitude, signed"),
        ({"budget": "layer"}, "unknown budget 'layer'; expected one of: global, tensor"),
        ({"order": "random"}, "unknown order 'random'; expected one of: shuffle, tile"),
        ({"density_schedule": "linear"}, "unknown density schedule 'linear'; .*constant, cubic"),
        ({"search": "supermask", "renewal": "recycle"}, "recycle renews .* expected search edge-p"),
        ({"search": "supermask", "ranking": "magnitude"}, "expected ranking signed, got magnitude"),
        (
            {"strategy": "mask", "order": "shuffle"},
            "strategy mask has not: expected strategy mp or",
        ),
        ({"renewal_every": 3}, "renewal_every is a setting of renewal iterand and recycle"),
        ({"renewal": "iterand", "renewal_every": 0}, "number of steps of 1 or more, got 0"),
        ({"renewal": "recycle", "renewal_every": 1.5}, "number of epochs of 1 or more, got 1.5"),
        ({"renewal": "recycle", "renewal_rate": 0.6}, "above 0 and up to 0.5 for recycle, got 0.6"),
        ({"renewal": "iterand", "renewal_rate": 0}, "above 0 and up to 1 for iterand, got 0"),
        ({"floor": 0.1}, "floor is a setting of budget global"),
        ({"budget": "global", "floor": 1.2}, "floor is the fraction .* 0 to 1, got 1.2"),
        ({"budget": "global", "layer_density": [("a", 0.5)]}, "expected budget tensor with it"),
        ({"layer_density": [("a", 1.5)]}, "expected 0 < density <= 1, got 1.5"),
        ({"ramp_epochs": 3}, "ramp_epochs is a setting of density_schedule cubic"),
        ({"density_schedule": "cubic", "ramp_epochs": 0}, "ramp_epochs: expected 1 or more, got 0"),
        ({"score_seed": -1}, "seed: expected an integer from 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(chosen: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        Settings(**chosen)
    assert "\n" not in str(caught.value)
    if "unknown" in message:
        assert isinstance(caught.value, UnknownNameError)


def test_settings_tell_what_is_used() -> None:
    plain = Settings(strategy="mp").told()
    assert list(plain) == [
        "strategy", "density", "seed", "distribution", "scaling", "scale_by_density", "search",
    ]  # fmt: skip
    told = Settings(renewal="iterand", layer_density=(("head.*", 0.9),)).told()
    assert told["renewal"] == "iterand"
    assert told["layer_density"] == [["head.*", 0.9]]
    assert "renewal_rate" not in told
    assert Settings(**told) == Settings(renewal="iterand", layer_density=(("head.*", 0.9),))
