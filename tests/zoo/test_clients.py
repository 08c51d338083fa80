"""Other people's training loops drive a MaskedModel: train, write a state, go on from it, save."""

import pickle
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import skorch
import torch
import transformers as hf
from accelerate import Accelerator
from road import built, outputs, same
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from pemn_compress import MaskedModel, PemnWarning, load, rehearse, save
from pemn_compress.storing.saving import pack

pytestmark = pytest.mark.filterwarnings("ignore", "error::pemn_compress.errors.PemnWarning")

GENERATOR = torch.Generator().manual_seed(0)
INPUTS = torch.randn(32, 1, 8, 8, generator=GENERATOR)
TARGETS = torch.randint(0, 4, (32,), generator=GENERATOR)


def net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(),
        nn.Dropout(0.1), nn.Linear(512, 4),
    )  # fmt: skip


def masked(seed: int = 0) -> MaskedModel:
    return MaskedModel(built(net, seed=seed), density=0.3, seed=3)


def batches() -> DataLoader[Any]:
    return DataLoader(TensorDataset(INPUTS, TARGETS), batch_size=8)


def check(trained: MaskedModel, again: MaskedModel, folder: Path) -> None:
    """Assert that a state that came back is the trained one, and that its archive holds it."""
    untrained = masked()
    assert any(
        not torch.equal(mask, untrained.masks()[name]) for name, mask in trained.masks().items()
    )
    assert pack(trained) == pack(again) != pack(untrained)
    save(trained, folder / "m.pemn")
    restored = load(folder / "m.pemn", model=built(net, seed=1))
    trained.eval()
    for size in (1, 2):
        part = (INPUTS[:size],)
        assert same(outputs(trained, part), outputs(restored, part))


class Lit(lightning.LightningModule):
    """The module of a user of Lightning, who holds a masked model in it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def training_step(self, batch: Any, _: int) -> torch.Tensor:
        inputs, targets = batch
        return functional.cross_entropy(self.model(inputs), targets)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), 0.05)


class LitNet(Lit):
    """A network that is a LightningModule itself."""

    def __init__(self) -> None:
        super().__init__(net())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.model(inputs)


def trainer(folder: Path, epochs: int) -> lightning.Trainer:
    return lightning.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, default_root_dir=folder,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip


def test_lightning(tmp_path: Path) -> None:
    module = Lit(masked())
    rehearse(module.model, INPUTS, build=net)
    loop = trainer(tmp_path, 2)
    loop.fit(module, batches())
    again = Lit.load_from_checkpoint(loop.checkpoint_callback.best_model_path, model=masked(seed=5))
    check(module.model, again.model, tmp_path)


def test_lightning_goes_on_from_its_checkpoint_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    ends = []
    for epochs in ((1, 3), (3,)):
        path = None
        for until in epochs:
            torch.manual_seed(0)
            module = Lit(masked())
            module.model.model[4].p = 0.0  # what dropout draws is of the loop's own state
            loop = trainer(tmp_path / str(len(epochs)) / str(until), until)
            loop.fit(module, batches(), ckpt_path=path)
            path = loop.checkpoint_callback.best_model_path
        ends.append(pack(module.model))
    assert ends[0] == ends[1]


def test_a_lightning_module_is_masked_after_its_trainer_had_it(tmp_path: Path) -> None:
    module = LitNet()
    loop = trainer(tmp_path, 1)
    loop.fit(module, batches())
    with pytest.warns(PemnWarning, match="an optimizer made before"):  # its trainer's, of before
        model = MaskedModel(module, seed=3)
    assert not rehearse(model, INPUTS, build=LitNet).unseen
    save(model, tmp_path / "m.pemn")
    restored = load(tmp_path / "m.pemn", model=LitNet())
    assert same(outputs(model.eval(), (INPUTS,)), outputs(restored, (INPUTS,)))


@pytest.mark.parametrize("safetensors", [True, False])
def test_accelerate(safetensors: bool, tmp_path: Path) -> None:
    accelerator = Accelerator(cpu=True)
    model = masked()
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    wrapped, optimizer, loader = accelerator.prepare(model, optimizer, batches())
    for inputs, targets in loader:
        optimizer.zero_grad()
        accelerator.backward(functional.cross_entropy(wrapped(inputs), targets))
        accelerator.clip_grad_norm_(wrapped.parameters(), 1.0)
        optimizer.step()
    accelerator.save_state(str(tmp_path / "state"), safe_serialization=safetensors)
    trained = accelerator.unwrap_model(wrapped)
    kept = pack(trained)
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.zero_()
    accelerator.load_state(str(tmp_path / "state"))
    assert pack(trained) == kept
    again = masked(seed=5)
    again.load_state_dict(trained.state_dict())
    check(trained, again, tmp_path)


def test_a_state_in_safetensors(tmp_path: Path) -> None:
    trained = masked()
    with torch.no_grad():
        for score in trained.scores:
            score.copy_(torch.randn(score.shape, generator=GENERATOR))
    save_file(trained.state_dict(), tmp_path / "m.safetensors")
    again = masked(seed=5)
    again.load_state_dict(load_file(tmp_path / "m.safetensors"))
    check(trained, again, tmp_path)


class Sentences(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Tokens, their attention masks, and labels."""

    def __init__(self) -> None:
        self.tokens = torch.randint(5, 90, (16, 12), generator=GENERATOR)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        row = self.tokens[index]
        label = (row[0] > 45).long()
        return {"input_ids": row, "attention_mask": torch.ones_like(row), "labels": label}


