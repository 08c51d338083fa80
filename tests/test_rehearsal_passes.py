"""What a rehearsal must not refuse: inputs, outputs and attributes of every kind, and what it says.

A false alarm costs more trust than a missed fault: the model is right and is not trained.
"""

import threading
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from pemn_compress import MaskedModel, build, compress, load, rehearse
from pemn_compress.compressing.preparing import DataRequest
from pemn_compress.errors import ModelError, SettingError
from pemn_compress.models.seeded import seeded
from pemn_compress.models.structure import alike

QUICK = DataRequest("digits", train_limit=200, test_limit=50)


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """A layer, and room for what a model might do besides."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 4)
        self.extra()

    def extra(self):
        pass

    def forward(self, x):
        return self.a(x)


class WritesIntoInputs(Net):
    def forward(self, x):
        x.sub_(0.5).div_(2)
        return self.a(x)


class Graph(Net):
    """Nodes and edges: no row of both is a sample."""

    def forward(self, nodes, edges):
        made = self.a(nodes)
        return torch.zeros_like(made).index_add(0, edges[1], made[edges[0]])


class Detector(Net):
    """A list of images, of sizes of their own, and a list of targets."""

    def forward(self, images, targets=None):
        assert all(len(image) == 3 for image in images), "an image has three channels"
        assert not self.training or len(targets) == len(images)
        return [{"boxes": self.a(image.mean((1, 2))[None].repeat(1, 3)[:, :8])} for image in images]


class Queue(Net):
    """Hands out a buffer that training goes on writing to."""

    def extra(self):
        self.register_buffer("queue", torch.zeros(3, 4))

    def forward(self, x):
        made = self.a(x)
        if self.training:
            self.queue.copy_(self.queue.roll(1, 0))
            self.queue[0] = made[0].detach()
        return made, self.queue


class Deep(Net):
    """An attribute nested deeper than Python's stack."""

    def extra(self):
        self.head = None
        for _ in range(3000):
            self.head = Node(self.head)


class Node:
    def __init__(self, following):
        self.following = following


class Locked(Net):
    def extra(self):
        self.lock = threading.Lock()


class Optimizing(Net):
    """Trains itself, as modules of some frameworks do after their trainer had them."""

    def extra(self):
        self.optimizer = torch.optim.Adam(self.parameters())
        self.a(drawn(2, 8)).sum().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


class Positive(Net):
    """A parameter that only its own values suit."""

    def extra(self):
        self.width = nn.Parameter(torch.full((4,), 1e-3))

    def forward(self, x):
        if not self.training:
            assert bool((self.width > 0).all())
        return self.a(x) * self.width


class Ragged(Net):
    def forward(self, x):
        return torch.nested.as_nested_tensor(list(self.a(x)), layout=torch.jagged)


class RaggedOfOld(Net):
    def forward(self, x):
        return torch.nested.as_nested_tensor(list(self.a(x)))


class Spread(Net):
    def forward(self, x):
        return torch.distributions.Normal(self.a(x), 1.0)


