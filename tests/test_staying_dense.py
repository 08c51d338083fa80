"""What stays dense: frozen parameters, classes of others; told, with what would mask them."""

import ast
import re
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pemn_compress import MaskedModel, PrunedModel
from pemn_compress.errors import ModelError, PemnWarning
from pemn_compress.masking.selection import Selection, candidates, plan_model
from pemn_compress.masking.staying_dense import patterns_for, told_of_dense


class Turned(nn.Module):
    """A linear layer of a user's own that stores (in, out), as transformers' Conv1D does."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(8), Turned(8, 32), Turned(32, 8)
        self.mix = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(self.down(self.up(self.norm(x)).relu()))


def frozen() -> nn.Sequential:
    table = nn.Embedding.from_pretrained(torch.randn(50, 16))
    return nn.Sequential(table, nn.Flatten(), nn.Linear(80, 40))


def names(model: nn.Module, selection: Selection | None = None) -> list[str]:
    return [tensor.name for tensor in plan_model(model, selection)]


def told(make: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PemnWarning)
        make()
    assert {one.filename for one in caught} <= {__file__}, "it points at whoever makes the model"
    return [str(one.message) for one in caught if "prototype" not in str(one.message)]


def suggested(line: str) -> list[str]:
    (found,) = re.findall(r"include=(\[.*\])", line)
    return ast.literal_eval(found)


def test_frozen_parameters_are_left_as_they_are_and_told() -> None:
    model = frozen()
    (line,) = told(lambda: MaskedModel(model))
    assert re.match(r"frozen \(requires_grad=False\) and left as it is: 1 tensor of 800 num", line)
    assert "(0.weight)" in line
    masked = MaskedModel(frozen(), include=suggested(line))
    assert list(masked.masks()) == ["0.weight", "2.weight"]
    masked = MaskedModel(model := frozen())
    assert list(masked.masks()) == ["2.weight"]
    assert torch.equal(masked.to_plain()[0].weight, model[0].weight)
    assert not masked.to_plain()[0].weight.requires_grad


def test_a_frozen_embedding_keeps_its_values_through_a_training() -> None:
    for kind in (MaskedModel, PrunedModel):
        model = frozen()
        values = model[0].weight.detach().clone()
        made = kind(model)
        optimizer = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], 0.5)
        made(torch.randint(50, (4, 5))).square().sum().backward()
        optimizer.step()
        assert torch.equal(made.to_plain()[0].weight, values)


def test_include_takes_frozen_ones_and_where_all_are_frozen_the_refusal_says_so() -> None:
    assert names(frozen(), Selection(include=["0.*"])) == ["0.weight"]
    assert told(lambda: MaskedModel(frozen(), include=["0.*", "2.weight"])) == []
    with pytest.raises(ModelError, match=r"include=\['0.weight', '2.weight'\] would take .* froz"):
        plan_model(frozen().requires_grad_(False))


def test_a_tied_weight_is_frozen_under_all_its_names() -> None:
    model = frozen()
    model.append(nn.Linear(16, 50, bias=False))
    model[3].weight = model[0].weight
    assert names(model) == ["2.weight"]


def test_classes_of_ones_own_are_told_with_an_include_that_takes_them() -> None:
    def model() -> nn.Sequential:
        return nn.Sequential(Block(), Block())

    (line,) = told(lambda: MaskedModel(model()))
    assert "\n" not in line
    assert re.match(
        r"left dense, 80 % of the model's numbers: 4 tensors of 1,024 numbers in ", line
    )
    assert "Turned (0.up.weight)" in line
    patterns = suggested(line)
    assert patterns == ["*.mix.weight", "*.up.weight", "*.down.weight"]
    assert names(model(), Selection(include=patterns)) == [
        f"{i}.{name}.weight" for i in (0, 1) for name in ("up", "down", "mix")
    ]
    assert told(lambda: MaskedModel(model(), include=patterns)) == []
    assert told(lambda: PrunedModel(model())) == [line]
    assert told(lambda: PrunedModel(model(), strategy="dense")) == [], "nothing is removed anyway"


def test_what_was_left_out_on_purpose_is_not_told() -> None:
    model = nn.Sequential(Block(), nn.Linear(8, 200))
    assert told_of_dense(model, Selection(exclude=["*up*", "*down*"])) == []
    assert told_of_dense(model, Selection(first_layer_dense=True, exclude=["*up*", "*down*"])) == []
    # but an include that takes less than the rule would is
    (line,) = told_of_dense(model, Selection(include=["0.up.weight"]))
    assert "Linear (0.mix.weight)" in line


def test_less_than_a_tenth_is_not_worth_a_word() -> None:
    model = nn.Sequential(nn.Linear(40, 100), nn.LayerNorm(100), Turned(100, 3))
    assert told_of_dense(model) == []


@pytest.mark.parametrize(
    "wanted", [["0.up.weight"], ["0.up.weight", "1.up.weight"], ["0.mix.bias"]]
)
def test_patterns_take_what_is_wanted_and_nothing_else(wanted: list[str]) -> None:
    found = candidates(nn.Sequential(Block(), Block()), Selection())
    patterns = patterns_for([one for one in found if one.names[0] in wanted], found)
    assert names(nn.Sequential(Block(), Block()), Selection(include=patterns)) == wanted


class Raw(nn.Module):
    """All weights are parameters of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.w1, self.w2 = nn.Parameter(torch.randn(8, 20)), nn.Parameter(torch.randn(20, 4))
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.w1).relu() @ self.w2 + self.bias


