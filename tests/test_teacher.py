"""Learning from a trained model's answers beside the labels."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest, load_request
from pemn_compress.data.samples import Data
from pemn_compress.errors import DataError, ModelError, SettingError
from pemn_compress.training.distilling import Teacher

STUDENT = {
    "arguments": {"width": 24}, "search": "sign", "density": 1.0, "ratio": 0.1, "epochs": 3,
    "lr": 0.02,
}  # fmt: skip


@pytest.fixture(scope="module")
def digits() -> Data:
    return load_request(DataRequest("digits", train_limit=500, test_limit=100), None)


@pytest.fixture(scope="module")
def taught(digits: Data, tmp_path_factory):
    """Return a teacher as a module, an archive, a checkpoint and a state dict, all the same."""
    folder = tmp_path_factory.mktemp("teacher")
    made = compress(
        "mlp", data=digits, arguments={"width": 64}, strategy="dense", epochs=6, lr=0.005,
        output=folder / "t.pemn", checkpoint=folder / "t.ckpt",
    )  # fmt: skip
    return made, folder


def test_the_loss_is_hintons() -> None:
    drawn = torch.Generator().manual_seed(1)
    inputs, weight = torch.randn(7, 5, generator=drawn), torch.randn(4, 5, generator=drawn)
    model = nn.Linear(5, 4, bias=False)
    model.weight.data.copy_(weight)
    outputs = torch.randn(7, 4, generator=drawn, requires_grad=True)
    loss = F.cross_entropy(outputs, torch.arange(7) % 4)
    got = Teacher(model, 0.3, 2.0).mixed(loss, outputs, inputs)
    p, q = (torch.softmax(x / 2, 1) for x in (inputs @ weight.T, outputs))
    expected = 0.7 * loss + 0.3 * 4 * (p * (p.log() - q.log())).sum(1).mean()
    torch.testing.assert_close(got, expected)
    got.backward()
    assert model.weight.grad is None
    assert Teacher(model, 0.0, 2.0).mixed(loss, outputs, inputs) is loss


def test_every_kind_of_file_is_the_same_teacher(digits: Data, taught) -> None:
    made, folder = taught
    torch.save(made.model.state_dict(), folder / "t.pt")
    archives = {
        compress("mlp", data=digits, teacher=one, **STUDENT).archive
        for one in (made.model, folder / "t.pemn", folder / "t.ckpt")
    }
    assert len(archives) == 1
    alone = compress("mlp", data=digits, **STUDENT)
    assert alone.archive not in archives
    assert alone.record["teacher"] is None
    same = compress(
        "mlp", data=digits, teacher=folder / "t.pt", **STUDENT | {"arguments": {"width": 64}}
    )
    assert same.record["teacher"] == compress(
        "mlp", data=digits, teacher=made.model, **STUDENT | {"epochs": 1}
    ).record["teacher"]  # fmt: skip


def test_the_student_answers_as_the_teacher_does(digits: Data, taught) -> None:
    made, _ = taught
    wrong = (made.steps[-1].score.total - made.steps[-1].score.correct) / 100
    assert wrong < 0.2
    own = compress("mlp", data=digits, teacher=made.model, teacher_weight=1.0, **STUDENT)
    # labels have no part in it: those of a permutation teach the same
    shuffled = Data(**{
        **{name: getattr(digits, name) for name in digits.__dataclass_fields__},
        "train": type(digits.train)(digits.train.inputs, digits.train.targets.flip(0)),
    })  # fmt: skip
    other = compress("mlp", data=shuffled, teacher=made.model, teacher_weight=1.0, **STUDENT)
    for (name, one), two in zip(
        own.model.state_dict().items(), other.model.state_dict().values(), strict=True
    ):
        assert torch.equal(one, two), name
    assert own.accuracy > 0.3


def test_a_checkpoint_of_another_teacher_is_not_gone_on_from(digits: Data, taught, tmp_path):
    made, _ = taught
    compress("mlp", data=digits, teacher=made.model, checkpoint=tmp_path / "c", **STUDENT)
    with pytest.raises(Exception, match="checkpoint of another run: teacher"):
        compress("mlp", data=digits, checkpoint=tmp_path / "c", **STUDENT)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"teacher": "nowhere.pemn"}, DataError, "teacher nowhere.pemn: expected an archive or"),
        ({"teacher": "junk.bin"}, DataError, "teacher .*junk.bin: expected an archive, a check"),
        ({"teacher": "other.pt"}, ModelError, "is no state of the run's own host"),
        ({"teacher": nn.Sequential(nn.Flatten(), nn.Linear(64, 12))}, DataError, "10 outputs"),
        ({"teacher": nn.Linear(3, 10)}, (DataError, ModelError), "teacher: "),
        ({"temperature": 2.0}, SettingError, "temperature is a setting of a teacher"),
        (
            {"teacher": nn.Linear(3, 10), "temperature": 0},
            SettingError,
            "temperature: expected from 0.01",
        ),
        ({"teacher": nn.Linear(3, 10), "teacher_weight": 2}, SettingError, "expected from 0 to 1"),
    ],
)
def test_teachers_that_are_none(digits: Data, tmp_path, monkeypatch, given, error, message) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "junk.bin").write_bytes(np.arange(64, dtype=np.uint8).tobytes())
    torch.save(nn.Linear(2, 3).state_dict(), tmp_path / "other.pt")
    with pytest.raises(error, match=message):
        compress("mlp", data=digits, **STUDENT | given)
