"""Archives beside dense files: python benchmarks/archives.py [--quick]

Writing, reading, memory and sizes. Every call that is timed has a process of its own, one thread;
the clock is CPU time; calls of a table are interleaved, and cells are medians of the rounds'
ratios, quartiles in brackets.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import safetensors
import safetensors.torch
import torch
from fresh import Growth, alone, rounds
from measuring import hardware, interleaved, ratio, table
from torch import Tensor, nn

import pemn_compress
from pemn_compress.accounting import mask_limit_bits
from pemn_compress.format.archive import open_archive
from pemn_compress.storing import loading
from pemn_compress.storing import saving as packing

STRATEGIES = ("rp", "mp", "one-layer", "mask")
DENSITIES = (0.5, 0.3, 0.1, 0.05, 0.01)
BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "MLP-256": partial(pemn_compress.build, "mlp", channels=1, image_size=8),
    "ConvMixer-512/8": partial(pemn_compress.build, "convmixer", dim=512, depth=8),
    "ResNet-50": partial(pemn_compress.build, "torchvision:resnet50"),
}
SMALLEST = "MLP-256"
INPUTS = {"MLP-256": (1, 8, 8), "ConvMixer-512/8": (3, 32, 32), "ResNet-50": (3, 224, 224)}
DENSE: dict[str, tuple[Callable[..., None], Callable[[Path], dict[str, Tensor]]]] = {
    "torch": (torch.save, partial(torch.load, weights_only=True)),
    "safetensors": (safetensors.torch.save_file, safetensors.torch.load_file),
}
PAGE = 1024  # numbers of four bytes


def masked(network: str, strategy: str, density: float = 0.5) -> pemn_compress.MaskedModel:
    torch.manual_seed(0)
    return pemn_compress.MaskedModel(BUILDERS[network](), strategy=strategy, density=density)


def write(network: str, kind: str, path: Path) -> float:
    """Write one file, by a strategy's name an archive; return the CPU time."""
    spent = 0.0
    for each in (SMALLEST, network):
        if kind in DENSE:
            state = masked(each, "rp").to_plain().state_dict()
            started = time.process_time()
            DENSE[kind][0](state, path)
        else:
            model = masked(each, kind)
            started = time.process_time()
            pemn_compress.save(model, path, force=True)
        spent = time.process_time() - started
    return spent


def read(kind: str, small: Path, path: Path) -> float:
    """Read one file's state dict, and a number of each page of it; return the CPU time."""
    spent = 0.0
    for each in (small, path):
        started = time.process_time()
        if kind in DENSE:
            state = DENSE[kind][1](each)
        else:
            with open_archive(each) as archive:
                state = loading.state_dict(archive)
        for tensor in state.values():  # safetensors maps the file, and has read nothing yet
            tensor.view(-1)[::PAGE].sum()
        spent = time.process_time() - started
    return spent


def writing_and_reading(quick: bool) -> str:
    """Return both tables of time."""
    runs = 2 if quick else 5
    writes, reads = [], []
    for network in [SMALLEST] if quick else BUILDERS:
        with tempfile.TemporaryDirectory() as folder:
            kinds = (*STRATEGIES, *DENSE)
            small = {kind: Path(folder, f"small-{kind}") for kind in kinds}
            paths = {kind: Path(folder, kind) for kind in kinds}
            for kind in kinds:
                alone(write, SMALLEST, kind, small[kind])
            told = rounds({k: partial(alone, write, network, k, paths[k]) for k in kinds}, runs)
            for kind in STRATEGIES:
                smaller = paths["torch"].stat().st_size / paths[kind].stat().st_size
                own = [ratio(told[kind], told[dense]) for dense in DENSE]
                writes.append([network, kind, *own, f"{smaller:.1f}"])
            told = rounds({k: partial(alone, read, k, small[k], paths[k]) for k in kinds}, runs)
            for kind in STRATEGIES:
                reads.append([network, kind, *(ratio(told[kind], told[d]) for d in DENSE)])
    versions = f"safetensors {safetensors.__version__}"
    return (
        "## Writing an archive / writing the dense state dict\n\n"
        "Density 0.5, default options. `save` chooses each mask's codec, compresses, reads the\n"
        f"archive back and compares every bit; the others ({versions}) write what is there.\n\n"
        + table(
            ["network", "strategy", "/ torch.save", "/ safetensors", "dense bytes / archive's"],
            writes,
        )
        + "\n\n## Reading an archive / reading the dense state dict\n\n"
        "From a warm cache to a state dict, all digests checked, one number of each page read.\n"
        "safetensors checks nothing and maps the file: its tensors are the cache's own pages.\n\n"
        + table(["network", "strategy", "/ torch.load", "/ safetensors"], reads)
    )