IMAGES = [drawn(3, 8, 8), drawn(3, 6, 8)]
RIGHT = {
    "writes into its inputs": (WritesIntoInputs, drawn(4, 8)),
    "hands out a buffer": (Queue, drawn(4, 8)),
    "a deep attribute": (Deep, drawn(4, 8)),
    "an optimizer": (Optimizing, drawn(4, 8)),
    "a lock": (Locked, drawn(4, 8)),
    "ragged outputs": (Ragged, drawn(4, 8)),
    "ragged outputs, strided": (RaggedOfOld, drawn(4, 8)),
    "a distribution": (Spread, drawn(4, 8)),
    "a list of images": (Detector, (IMAGES, [{}, {}])),
    "lists by name": (Detector, {"images": IMAGES, "targets": [{}, {}]}),
    "a batch in second place": (
        lambda: nn.LSTM(8, 8), (drawn(6, 4, 8), (torch.zeros(2, 4, 8)[:1], torch.zeros(1, 4, 8))),
    ),
    "packed sequences": (
        lambda: nn.LSTM(8, 4), (pack_padded_sequence(drawn(6, 3, 8), torch.tensor([6, 5, 3])),),
    ),
    "a mask beside a batch": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        (drawn(4, 5, 8), torch.ones(5, 5).triu(1).bool()),
    ),
    "nodes and edges": (Graph, (drawn(9, 8), torch.arange(18).view(2, 9) % 9)),
}  # fmt: skip
AS_THEY_ARE = {
    "a batch in second place", "packed sequences", "a mask beside a batch", "nodes and edges",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("name", RIGHT)
def test_a_model_that_is_right_is_not_refused(name):
    make, inputs = RIGHT[name]
    made = rehearse(MaskedModel(make()), inputs, build=make)
    assert not made.warnings
    told = ["only as they are" in line for line in made.unseen]
    assert told == [True] * (name in AS_THEY_ARE)
    assert len(rehearse(MaskedModel(make()), inputs).unseen) >= 1


def test_what_lists_and_inputs_as_they_are_would_hide_is_found():
    class Drawing(Detector):
        def extra(self):
            self.shift = torch.randn(4)

        def forward(self, images, targets=None):
            found = super().forward(images, targets)
            return [{"boxes": one["boxes"] + self.shift} for one in found]

    class DrawingGraph(Graph):
        def extra(self):
            self.shift = torch.randn(4)

        def forward(self, nodes, edges):
            return super().forward(nodes, edges) + self.shift

    for make, inputs in (
        (Drawing, (IMAGES, [{}, {}])),
        (DrawingGraph, RIGHT["nodes and edges"][1]),
    ):
        with pytest.raises(ModelError, match="shift"):
            rehearse(MaskedModel(make()), inputs, build=make)


def test_a_mapping_of_another_class_is_cut_too():
    class Batch(dict):
        pass

    sizes = []

    class Counting(Net):
        def forward(self, x):
            sizes.append(len(x))
            return self.a(x)

    rehearse(MaskedModel(Counting()), Batch(x=drawn(8, 8)), build=Counting)
    assert set(sizes) == {1, 2}


def test_training_that_could_not_be_tried_is_said():
    (told,) = rehearse(MaskedModel(Detector()), (IMAGES,), build=Detector).unseen
    assert "in training mode" in told
    assert "TypeError" in told
    (told,) = rehearse(MaskedModel(Positive()), drawn(4, 8), build=Positive).unseen
    assert "with other values" in told


def test_a_model_that_cannot_be_copied_is_told_and_stored():
    made = rehearse(MaskedModel(Locked()), drawn(4, 8))
    assert any("lock" in line and "compared" in line for line in made.unseen)
    assert made.archive


def test_a_reader_that_fails_is_a_line_and_no_traceback():
    class Told(Net):
        def extra(self):
            self.told = None

        def forward(self, x):
            return self.a(x) * self.told

    def ready():
        model = Told()
        model.told = 2.0
        return model

    with pytest.raises(ModelError, match=r"told.*fails where this one does not: TypeError"):
        rehearse(MaskedModel(ready()), drawn(4, 8), build=Told)


def test_builds_of_other_shapes_are_a_line():
    def make():
        return nn.Sequential(nn.Linear(8, 4), nn.Linear(4, int(torch.randint(2, 99, ()))))

    with seeded(0):
        masked = MaskedModel(make())
    with pytest.raises(ModelError, match=r"1\.weight: float32 \[\d+, 4\] and float32 \[\d+, 4\]"):
        rehearse(masked, drawn(4, 8), build=make)


def test_what_build_has_to_be_is_said():
    model = Net()
    with pytest.raises(SettingError, match=r"build: expected a function .* object of Net"):
        rehearse(MaskedModel(Net()), drawn(4, 8), build=model)
    with pytest.raises(ModelError, match="a new module from each call"):
        rehearse(MaskedModel(Net()), drawn(4, 8), build=lambda: model)
    with pytest.raises(ModelError, match=r"expected an nn\.Module, got int"):
        rehearse(MaskedModel(Net()), drawn(4, 8), build=lambda: 3)


def test_without_a_build_it_is_not_the_masks_that_differ():
    class Fresh(Net):
        def extra(self):
            self.kept = {}
            self.register_forward_hook(lambda module, *_: module.kept.update(n=len(module.kept)))

        def forward(self, x):
            return self.a(x) + len(self.kept)

    with pytest.raises(ModelError) as caught:
        rehearse(MaskedModel(Fresh()), drawn(4, 8))
    assert "a.weight" not in str(caught.value)


def test_an_identity_is_no_sign_of_training():
    def make(values):
        def build_():
            model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 4))
            with torch.no_grad():
                model[0].weight.copy_(values)
            return model

        return build_

    identity, trained = make(torch.eye(64)), make(drawn(64, 64))
    assert not rehearse(MaskedModel(identity()), drawn(4, 64), build=identity).warnings
    (told,) = rehearse(MaskedModel(trained()), drawn(4, 64), build=trained).warnings
    assert "1 of 2 masked tensors (0.weight" in told


def test_a_registered_model_that_was_changed_is_trained_and_kept(tmp_path):
    model = build("resnet20", classes=10, channels=1, image_size=8)
    model.bn = nn.Identity()
    made = compress(model, data=QUICK, epochs=1, output=tmp_path / "m.pemn")
    assert any("bn: BatchNorm2d and Identity" in line for line in made.warnings)
    restored = load(tmp_path / "m.pemn", model=model)
    images = drawn(2, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(restored(images), made.model(images))


def test_seeds_are_of_a_block_and_leave_the_generators_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with seeded(1):
        one = torch.rand(3)
    with seeded(1):
        assert torch.equal(torch.rand(3), one)
    assert torch.equal(torch.get_rng_state(), before)


def test_ragged_tensors_are_compared():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ones = [torch.nested.nested_tensor([drawn(2), drawn(n)]) for n in (3, 3, 4)]
        ones.append(torch.nested.nested_tensor([drawn(2), drawn(3) + 1]))
    assert alike(ones[0], ones[1])
    assert not alike(ones[0], ones[2])
    assert not alike(ones[0], ones[3])
    assert not alike(ones[0], drawn(2, 3))