def test_where_all_weights_are_raw_the_refusal_names_the_include() -> None:
    with pytest.raises(
        ModelError, match=r"include=\['w1', 'w2'\] would take those that are of mod"
    ):
        MaskedModel(Raw())
    masked = MaskedModel(Raw(), include=["w1", "w2"])
    masked(torch.randn(3, 8)).sum().backward()
    assert all(score.grad is not None for score in masked.scores)


def test_the_command_says_it_as_its_options(call: Any, tmp_path: Any) -> None:
    source = "import torch\nfrom torch import nn\n\n"
    source += "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    source += "        self.w = nn.Parameter(torch.randn(64, 10))\n"
    source += "    def forward(self, x):\n        return x.flatten(1) @ self.w\n\n"
    (tmp_path / "raw.py").write_text(source + "def build_model():\n    return Net()\n")
    status, _, err = call("compress", "raw.py", "--data", "digits", "--train-limit", 64)
    assert status == 2
    assert "--include w would take" in err
    status, _, err = call("report", "raw.py", "--include", "w*")
    assert (status, err) == (0, "")
    (tmp_path / "mixed.py").write_text(
        source.replace("torch.randn(64, 10))", "torch.randn(64, 10)); self.a = nn.Linear(64, 64)")
        .replace("x.flatten(1)", "self.a(x.flatten(1))") + "def build_model():\n    return Net()\n"
    )  # fmt: skip
    status, _, err = call("report", "mixed.py")
    assert status == 0
    assert err.startswith("warning: left dense, 13 % of the model's numbers: 1 tensor of 640")
    assert "--include '*.weight' --include w masks all" in err


def test_a_dense_baseline_needs_no_tensor_that_could_be_masked(call: Any, tmp_path: Any) -> None:
    (tmp_path / "norm.py").write_text(
        "import torch\nfrom torch import nn\n\n"
        "def build_model():\n    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64))\n"
    )
    status, _, err = call(
        "compress", "norm.py", "--data", "digits", "--train-limit", 64, "--epochs", 1,
        "--strategy", "dense", "-o", "norm.pemn",
    )  # fmt: skip
    assert status == 0, err
    assert call("verify", "norm.pemn")[0] == 0
    assert call("report", "norm.pemn")[0] == 0
