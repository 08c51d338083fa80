"""Structure that costs no bytes, before it is built: python benchmarks/structure.py npz:cifar10.npz

Learned signs where a tensor's bits repeat a tile, where all tensors of one shape share their bits,
each over seeded values of its own, or where a seeded part of the weights is 0 on a wider host: a
bit says whether a weight departs from its seeded sign.
They stand beside one bit a weight and the narrower networks of `examples/papers/few-bits.toml`,
whose settings these are. A prototype: the bytes are those of the archive of the trained host with
one bit a weight, whose masks are replaced by as many bits as there are. Prints a Markdown table.
"""

import time
from dataclasses import replace
from pathlib import Path

import click
import torch
from measuring import hardware, table
from torch import Tensor, nn
from torch.func import functional_call

import pemn_compress
from pemn_compress.data.sources import load_data
from pemn_compress.storing.saving import pack
from pemn_compress.training import recipes
from pemn_compress.training.fitting import fit
from pemn_compress.training.run import Run

HOSTS = {
    "resnet9": lambda width: pemn_compress.build("resnet9", width=width or 10),
    "convmixer": lambda width: pemn_compress.build("convmixer", dim=width or 96, depth=4, patch=4),
}
SETTINGS = {"search": "sign", "density": 1.0, "distribution": "kaiming-normal", "seed": 0}
FORMS = ("tile:1", "tile:2", "tile:4", "shared")


class Structured(nn.Module):
    """A host whose tensors take their bits from few scores.

    `form` is "tile:T", where tensor i of n weights has ceil(n / T) scores that it repeats;
    "shared", where tensors of one shape have the same scores; or "zeros:T", where a random part of
    1 / T of the weights has bits, and the others are 0. w_i = v_i x sign(s_j), straight
    through the sign; every score starts above 0, so that training starts from the seeded network.
    """

    def __init__(self, host: nn.Module, form: str) -> None:
        super().__init__()
        seeded = pemn_compress.MaskedModel(host, **SETTINGS)
        self.names = [tensor.name for tensor in seeded.plan]
        self.values = [seeded.seeded(i) for i in range(len(self.names))]
        starts = [score.detach().abs().flatten() for score in seeded.scores]
        kind, _, number = form.partition(":")
        tiles = int(number) if kind == "tile" else 1
        self.place, held, places = [], [], {}
        for i, start in enumerate(starts):
            key = self.values[i].shape if form == "shared" else i
            if key not in places:
                places[key] = len(held)
                held.append(nn.Parameter(start[: -(-len(start) // tiles)].clone()))
            self.place.append(places[key])
        self.scores = nn.ParameterList(held)
        self.bits = sum(score.numel() for score in held)
        if kind == "zeros":
            generator = torch.Generator().manual_seed(1)
            for i, value in enumerate(self.values):
                has = torch.rand(value.shape, generator=generator) < 1 / int(number)
                self.values[i] = value * has * int(number) ** 0.5
            self.bits = sum(int(value.count_nonzero()) for value in self.values)
        self.factors = nn.ParameterList(nn.Parameter(torch.ones(1)) for _ in self.names)
        self.host = seeded.to_plain()
        for name, parameter in self.host.named_parameters():
            parameter.requires_grad_(name not in self.names)

    @property
    def weights(self) -> int:
        """How many weights take their sign from them."""
        return sum(value.numel() for value in self.values)

    def forward(self, x: Tensor) -> Tensor:
        """Run the host with the weights that the scores make."""
        made = {}
        for name, value, place, factor in zip(
            self.names, self.values, self.place, self.factors, strict=True
        ):
            sign = _Sign.apply(self.scores[place])
            count = value.numel()
            repeated = sign.repeat(-(-count // len(sign)))[:count]
            made[name] = value * repeated.view(value.shape) * factor.abs()
        return functional_call(self.host, made, (x,))


class _Sign(torch.autograd.Function):
    """The sign, and the identity in the backward pass."""

    @staticmethod
    def forward(ctx, scores):
        return torch.ones_like(scores).copysign_(scores)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def file_bytes(model: Structured) -> int:
    """Return the bytes of the trained host's archive with as many mask bits as it has here."""
    host = model.host
    for parameter in host.parameters():
        parameter.requires_grad_(True)
    masked = pemn_compress.MaskedModel(host, **SETTINGS, learn_scale="tensor")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for score in masked.scores:  # signs that no predictor foretells, as trained ones are
            score.copy_(torch.rand(score.shape, generator=generator) - 0.5)
    whole = len(pack(masked, fold_batchnorm=True, dense_dtype="float16"))
    return whole - (model.weights - model.bits) // 8


@click.command()
@click.argument("data")
@click.option("--host", "hosts", type=click.Choice(HOSTS), multiple=True, default=list(HOSTS))
@click.option("--form", "forms", multiple=True, default=FORMS, show_default=True)
@click.option("--width", type=int, help="Channels of the host: of resnet9 10, of convmixer 96.")
@click.option("--epochs", default=10, show_default=True)
@click.option("--train-limit", type=int)
@click.option("--output", type=click.Path(path_type=Path), help="Write the table there, too.")
def main(
    data: str,
    hosts: tuple[str, ...],
    forms: tuple[str, ...],
    width: int | None,
    epochs: int,
    train_limit: int | None,
    output: Path | None,
) -> None:
    torch.set_num_threads(1)
    samples = load_data(data, data_dir=Path("data"), train_limit=train_limit)
    recipe = replace(recipes.load("small-file"), epochs=epochs)
    rows = []
    for name in hosts:
        for form in forms:
            torch.manual_seed(0)
            started, model = time.perf_counter(), Structured(HOSTS[name](width), form)
            share = model.bits / model.weights
            run = Run(amp=True, channels_last=True)
            history = fit(model, samples, recipe, seed=0, run=run)
            size = file_bytes(model)
            accuracy = next(iter(history.kept.test.metrics)).value
            rows.append(
                [name, form, f"{share:.2f}", f"{size:,}", f"{100 * accuracy:.2f}",
                 f"{time.perf_counter() - started:.0f}"]
            )  # fmt: skip
            print(rows[-1], flush=True)
    limit = "" if train_limit is None else f", the first {train_limit:,} training images"
    text = f"{data}{limit}, {epochs} epochs, one seed; {hardware()}.\n\n"
    text += table(["host", "bits", "a weight", "file, bytes", "test, %", "seconds"], rows)
    print(text)
    if output:
        output.write_text(text + "\n")


if __name__ == "__main__":
    main()
