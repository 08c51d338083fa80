"""The rehearsal: what a reader could not have is found before the first step, by name."""

import copy
import json
import random
import subprocess
import sys
import warnings
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from pemn_compress import (
    MaskedModel,
    PemnWarning,
    PrunedModel,
    build,
    compress,
    inspect,
    load,
    rehearse,
    save,
)
from pemn_compress.compressing import keeping, verb
from pemn_compress.compressing.preparing import DataRequest
from pemn_compress.compressing.storage import Storage
from pemn_compress.errors import ModelError, TrainingError

QUICK = DataRequest("digits", train_limit=200, test_limit=50)
IMAGES = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))

NET = """
import random
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(64, 32), nn.Linear(32, 10)
        {made}

    def forward(self, x):
        x = x.flatten(1)
        {used}
        return self.b(self.a(x).relu())

def build_model():
    return Net()
"""

# what the constructor does, what forward does, and what the refusal says
LOST = {
    "permutation": ("self.perm = torch.randperm(64)", "x = x[:, self.perm]", "perm"),
    "array": ("self.p = np.random.permutation(64)", "x = x[:, self.p]", "p;"),
    "list": ("self.p = random.sample(range(64), 64)", "x = x[:, self.p]", "p;"),
    "nested": ("self.c = {'p': [torch.randperm(64)]}", "x = x[:, self.c['p'][0]]", "c;"),
    "number": ("self.gain = random.random()", "x = x * self.gain", "gain: "),
    "closure": (
        "shift = torch.randn(64); self.f = lambda v: v + shift", "x = self.f(x)", "f;",
    ),
    "not persistent": (
        "self.register_buffer('noise', torch.randn(64), persistent=False)",
        "x = x + self.noise",
        "noise (a buffer that is not persistent)",
    ),
    "only in training": (
        "self.drop = torch.rand(64) > 0.5", "x = x * self.drop if self.training else x", "drop",
    ),
    "behind zeros": (
        "self.s = torch.randn(10); self.z = nn.Parameter(torch.zeros(10))",
        "return self.b(self.a(x).relu()) + self.z * self.s",
        "s;",
    ),
    "set by a forward pass": (
        "self.mean = torch.zeros(64)",
        "self.mean = x.mean(0).detach() if self.training else self.mean; x = x - self.mean",
        "mean",
    ),
    "counted by a forward pass": (
        "self.n = 0", "self.n += self.training; x = x * (1 + self.n)", "n: ",
    ),
    "a buffer made in forward": (
        "pass",
        "hasattr(self, 'late') or self.register_buffer('late', torch.ones(64)); x = x * self.late",
        "late",
    ),
    "a buffer that grows": (
        "self.register_buffer('seen', torch.zeros(1))",
        "self.seen = torch.cat([self.seen, torch.ones(1)]) if self.training else self.seen",
        "seen changes its shape",
    ),
    "complex": (
        "self.register_buffer('freqs', torch.zeros(3, dtype=torch.complex64))", "pass",
        "freqs: expected state of tensors",
    ),
    "empty": ("self.mark = nn.Parameter(torch.empty(0))", "pass", "mark: expected dimensions"),
    "name": (
        "self.d = nn.ModuleDict({'<user___rates___item>': nn.Linear(2, 2)})", "pass",
        "'d.<user___rates___item>.weight'",
    ),
    "blank": ("self.d = nn.ModuleDict({'a b': nn.Linear(2, 2)})", "pass", "'d.a b.weight'"),
    "dropout": ("pass", "x = F.dropout(x, 0.2)", "other outputs each time"),
}  # fmt: skip


def never(*_: object, **__: object) -> None:
    raise AssertionError("a step was taken")


def write(folder: Path, made: str, used: str) -> Path:
    path = folder / "net.py"
    path.write_text(NET.format(made=made, used=used))
    return path


@pytest.mark.parametrize(("made", "used", "told"), LOST.values(), ids=LOST)
def test_what_a_reader_could_not_have_is_refused_before_the_first_step(
    made, used, told, tmp_path, monkeypatch
):
    monkeypatch.setattr(verb, "fit", never)
    path = write(tmp_path, made, used)
    with pytest.raises(ModelError) as caught:
        compress(
            str(path),
            data=QUICK,
            epochs=1,
            output=tmp_path / "m.pemn",
            storage=Storage(graph="never"),
        )
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["net.py"]


