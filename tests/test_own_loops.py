"""What torch itself brings for training loops, driving a MaskedModel as any module.

Loops of other packages are in tests/zoo.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from pemn_compress import MaskedModel, load, save
from pemn_compress.models.seeded import seeded
from pemn_compress.storing.saving import pack

IMAGES = torch.randn(24, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(24) % 4
BATCHES = [(IMAGES[i : i + 8], LABELS[i : i + 8]) for i in (0, 8, 16)]


def net(seed: int = 0) -> nn.Module:
    with seeded(seed):
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4)
        )


def make(seed: int = 0) -> MaskedModel:
    return MaskedModel(net(seed), density=0.4, seed=1)


def loss(model: Callable[[Tensor], Tensor], batch: tuple[Tensor, Tensor]) -> Tensor:
    return functional.cross_entropy(model(batch[0]), batch[1])


def train(model: nn.Module) -> torch.optim.Optimizer:
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    for batch in BATCHES:
        optimizer.zero_grad()
        loss(model, batch).backward()
        optimizer.step()
    return optimizer


def check_saved(masked: MaskedModel, folder: Path) -> None:
    """Assert that masks were learned, and that a reader has the trained model's outputs."""
    assert pack(masked) != pack(make())
    save(masked, folder / "m.pemn")
    restored = load(folder / "m.pemn", model=net(2))
    masked.eval()
    with torch.no_grad():
        for size in (1, 5):
            assert torch.equal(restored(IMAGES[:size]), masked(IMAGES[:size]))


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_a_distributed_checkpoint_holds_model_and_optimizer(tmp_path):
    model = make()
    optimizer = train(model)
    dcp.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()},
             checkpoint_id=tmp_path / "state", no_dist=True)  # fmt: skip
    again = make(3)
    other = train(again)
    states = {"model": again.state_dict(), "optimizer": other.state_dict()}
    dcp.load(states, checkpoint_id=tmp_path / "state", no_dist=True)
    again.load_state_dict(states["model"])
    other.load_state_dict(states["optimizer"])
    assert pack(again) == pack(model)
    for one, opt in ((model, optimizer), (again, other)):
        opt.zero_grad()
        loss(one, BATCHES[0]).backward()
        opt.step()
    assert pack(again) == pack(model)
    check_saved(model, tmp_path)


@pytest.mark.parametrize("average", [None, get_ema_multi_avg_fn(0.9)], ids=["mean", "ema"])
def test_an_averaged_model_is_saved(average, tmp_path):
    model = make()
    averaged = AveragedModel(model, multi_avg_fn=average)
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    seen = []
    for batch in BATCHES:
        optimizer.zero_grad()
        loss(model, batch).backward()
        optimizer.step()
        averaged.update_parameters(model)
        seen.append(model.scores[0].detach().clone())
    update_bn([images for images, _ in BATCHES], averaged)
    inner = averaged.module
    assert isinstance(inner, MaskedModel)
    expected = seen[0]
    for number, score in enumerate(seen[1:], 2):
        expected = expected.lerp(score, 0.1 if average else 1 / number)
    torch.testing.assert_close(inner.scores[0], expected)
    check_saved(inner, tmp_path)


def test_lbfgs_asks_for_its_loss_many_times(tmp_path):
    model = make()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=6)
    calls = []

    def again() -> Tensor:
        optimizer.zero_grad()
        value = loss(model, (IMAGES, LABELS))
        value.backward()
        calls.append(value.item())
        return value

    optimizer.step(again)
    assert len(calls) > 2
    assert min(calls) < calls[0]
    check_saved(model, tmp_path)


def test_autocast_leaves_scores_in_float32(tmp_path):
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    for batch in BATCHES:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(model, batch)
        value.backward()
        optimizer.step()
    assert {score.grad.dtype for score in model.scores} == {torch.float32}
    with torch.autocast("cpu", torch.bfloat16):
        assert model(IMAGES).dtype == torch.bfloat16
    check_saved(model, tmp_path)


def test_a_compiled_model_trains_as_the_one_it_was_made_of(tmp_path):
    model, other = make(), make()
    train(torch.compile(model, backend="aot_eager"))
    train(other)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two)
    check_saved(model, tmp_path)


def test_a_masked_model_is_exported_with_the_masks_of_now():
    model = make()
    train(model)
    model.eval()
    batch = torch.export.Dim.DYNAMIC
    with torch.no_grad():
        program = torch.export.export(model, (IMAGES[:4],), dynamic_shapes=({0: batch},))
        for size in (1, 5):
            assert torch.equal(program.module()(IMAGES[:size]), model(IMAGES[:size]))


def test_a_state_is_read_without_running_anything(tmp_path):
    model = make()
    train(model)
    torch.save(model.state_dict(), tmp_path / "state.pt")
    again = make(3)
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert pack(again) == pack(model)