def load_growth(network: str, small: Path, path: Path, packed: bool) -> tuple[float, float]:
    """Return by how much memory grows while a model is loaded, and after, over its fp32 bytes."""
    with open_archive(path) as archive:
        weights = archive.manifest.restored_bytes
    warm = pemn_compress.load(small, packed=packed)
    with torch.device("meta"):
        BUILDERS[network]()  # imports what it needs
    grown = Growth()
    model = pemn_compress.load(path, packed=packed)
    told = grown.peak() / weights, grown.now() / weights
    del warm, model
    return told


def memory(quick: bool) -> str:
    """Return what loading takes, plain and packed."""
    rows = []
    network = "ConvMixer-512/8" if quick else "ResNet-50"
    for strategy in STRATEGIES:
        with tempfile.TemporaryDirectory() as folder:
            small, path = Path(folder, "small"), Path(folder, "large")
            for each, of in ((small, SMALLEST), (path, network)):
                alone(write, of, strategy, each)
            plain, packed = (
                [alone(load_growth, network, small, path, packed) for _ in range(1 if quick else 5)]
                for packed in (False, True)
            )
        cells = [spread([p for p, _ in plain])]
        cells += [spread([pair[i] for pair in packed]) for i in (0, 1)]
        rows.append([network, strategy, *cells])
    return (
        "## Memory to load a model / its fp32 bytes\n\nGrowth of the resident memory: its peak, "
        "and what is held after (malloc_trim called);\nmedian, lowest and highest in brackets. No "
        "peak can be less than the largest weight, which is\nmade whole: 0.09 of ResNet-50.\n\n"
        + table(["network", "strategy", "load, peak", "packed, peak", "packed, held"], rows)
    )


def spread(values: list[float]) -> str:
    ordered = sorted(values)
    return f"{ordered[len(ordered) // 2]:.3f} ({ordered[0]:.3f}-{ordered[-1]:.3f})"


def forward(network: str, strategy: str, batch: int, turns: int, path: Path) -> str:
    """Return packed time / plain time of a forward pass. Both must give the same bits."""
    pemn_compress.save(masked(network, strategy), path, force=True)
    models = {packed: pemn_compress.load(path, packed=packed) for packed in (False, True)}
    inputs = torch.randn(batch, *INPUTS[network], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        if not torch.equal(models[True](inputs), models[False](inputs)):
            raise click.ClickException(f"{network}, {strategy}: a packed model's outputs differ")
        seconds = interleaved(
            {
                "plain": lambda: models[False](inputs),
                "packed": lambda: models[True](inputs),
            },
            turns,
        )
    return ratio(seconds["packed"], seconds["plain"])


def packed_forward(quick: bool) -> str:
    """Return what a forward pass costs when each weight is made while it is used."""
    rows = []
    for network in [SMALLEST] if quick else BUILDERS:
        for batch in (1,) if quick else (1, 16):
            with tempfile.TemporaryDirectory() as folder:
                told = [
                    alone(forward, network, s, batch, 3 if quick else 7, Path(folder, "m.pemn"))
                    for s in STRATEGIES
                ]
            rows.append([network, str(batch), *told])
    return (
        "## Forward pass, packed / plain\n\n`load(..., packed=True)`; outputs compared, equal bit "
        "for bit in every cell.\n\n" + table(["network", "batch", *STRATEGIES], rows)
    )


def sizes(quick: bool) -> str:
    """Return stored mask bytes over the information limit."""
    networks = [n for n in BUILDERS if n == SMALLEST or not quick]
    rows = []
    for density in DENSITIES:
        cells = []
        for network in networks:
            packed = packing.pack(masked(network, "rp", density))
            with open_archive(packed) as archive:
                tensors = [t for t in archive.manifest.tensors if t.positions]
                stored = sum(t.positions.size for t in tensors)
                limit = sum(mask_limit_bits(t.numel, t.positions.ones) for t in tensors) / 8
                dense = archive.manifest.restored_bytes
            cells += [f"{stored / limit:.4f}", f"{dense / len(packed):.1f}"]
        rows.append([f"{density:g}", *cells])
    head = [text for n in networks for text in (f"{n}: masks", "file")]
    return (
        "## Sizes\n\n`masks`: mask bytes in the archive / log2 C(n, k), summed over tensors. "
        "`file`: fp32 bytes of\nthe state dict / bytes of the whole archive. Masks of untrained "
        "scores, the smallest codec.\n\n" + table(["density", *head], rows)
    )


SECTIONS = (writing_and_reading, memory, packed_forward, sizes)


@click.command()
@click.option("--quick", is_flag=True, help="The smallest network, few runs.")
@click.option("--only", type=click.Choice([s.__name__ for s in SECTIONS]), help="One section.")
def main(quick: bool, only: str | None) -> None:
    torch.set_num_threads(1)
    print(f"{hardware()}, safetensors {safetensors.__version__}.")
    for section in SECTIONS:
        if only in (None, section.__name__):
            print(f"\n{section(quick)}", flush=True)


if __name__ == "__main__":
    main()