# what of it the graph of the trained model holds: all that evaluation computes with
IN_THE_GRAPH = (
    "permutation", "array", "list", "nested", "number", "closure", "not persistent",
    "only in training", "behind zeros", "set by a forward pass", "counted by a forward pass",
)  # fmt: skip


@pytest.mark.parametrize("name", IN_THE_GRAPH)
def test_what_only_a_graph_holds_is_stored_as_one(name, tmp_path):
    made, used, told = LOST[name]
    path = write(tmp_path, made, used)
    done = compress(str(path), data=QUICK, epochs=1, output=tmp_path / "m.pemn")
    warning = next(line for line in done.warnings if "nothing but that graph" in line)
    assert told.rstrip(";: ") in warning
    restored = load(tmp_path / "m.pemn")  # trusting nothing, building nothing
    assert torch.equal(restored(IMAGES), done.model(IMAGES))
    with pytest.raises(ModelError, match="expected no model to fill"):
        load(tmp_path / "m.pemn", model=done.model)


def test_a_graph_that_is_not_the_trained_model_is_not_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "departure", lambda *_: "at batch 2 it computes something else")
    path = write(tmp_path, "pass", "pass")
    done = compress(str(path), data=QUICK, epochs=1, output=tmp_path / "m.pemn")
    assert "and not stored: at batch 2 it computes something else" in "".join(done.warnings)
    assert "graph" not in {one["name"] for one in inspect(tmp_path / "m.pemn")["sections"]}
    assert done.steps[-1].archive_bytes == (tmp_path / "m.pemn").stat().st_size


def test_a_graph_says_what_it_costs_and_travels_with_the_source(tmp_path):
    path = write(tmp_path, "pass", "pass")
    done = compress(str(path), data=QUICK, epochs=1, output=tmp_path / "m.pemn")
    sizes = {one["name"]: one["bytes"] for one in inspect(tmp_path / "m.pemn")["sections"]}
    assert 0 < sizes["graph"] < 600
    assert sizes["source"]
    assert not done.warnings
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_graph, by_text = (load(tmp_path / "m.pemn", trust_source=t) for t in (False, True))
    assert type(by_text).__name__ == "Net"
    assert torch.equal(by_graph(IMAGES), by_text(IMAGES))


@pytest.mark.parametrize("name", sorted(LOST.keys() - set(IN_THE_GRAPH)))
def test_what_no_graph_holds_is_refused_all_the_same(name, tmp_path, monkeypatch):
    monkeypatch.setattr(verb, "fit", never)
    made, used, told = LOST[name]
    with pytest.raises(ModelError) as caught:
        compress(str(write(tmp_path, made, used)), data=QUICK, epochs=1)
    assert told in str(caught.value)


KEPT = {
    "a function of the arguments": ("self.t = torch.arange(64).flip(0)", "x = x[:, self.t]"),
    "a function of the model": ("self.f = lambda v: self.a(v)", "return self.b(self.f(x).relu())"),
    "a buffer": ("self.register_buffer('perm', torch.randperm(64))", "x = x[:, self.perm]"),
    "an activation": ("pass", "self.seen = x * self.b.bias.sum()"),
    "a name of its own": ("import uuid; self.id = uuid.uuid4()", "pass"),
    "a loop": ("self.up = [self]", "pass"),
    "dropout": ("self.d = nn.Dropout(0.2)", "x = self.d(x)"),
    "dropout of a function": ("pass", "x = F.dropout(x, 0.2, self.training)"),
    "extra state of a tensor": (
        "self.a.get_extra_state = lambda: torch.ones(2); self.a.set_extra_state = lambda s: None",
        "pass",
    ),
}


@pytest.mark.parametrize(("made", "used"), KEPT.values(), ids=KEPT)
def test_what_a_reader_has_is_trained_and_restored_bit_for_bit(made, used, tmp_path):
    path = write(tmp_path, made, used)
    made_ = compress(str(path), data=QUICK, epochs=1, output=tmp_path / "m.pemn")
    assert not made_.warnings
    restored = load(tmp_path / "m.pemn", trust_source=True)
    with torch.no_grad():
        assert torch.equal(restored(IMAGES), made_.model(IMAGES))


