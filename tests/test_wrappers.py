"""Other people's wrappers around a masked model, its signature, its state, and threads."""

import copy
import functools
import inspect
import io
import os
import pickle
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from pemn_compress import MaskedModel, PrunedModel, save
from pemn_compress.errors import ModelError
from pemn_compress.masking.wrappers import unwrapped
from pemn_compress.storing.saving import pack

KINDS = pytest.mark.parametrize("kind", [MaskedModel, PrunedModel])


class Net(nn.Module):
    """A model whose forward tells what it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm, self.b = nn.Linear(20, 30), nn.BatchNorm1d(30), nn.Linear(30, 20)

    def forward(self, inputs: Tensor, labels: Tensor | None = None, *, scale: float = 1.0) -> Any:
        outputs = self.b(self.norm(self.a(inputs)).relu()) * scale
        return outputs if labels is None else (outputs - labels).square().mean()


def made(kind: type) -> Any:
    torch.manual_seed(0)
    return kind(Net(), **({} if kind is MaskedModel else {"pruning_schedule": "one-shot"}))


@pytest.fixture
def one_rank(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


class FullyShardedDataParallel(nn.Module):
    """Stands in for torch's, which runs on no CPU: keeps a part of each parameter."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module
        for parameter in module.trained():
            parameter.data = parameter.data.flatten()[:10]


WRAPPERS: dict[str, Callable[[Any], nn.Module]] = {
    "itself": lambda m: m,
    "compile": torch.compile,
    "DataParallel": DataParallel,
    "AveragedModel": AveragedModel,
    "nested": lambda m: torch.compile(DataParallel(AveragedModel(m))),
}


@KINDS
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrapped_models_are_saved_as_what_they_wrap(
    wrapper: str, kind: type, tmp_path: Path
) -> None:
    masked = made(kind)
    path = save(WRAPPERS[wrapper](masked), tmp_path / "a.pemn")
    assert path.read_bytes() == pack(masked)