def bert() -> nn.Module:
    return hf.BertForSequenceClassification(
        hf.BertConfig(
            vocab_size=100, hidden_size=32, num_hidden_layers=1, num_attention_heads=4,
            intermediate_size=64, max_position_embeddings=32,
        )
    )  # fmt: skip


def test_transformers_trainer(tmp_path: Path) -> None:
    data = Sentences()
    batch = hf.default_data_collator([data[0], data[1]])

    def train(until: int, resumed: str | None = None) -> MaskedModel:
        model = MaskedModel(built(bert, seed=0), seed=3)
        rehearsed = rehearse(model, batch, build=bert)
        assert rehearsed.warnings == rehearsed.unseen == ()
        arguments = hf.TrainingArguments(
            str(tmp_path / "run"), num_train_epochs=until, per_device_train_batch_size=8,
            learning_rate=0.05, lr_scheduler_type="constant", save_strategy="epoch",
            use_cpu=True, report_to=[], disable_tqdm=True, seed=0,
        )  # fmt: skip
        hf.Trainer(model, arguments, train_dataset=data).train(resume_from_checkpoint=resumed)
        return model

    model = train(3)
    checkpoints = sorted((tmp_path / "run").glob("checkpoint-*"))
    assert len(checkpoints) == 3
    state = load_file(checkpoints[-1] / "model.safetensors")
    again = MaskedModel(built(bert, seed=5), seed=3)
    again.load_state_dict(state)
    assert pack(again) == pack(model) != pack(MaskedModel(built(bert, seed=0), seed=3))
    assert pack(train(3, str(checkpoints[0]))) == pack(model)
    save(model, tmp_path / "m.pemn")
    restored = load(tmp_path / "m.pemn", model=built(bert, seed=1))
    model.eval()
    for size in (1, 2):
        part = {name: value[:size] for name, value in batch.items()}
        assert same(outputs(model, part), outputs(restored, part))


def test_transformers_trainer_evaluates_and_predicts(tmp_path: Path) -> None:
    model = MaskedModel(built(bert, seed=0), seed=3)
    arguments = hf.TrainingArguments(
        str(tmp_path), use_cpu=True, report_to=[], disable_tqdm=True, per_device_eval_batch_size=8
    )
    data = Sentences()
    made = hf.Trainer(model, arguments).predict(data)
    with torch.no_grad():
        expected = model.eval()(data.tokens).logits
    np.testing.assert_allclose(made.predictions, expected.numpy(), rtol=1e-5, atol=1e-6)
    assert made.metrics["test_loss"] > 0


def test_skorch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    loop = skorch.NeuralNetClassifier(
        masked(), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=0.05, max_epochs=3,
        batch_size=8, train_split=None, verbose=0,
    )  # fmt: skip
    images, labels = INPUTS.numpy(), TARGETS.numpy()
    loop.fit(images, labels)
    again = pickle.loads(pickle.dumps(loop))
    np.testing.assert_array_equal(loop.predict_proba(images), again.predict_proba(images))
    loop.save_params(f_params=str(tmp_path / "params.pt"))
    third = masked(seed=5)
    third.load_state_dict(torch.load(tmp_path / "params.pt", weights_only=True))
    check(loop.module_, again.module_, tmp_path)
    assert pack(third) == pack(loop.module_)