def test_a_difference_that_changes_no_output_is_a_warning(tmp_path):
    path = write(tmp_path, "self.start = torch.randn(3)", "pass")
    (warning,) = compress(str(path), data=QUICK, epochs=1).warnings
    assert warning.startswith("start differs between two builds")


def test_another_process_restores_the_outputs_of_a_model_that_draws_buffers(tmp_path):
    path = write(tmp_path, "self.register_buffer('p', torch.randperm(64))", "x = x[:, self.p]")
    made = compress(str(path), data=QUICK, epochs=1, output=tmp_path / "m.pemn")
    code = (
        "import sys, json, torch, pemn_compress\n"
        "model = pemn_compress.load(sys.argv[1], trust_source=True)\n"
        "images = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))\n"
        "print(json.dumps(model(images).tolist()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m.pemn")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(run.stdout) == made.model(IMAGES).tolist()


def test_a_model_is_built_under_the_recorded_seed(tmp_path):
    path = write(tmp_path, "self.start = torch.randn(3)", "pass")
    compress(str(path), data=QUICK, epochs=1, seed=7, output=tmp_path / "m.pemn")
    starts = []
    for state in (1, 2):
        torch.manual_seed(state)
        before = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
        starts.append(load(tmp_path / "m.pemn", trust_source=True).start)
        after = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
        assert torch.equal(before[0], after[0])
        assert before[1:] == after[1:]
    assert torch.equal(*starts)


def test_a_file_beside_the_model_file_is_told_of(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "beside_it.py").write_text("WIDTH = 16\n")
    (folder / "net.py").write_text(
        "from torch import nn\nfrom beside_it import WIDTH\n"
        "def build_model():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, WIDTH), nn.Linear(WIDTH, 10))\n"
    )
    monkeypatch.chdir(folder)
    given = {"data": QUICK, "epochs": 1}
    for _ in range(2):  # the second time the neighbour is known to Python
        made = compress("net.py", output="m.pemn", storage=Storage(force=True), **given)
        (warning,) = made.warnings
        assert "No module named 'beside_it'" in warning
        assert "--model net.py" in warning
    assert "beside_it" in sys.modules
    del sys.modules["beside_it"]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="beside_it"):
        load("project/m.pemn", trust_source=True)
    (warning,) = compress(
        "project/net.py", storage=Storage(include_source=False), **given
    ).warnings or ("",)
    assert not warning, "without its source nobody expects more"
    del sys.modules["beside_it"]


def test_a_file_that_a_model_file_reads_is_told_of(tmp_path, monkeypatch):
    (tmp_path / "width.txt").write_text("16")
    (tmp_path / "net.py").write_text(
        "from torch import nn\nfrom pathlib import Path\n"
        "WIDTH = int(Path('width.txt').read_text())\n"
        "def build_model():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, WIDTH), nn.Linear(WIDTH, 10))\n"
    )
    monkeypatch.chdir(tmp_path)
    (warning,) = compress("net.py", data=QUICK, epochs=1, strategy="mask").warnings
    assert "width.txt" in warning


class Trained(nn.Module):
    def __init__(self):
        super().__init__()
        values = torch.randn(10, 64, generator=torch.Generator().manual_seed(0))
        self.a = nn.Linear(64, 10)
        self.a.weight = nn.Parameter(values)

    def forward(self, x):
        return self.a(x.flatten(1))


TRAINED = """
import torch
from torch import nn
def build_model():
    a = nn.Linear(64, 10)
    a.weight = nn.Parameter(torch.arange(640.).view(10, 64) / 640)
    return nn.Sequential(nn.Flatten(), a)
"""