@KINDS
def test_a_model_of_many_ranks_is_saved_as_what_it_wraps(one_rank: None, kind: type) -> None:
    masked = made(kind)
    parallel = DistributedDataParallel(masked)
    parallel(torch.randn(4, 20)).sum().backward()
    assert unwrapped(torch.compile(parallel)) is masked
    assert pack(parallel) == pack(masked)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (nn.Linear(3, 3), r"got Linear: wrap the model first: MaskedModel\(model\)$"),
        (torch.compile(nn.Linear(3, 3)), r"got Linear: wrap the model first"),
        (nn.Sequential(nn.ReLU(), made(MaskedModel)), r"holds one as '1': give that, model\.1$"),
        ({}, "got dict$"),
        (None, "got NoneType$"),
        (FullyShardedDataParallel(made(MaskedModel)), r"^a\.weight: expected a whole tensor of .*"),
    ],
)
def test_what_is_no_such_model_is_refused_in_a_line(
    what: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        save(what, tmp_path / "a.pemn")
    assert "\n" not in str(caught.value)
    assert not os.listdir(tmp_path)


@KINDS
def test_the_signature_is_the_models_own(kind: type) -> None:
    own = inspect.signature(Net().forward)
    masked = made(kind)
    stream = io.BytesIO()
    torch.save(masked, stream)
    stream.seek(0)
    for one in (
        masked,
        copy.copy(masked),
        copy.deepcopy(masked),
        pickle.loads(pickle.dumps(masked)),
        torch.load(stream, weights_only=False),
    ):
        assert inspect.signature(one.forward) == own
        assert list(inspect.signature(type(one).forward).parameters)[1:] == list(own.parameters)
        assert isinstance(one, kind)
        assert (type(one).__name__, type(one).__doc__) == (kind.__name__, kind.__doc__)
        x = torch.randn(5, 20)
        assert torch.equal(one(x, scale=3.0), one(inputs=x, labels=None, scale=3.0))
        assert one(x, torch.zeros(5, 20)).dim() == 0
    assert type(made(kind)) is type(masked), "alike models are of one class"
    assert list(inspect.signature(kind.forward).parameters) == ["self", "args", "kwargs"]


def test_a_signature_that_cannot_be_told_or_hashed() -> None:
    class Odd(Net):
        def forward(self, inputs: Tensor, scales: Any = [1.0]) -> Any:  # noqa: B006
            return super().forward(inputs, scale=scales[0])

    masked = MaskedModel(Odd())
    assert str(inspect.signature(masked.forward)).endswith("scales: Any = [1.0]) -> Any")
    bare = Net()
    bare.forward = functools.partial(Net.forward, bare)
    bare.forward.__signature__ = "none"  # type: ignore[attr-defined]
    masked = MaskedModel(bare)
    assert masked(torch.randn(3, 20)).shape == (3, 20)

    class Own(MaskedModel):
        def forward(self, inputs: Tensor) -> Any:
            return super().forward(inputs)

    assert type(Own(Net())) is Own


@KINDS
def test_a_state_dict_is_tensors_and_goes_through_safetensors(kind: type, tmp_path: Path) -> None:
    masked, other = made(kind), made(kind)
    with torch.no_grad():
        for parameter in masked.parameters():
            parameter.add_(1)
    save_file(masked.state_dict(), tmp_path / "state.safetensors")
    other.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert pack(other) == pack(masked)


def test_state_of_before_which_was_a_dict_still_loads() -> None:
    masked, pruned = made(MaskedModel), made(PrunedModel)
    state = masked.state_dict()
    made(MaskedModel).load_state_dict(state | {"_extra_state": masked.settings.told()})
    told = {"settings": vars(pruned.settings), "density": 0.25}
    other = made(PrunedModel)
    other.load_state_dict(pruned.state_dict() | {"_extra_state": told})
    assert other.density == 0.25
    with pytest.raises(ModelError, match="seed: expected 0, got 7"):
        masked.load_state_dict(state | {"_extra_state": masked.settings.told() | {"seed": 7}})


@pytest.mark.parametrize("value", [torch.zeros(5), torch.tensor([34, 34]), 3, None, torch.ones(2)])
def test_state_that_is_none_is_refused(value: Any) -> None:
    masked = made(MaskedModel)
    with pytest.raises((ModelError, RuntimeError), match="_extra_state"):
        masked.load_state_dict(masked.state_dict() | {"_extra_state": value})


def test_the_states_size_does_not_hinge_on_how_far_training_is() -> None:
    pruned = PrunedModel(Net(), sparsity=0.9)
    sizes = set()
    for done in (0.0, 0.1, 1 / 3, 1.0):
        pruned.set_progress(done)
        sizes.add(pruned.get_extra_state().shape)
    assert len(sizes) == 1
    assert pruned.get_extra_state().dtype == torch.uint8


@KINDS
def test_threads_share_one_model(kind: type) -> None:
    masked = made(kind).eval()
    inputs = [torch.randn(4, 20) for _ in range(4)]
    with torch.no_grad():
        expected = [masked(x) for x in inputs]
    wrong: list[Any] = []
    start = threading.Barrier(len(inputs))

    def run(which: int) -> None:
        start.wait()
        with torch.no_grad():
            for _ in range(20):
                if not torch.equal(masked(inputs[which]), expected[which]):
                    wrong.append(which)
                if len(masked.state_dict()) != keys:
                    wrong.append("state")
                if pack(masked) != packed:
                    wrong.append("archive")

    keys, packed = len(masked.state_dict()), pack(masked)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert masked.model.a.weight is None
    pack(masked)


@KINDS
def test_a_pass_that_fails_leaves_nothing_in_the_model(kind: type) -> None:
    masked = made(kind)
    with pytest.raises(RuntimeError):
        masked(torch.randn(4, 3))
    assert masked.model.a.weight is None
    thread = threading.Thread(target=masked, args=(torch.randn(4, 20),))
    thread.start()  # were the turn not given back, this would wait for ever
    thread.join(60)
    assert not thread.is_alive()


@KINDS
def test_replicas_of_data_parallel_run_at_once(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's own replication, with copies on the CPU in the place of broadcasts to GPUs."""

    def broadcast(tensors: Any, devices: Any, detach: bool = False) -> Any:
        return [[tensor.clone() for tensor in tensors] for _ in devices]

    replicate = import_module("torch.nn.parallel.replicate")  # torch hides it behind a function
    monkeypatch.setattr(replicate, "_broadcast_coalesced_reshape", broadcast)
    masked, x = made(kind).eval(), torch.randn(4, 20)
    replicas = replicate.replicate(masked, [0, 1])
    for replica in replicas:
        assert replica.model is not masked.model
        assert replica._one_pass is not masked._one_pass
        assert torch.equal(replica(x), masked(x))
    sum(replica(x).sum() for replica in replicas).backward()
    assert all(own.grad is not None for own in masked.trained())
