"""MaskedModel: any module trains on one prototype and its masks, and behaves as modules do."""

import copy
import io
import pickle
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pemn_compress.errors import ModelError, PemnWarning, UnknownNameError
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.rules.plan import kept_count
from pemn_compress.models import building as architecture


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
    )


def images(count: int = 8) -> Tensor:
    return torch.randn(count, 1, 6, 6, generator=torch.Generator().manual_seed(1))


class Sequence(nn.Module):
    """A recurrent network whose output layer is its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 6)
        self.lstm = nn.LSTM(6, 6, batch_first=True, bidirectional=False)
        self.head = nn.Linear(6, 9, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.lstm(self.embedding(tokens))[0])


TOKENS = torch.tensor([[1, 2, 3, 0], [4, 8, 7, 7]])


def train(model: nn.Module, make: Callable[..., torch.optim.Optimizer], steps: int) -> list[float]:
    inputs, targets = images(24), torch.arange(24) % 3
    optimizer = make(model.parameters())
    losses = []
    for _ in range(steps):
        loss = functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_the_users_names_are_untouched() -> None:
    plain = net()
    names = list(plain.state_dict())
    masked = MaskedModel(plain)
    assert [n for n in masked.state_dict() if n.startswith("model.")] == [
        f"model.{n}" for n in names if n not in ("0.weight", "4.weight")
    ]
    assert [n for n, _ in masked.named_parameters() if n.startswith("scores")] == [
        "scores.0",
        "scores.1",
    ]
    assert list(masked.to_plain().state_dict()) == names
    assert type(masked.to_plain()) is nn.Sequential


@pytest.mark.parametrize("strategy", ["mask", "one-layer", "mp", "rp"])
def test_the_process_holds_one_prototype(strategy: str) -> None:
    masked = MaskedModel(net(), strategy=strategy, ratio=0.2)
    masked(images())
    assert [name for name, _ in masked.named_buffers() if not name.startswith("model.")] == [
        "prototype"
    ]
    held = [v for m in masked.modules() for v in vars(m).values() if isinstance(v, Tensor)]
    assert held == [], "no tensor outside parameters and buffers"
    assert masked.prototype.numel() == masked.filling.length
    trained = sum(p.numel() for p in masked.parameters())
    assert trained == sum(p.numel() for p in net().parameters())
    copied = copy.deepcopy(masked)
    assert copied.prototype.data_ptr() != masked.prototype.data_ptr()
    assert torch.equal(copied.prototype, masked.prototype)


def distinct_weights(masked: MaskedModel) -> int:
    """Count the distinct values of the selected weights."""
    masks = masked.masks()
    with torch.no_grad():
        kept = [weight[masks[name]] for name, weight in masked.weights().items()]
    return torch.cat(kept).unique().numel()


def test_rp_leaves_as_many_distinct_weights_as_the_prototype_has() -> None:
    masked = MaskedModel(
        architecture.build("resnet56"), strategy="rp", ratio=1e-3, scaling="prototype"
    )
    assert masked.filling.length == 37  # int(36864 / 1000) + 1
    assert distinct_weights(masked) == 37


def test_the_mask_strategy_gives_every_weight_its_own_random_value() -> None:
    masked = MaskedModel(nn.Linear(100, 10), strategy="mask", distribution="kaiming-uniform")
    assert masked.filling.length == 1000
    assert distinct_weights(masked) == 500


@pytest.mark.parametrize("strategy", ["mask", "one-layer", "mp", "rp"])
@pytest.mark.parametrize("scaling", ["layer", "prototype"])
def test_masks_have_their_density_and_weights_their_values(strategy: str, scaling: str) -> None:
    masked = MaskedModel(net(), strategy=strategy, scaling=scaling, ratio=0.1, density=0.3)
    weights = masked.weights()
    for index, (tensor, (name, mask)) in enumerate(
        zip(masked.plan, masked.masks().items(), strict=True)
    ):
        assert int(mask.sum()) == kept_count(tensor.numel, 0.3)
        places = (masked.filling.offsets[index] + torch.arange(tensor.numel)) % len(
            masked.prototype
        )
        expected = masked.prototype[places] * masked.filling.scales[index] * mask.flatten()
        assert torch.equal(weights[name].detach().flatten(), expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.9),
        lambda p: torch.optim.AdamW(p, lr=0.02),
    ],
    ids=["sgd", "adamw"],
)
def test_training_changes_masks_and_lowers_the_loss(make) -> None:
    masked = MaskedModel(net(), strategy="rp", ratio=0.1)
    before, prototype = masked.masks(), masked.prototype.clone()
    losses = train(masked, make, 30)
    assert losses[-1] < 0.5 * losses[0]
    after = masked.masks()
    assert all(not torch.equal(before[name], after[name]) for name in before)
    assert [int(m.sum()) for m in before.values()] == [int(m.sum()) for m in after.values()]
    assert torch.equal(masked.prototype, prototype)


def test_gradients_accumulate_over_batches_and_over_calls() -> None:
    masked = MaskedModel(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2)))
    inputs = torch.randn(6, 4)
    whole = torch.autograd.grad(masked(inputs).square().sum(), list(masked.parameters()))
    masked(inputs[:3]).square().sum().backward()
    masked(inputs[3:]).square().sum().backward()
    for expected, parameter in zip(whole, masked.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, expected)
    masked.zero_grad()
    (masked(inputs[:3]).square().sum() + masked(inputs[3:]).square().sum()).backward()
    for expected, parameter in zip(whole, masked.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, expected)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "way",
    [
        copy.deepcopy,
        lambda m: pickle.loads(pickle.dumps(m)),
        lambda m: torch.load(saved(m), weights_only=False),
        lambda m: m.to("cpu"),
        lambda m: m.to(torch.float32),
    ],
    ids=["deepcopy", "pickle", "torch.save", "to cpu", "to float32"],
)
def test_copies_work_before_and_after_the_first_pass(way, when: str) -> None:
    masked = MaskedModel(Sequence())
    if when == "after":
        masked(TOKENS).sum().backward()
    other = way(masked)
    expected = masked(TOKENS)
    assert torch.equal(other(TOKENS), expected)
    other(TOKENS).sum().backward()
    assert all(p.grad is not None for p in other.parameters())
    plain = other.to_plain()
    assert torch.equal(plain(TOKENS), expected)
    assert plain.head.weight is plain.embedding.weight


def saved(model: nn.Module) -> io.BytesIO:
    stream = io.BytesIO()
    torch.save(model, stream)
    stream.seek(0)
    return stream


def test_scores_that_somebody_cast_for_a_pass_are_refused() -> None:
    masked = MaskedModel(net())
    masked.scores[1].data = masked.scores[1].data.bfloat16()
    with pytest.raises(ModelError, match=r"scores stay float32 in training: got torch.bfloat16"):
        masked(images())


def test_who_frees_memory_by_resizing_it_may_do_so() -> None:
    masked = MaskedModel(net(), renewal="recycle", renewal_every=1)
    masked(images()).sum().backward()
    masked.masks()
    masked.advance(epoch=1)
    for tensor in (*masked.parameters(), *masked.buffers()):
        assert tensor.untyped_storage().resizable()


@pytest.mark.parametrize("length", [1, 7, 8])
def test_a_prototype_too_short_to_be_random_is_told(length: int) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PemnWarning)
        MaskedModel(nn.Linear(10, 10), ratio=(length - 0.5) / 100)
    told = [str(one.message) for one in caught]
    assert len(told) == (length < 8)
    assert ("all weights of a tensor are equal" in "".join(told)) == (length == 1)
    assert all(
        "--" not in line and one.filename == __file__
        for line, one in zip(told, caught, strict=True)
    )


@pytest.mark.parametrize("convert", ["half", "bfloat16", "double"])
def test_another_type_is_refused_and_changes_nothing(convert: str) -> None:
    masked = MaskedModel(net())
    expected = masked.eval()(images())
    with pytest.raises(ModelError, match="stay float32"):
        getattr(masked, convert)()
    assert torch.equal(masked(images()), expected)
    assert {p.dtype for p in masked.parameters()} == {torch.float32}


def test_channels_last_computes_the_same_masks() -> None:
    masked = MaskedModel(net())
    before, expected = masked.masks(), masked(images())
    masked.to(memory_format=torch.channels_last)
    assert all(torch.equal(before[name], mask) for name, mask in masked.masks().items())
    torch.testing.assert_close(masked(images()), expected)


def test_a_state_dict_moves_between_masked_models() -> None:
    one = MaskedModel(net(), seed=5)
    train(one, lambda p: torch.optim.SGD(p, lr=0.5), 5)
    torch.manual_seed(99)
    other = MaskedModel(net(), seed=5)
    assert not torch.equal(other.eval()(images()), one.eval()(images()))
    other.load_state_dict(one.state_dict())
    assert torch.equal(other(images()), one(images()))


def test_a_layer_in_two_places_has_one_mask_and_the_gradients_of_both() -> None:
    layer = nn.Linear(4, 4, bias=False)
    masked = MaskedModel(nn.Sequential(layer, nn.Tanh(), layer))
    inputs = torch.randn(3, 4)
    plain = masked.to_plain()
    assert plain[0].weight is plain[2].weight
    assert torch.equal(masked(inputs), plain(inputs))
    masked(inputs).sum().backward()
    plain(inputs).sum().backward()
    fixed = MaskedModel(nn.Linear(4, 4, bias=False), density=1.0).weights()["weight"]
    expected = plain[0].weight.grad * fixed * masked.scores[0].sign()
    torch.testing.assert_close(masked.scores[0].grad, expected)


def test_compiled_without_graph_breaks_it_computes_the_same() -> None:
    masked = MaskedModel(net()).eval()
    compiled = torch.compile(masked, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(images()), masked(images()))
    (expected,) = torch.autograd.grad(masked(images()).square().sum(), [masked.scores[0]])
    (got,) = torch.autograd.grad(compiled(images()).square().sum(), [masked.scores[0]])
    torch.testing.assert_close(got, expected)


def test_what_would_bypass_the_masks_fails_loudly() -> None:
    masked = MaskedModel(net())
    with pytest.raises(TypeError):
        masked.model[4](torch.zeros(1, 64))
    with pytest.raises(AttributeError):
        masked.model[0].reset_parameters()
    masked(images())
    assert masked.model[0].weight is None, "the swap of a forward pass is undone"


def test_half_precision_models_keep_their_type() -> None:
    masked = MaskedModel(nn.Linear(8, 4).to(torch.bfloat16))
    output = masked(torch.ones(1, 8, dtype=torch.bfloat16))
    assert output.dtype == torch.bfloat16
    output.sum().backward()
    assert masked.scores[0].dtype == masked.scores[0].grad.dtype == torch.float32
    assert masked.to_plain().weight.dtype == torch.bfloat16


def test_a_refused_setting_leaves_the_model_whole() -> None:
    model = net()
    with pytest.raises(UnknownNameError, match=r"strategy 'best'.*mask, mp, one-layer, rp"):
        MaskedModel(model, strategy="best")
    assert isinstance(model[0].weight, nn.Parameter)
    assert "2 tensors, 228 weights, strategy=rp, density=0.5" in repr(MaskedModel(model))


def test_the_padding_row_of_an_embedding_is_zero_and_stays_so():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(9, 4, padding_idx=2), nn.Flatten(), nn.Linear(20, 3))
    masked = MaskedModel(model, density=0.5)
    optimizer = torch.optim.AdamW(masked.parameters(), lr=0.1)
    tokens = torch.arange(40).reshape(8, 5) % 9
    for _ in range(5):
        optimizer.zero_grad()
        nn.functional.cross_entropy(masked(tokens), torch.arange(8) % 3).backward()
        optimizer.step()
    plain = masked.to_plain()
    assert not plain[0].weight[2].any()
    assert plain[0].weight[[0, 1, 3]].any()
    assert int(masked.masks()["0.weight"].sum()) == 18