def test_trained_values_are_not_thrown_away_without_a_word(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(TRAINED)
    (warning,) = compress(str(path), data=QUICK, epochs=1, strategy="mask").warnings
    assert "1 of 1 masked tensors (1.weight" in warning
    assert "magnitude" in warning
    kept = compress(str(path), data=QUICK, epochs=1, strategy="magnitude", sparsity=0.5)
    assert not kept.warnings


def test_a_module_of_ones_own_says_what_cannot_be_tried():
    (warning,) = compress(Trained(), data=QUICK, epochs=1, strategy="mask").warnings
    assert "load(path, model=...)" in warning


class TestFromPython:
    """`rehearse`, for those who have a loop of their own."""

    def make(self, **changes):
        torch.manual_seed(changes.pop("seed", 0))
        return Trained()

    def test_a_model_is_left_as_it_is(self):
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Dropout())
        masked = MaskedModel(model)
        masked.train()
        model[2].eval()
        before, state = copy.deepcopy(masked.state_dict()), torch.get_rng_state()
        rehearsed = rehearse(masked, IMAGES)
        assert torch.equal(torch.get_rng_state(), state)
        after = masked.state_dict()
        assert before.keys() == after.keys()
        for name in before:
            if isinstance(before[name], torch.Tensor):
                assert torch.equal(before[name], after[name])
        assert masked.training
        assert not model[2].training
        assert rehearsed.archive[:4] == b"PEMN" or rehearsed.archive
        assert rehearsed.unseen

    def test_what_a_reader_calls_is_what_is_compared(self):
        class Drawn(nn.Module):
            def __init__(self):
                super().__init__()
                self.perm, self.a = torch.randperm(64), nn.Linear(64, 10)

            def forward(self, x):
                return self.a(x.flatten(1)[:, self.perm])

        rehearsed = rehearse(MaskedModel(Trained()), IMAGES, build=Trained)
        assert not rehearsed.unseen
        assert rehearse(MaskedModel(Drawn()), IMAGES).unseen
        with pytest.raises(ModelError, match="perm"):
            rehearse(MaskedModel(Drawn()), IMAGES, build=Drawn)
        with pytest.raises(ModelError, match=r"does not take the archive.*'a\.weight'"):
            rehearse(MaskedModel(Trained()), IMAGES, build=lambda: nn.Linear(64, 10))

    def test_inputs_by_position_and_by_name(self):
        class Two(nn.Module):
            def __init__(self):
                super().__init__()
                self.embed, self.out = nn.Embedding(9, 8), nn.Linear(8, 3)

            def forward(self, tokens, gain=None):
                out = self.out(self.embed(tokens).mean(1))
                return {"logits": out if gain is None else out * gain[:, None], "extra": (tokens,)}

        tokens, gain = torch.arange(12).view(4, 3) % 9, torch.rand(4)
        for inputs in (tokens, (tokens, gain), {"tokens": tokens, "gain": gain}):
            assert not rehearse(MaskedModel(Two()), inputs, build=Two).unseen
        with pytest.raises(ModelError, match="does not take its inputs: IndexError"):
            rehearse(MaskedModel(Two()), tokens + 9, build=Two)

    def test_pruned_models_too(self):
        pruned = PrunedModel(Trained(), strategy="magnitude", sparsity=0.5)
        assert not rehearse(pruned, IMAGES, build=Trained).unseen
        assert pruned.density == 1

    def test_a_model_that_wants_more_than_one_sample(self):
        class Pairs(nn.Linear):
            def forward(self, x):
                if len(x) < 2:
                    raise ValueError("a batch of two or more")
                return super().forward(x.flatten(1) - x.flatten(1).roll(1, 0))

        rehearse(MaskedModel(Pairs(64, 3)), IMAGES, build=lambda: Pairs(64, 3))


class TestReach:
    """A model that does not compute with its masked weights."""

    def test_a_parameter_that_is_kept_elsewhere(self):
        kept = []

        class Elsewhere(nn.Linear):
            def __init__(self):
                super().__init__(64, 10)
                kept.append(self.weight)

            def forward(self, x):
                return functional.linear(x.flatten(1), kept[0], self.bias)

        with pytest.raises(TrainingError, match="keeps it in a place of its own"):
            rehearse(MaskedModel(Elsewhere(), ratio=0.1), IMAGES, build=Elsewhere)

    def test_a_weight_that_no_output_comes_from(self):
        class Unused(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Linear(64, 10), nn.Linear(64, 10)

            def forward(self, x):
                return {"out": [self.a(x.flatten(1))]}

        (warning,) = rehearse(MaskedModel(Unused(), ratio=0.1), IMAGES, build=Unused).warnings
        assert warning.startswith("b.weight: the outputs do not come from it in either mode")

    def test_a_weight_of_training_alone_and_outputs_in_an_object(self):
        class Outputs:
            def __init__(self, **made):
                vars(self).update(made)

        class Auxiliary(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.norm, self.b = nn.Linear(64, 10), nn.BatchNorm1d(10), nn.Linear(64, 10)

            def forward(self, x):
                made = self.norm(self.a(x.flatten(1)))
                return Outputs(out=made, more=self.b(x.flatten(1)) if self.training else None)

        masked = MaskedModel(Auxiliary(), ratio=0.1)
        before = copy.deepcopy(masked.model.norm.state_dict())
        assert not rehearse(masked, IMAGES, build=Auxiliary).warnings
        after = masked.model.norm.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)


class TestChangedAfterBuild:
    """A registered model that was changed is no longer that model."""

    CHANGES: ClassVar = {
        "layer": (lambda m: setattr(m, "bn", nn.Identity()), "bn: BatchNorm2d and Identity"),
        "stride": (lambda m: setattr(m.conv, "stride", (2, 2)), r"conv\.stride: \(1, 1\)"),
        "shape": (lambda m: setattr(m, "head", nn.Linear(64, 5)), r"head\.weight: .*\[10, 64\]"),
        "number": (lambda m: setattr(m.bn, "eps", 1e-3), r"bn\.eps: 1e-05 and 0\.001"),
        "forward": (
            lambda m: setattr(m.bn, "forward", lambda x: x), r"bn\.forward \(an attribute",
        ),
        "hook": (lambda m: m.bn.register_forward_hook(lambda *_: None), "bn: forward hooks"),
        "more": (lambda m: m.stages.append(nn.ReLU()), r"'stages\.3' is only in the second"),
    }  # fmt: skip

    @pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
    def test_the_archive_does_not_name_it(self, change, told, tmp_path):
        def make():
            torch.manual_seed(0)
            model = build("resnet20", classes=10, image_size=32)
            change(model)
            return model

        masked, path = MaskedModel(make()), tmp_path / "m.pemn"
        with pytest.warns(PemnWarning, match=told):
            save(masked, path)
        with pytest.raises(ModelError, match="does not say how to build its model"):
            load(path)
        restored = load(path, model=make())
        images = torch.randn(2, 3, 32, 32)
        with torch.no_grad():
            assert torch.equal(restored(images), masked.eval()(images))

    def test_one_of_torchvisions(self, tmp_path):
        model = build("torchvision:resnet18", classes=10, image_size=32)
        model.maxpool = nn.Identity()
        with pytest.warns(PemnWarning, match="maxpool: MaxPool2d and Identity"):
            save(MaskedModel(model), tmp_path / "m.pemn")

    @pytest.mark.parametrize("name", ["mlp", "resnet20", "convmixer", "vit", "conv4"])
    def test_what_training_changes_is_no_change(self, name, tmp_path):
        masked = MaskedModel(build(name, image_size=32, classes=10))
        with torch.no_grad():
            masked.train()(torch.randn(4, 3, 32, 32))
        masked.eval()
        save(masked, tmp_path / "m.pemn")
        assert type(load(tmp_path / "m.pemn")) is type(masked.model)


def test_it_is_said_before_the_first_epoch_what_will_come(tmp_path):
    told = []

    class Watcher:
        def ready(self, line, warnings):
            told.append((line, tuple(warnings)))

        def start(self, *_):
            told.append("start")

        def step(self, *_):
            pass

        epoch = step

    path = tmp_path / "m.pemn"
    made = compress(
        "mlp", data="digits", epochs=1, output=path, observer=Watcher(), density=0.1,
        storage=Storage(dense_dtype="float16"),
    )  # fmt: skip
    (line, warnings), start = told
    assert start == "start"
    assert warnings == ()
    assert line.startswith("masks 84,480 of 85,002 numbers in 3 tensors")
    assert str(path) in line
    expected = int(line.split("(")[1].split(" B")[0].replace(",", ""))
    assert abs(expected - len(made.archive)) < 0.05 * len(made.archive)


def test_functional_dropout_in_training_only_is_no_state():
    class Net(nn.Linear):
        def forward(self, x):
            return super().forward(functional.dropout(x.flatten(1), 0.5, self.training))

    assert not rehearse(MaskedModel(Net(64, 3)), IMAGES, build=lambda: Net(64, 3)).unseen
