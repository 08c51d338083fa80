"""What is inside one archive, as blocks: facts, sections, tensors. Nothing it says is trusted."""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from pemn_compress.reporting import words
from pemn_compress.reporting.block_types import Block, Facts, Heading, Sheet
from pemn_compress.reporting.recorded import recorded_accuracy, recorded_metric

_SETTINGS = (
    "strategy", "ratio", "order", "density", "layer_density", "density_schedule", "budget", "floor",
    "distribution", "scaling", "search", "ranking", "renewal", "renewal_every", "renewal_rate",
    "seed", "score_seed", "pruning_schedule", "value_dtype", "qat", "scale",
    "entropy_weight",
)  # fmt: skip


def inside_blocks(found: Mapping[str, Any]) -> Iterator[Block]:
    """Yield the blocks for what `describe` tells of an archive."""
    size = words.both(found["bytes"])
    yield Heading(f"{words.file_name(found['file'])}: {size}, format {found['format_version']}")
    yield Facts(tuple(_facts(found)))
    yield Heading("sections", 2)
    yield _sections(found)
    yield Heading("tensors", 2)
    yield _tensors(found)


def _facts(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    about, prototype = found["about"], found["prototype"]
    yield "architecture", _architecture(found["architecture"])
    settings = settings_line(about)
    if settings:
        yield "settings", settings
    if prototype:
        origin = f"seed {int(prototype['seed'], 16)}" if "seed" in prototype else "stored values"
        told = f"{prototype['length']:,} x {prototype.get('transform', 'binary32')} from {origin}"
        yield "prototype", told + ", shuffled" * ("shuffle" in prototype)
    score, metric = recorded_accuracy(about.get("accuracy")), recorded_metric(about)
    if metric and metric.name != "accuracy":
        yield words.clean(metric.name, 24), words.clean(f"{metric.value:.6g} ({metric.data})")
    elif score:
        of = f"{score.correct:,} of {score.total:,}"
        yield "accuracy", words.clean(f"{words.percent(score)} ({of}, {score.data})")
    yield "restored", f"{words.both(found['restored_bytes'])} in memory"
    yield "digest", found["restored_sha256"]


def settings_line(about: Mapping[str, Any]) -> str:
    """Return an archive's mask or pruning settings in one line; empty where it tells none."""
    settings = about.get("settings")
    if isinstance(settings, dict):
        settings = ", ".join(f"{key} {settings[key]}" for key in _SETTINGS if key in settings)
    return words.clean(settings) if settings else ""


def _architecture(told: Mapping[str, Any]) -> str:
    call = words.architecture({**told, "kind": None})
    kind = {"source": " from its model file", "none": " (built by its owner)"}
    parts = [call + kind.get(str(told.get("kind")), "")]
    if not told.get("bias", True):
        parts.append("no biases")
    if told.get("batchnorm", "learned") != "learned":
        parts.append(words.clean(f"{told['batchnorm']} batch-norm"))
    return ", ".join(parts)


def _sections(found: Mapping[str, Any]) -> Sheet:
    header, manifest = found["header_bytes"], found["manifest_bytes"]
    rows = [("header", "", "0", f"{header:,}"), ("manifest", "", f"{header:,}", f"{manifest:,}")]
    rows += [
        (
            section["name"],
            f"{section['sha256'][:16]}...",
            f"{section['offset']:,}",
            f"{section['bytes']:,}",
        )
        for section in found["sections"]
    ]
    rows.append(("padding", "", "", f"{found['padding_bytes']:,}"))
    return Sheet(("section", "SHA-256", "offset", "bytes"), tuple(rows), left=2)


def _tensors(found: Mapping[str, Any]) -> Sheet:
    heads: tuple[str, ...] = ("tensor", "shape", "kind", "kept", "frozen", "bytes", "bits/weight")
    rows = [heads, *map(_tensor, found["tensors"])]
    if not any("frozen" in tensor for tensor in found["tensors"]):
        place = heads.index("frozen")
        rows = [row[:place] + row[place + 1 :] for row in rows]
    return Sheet(rows[0], tuple(rows[1:]), left=3)


def _tensor(tensor: Mapping[str, Any]) -> tuple[str, ...]:
    values, positions = tensor["values"], tensor.get("positions")
    numel = prod(tensor["shape"])
    frozen = tensor.get("frozen", {}).get("count", 0)
    kind, kept, size = values["kind"], "", values.get("bytes", 0)
    if positions:
        what = "pruned" if kind == "stored" else "mask"
        kind, size = f"{what}, {positions['codec']}", positions["bytes"] + size
        kept = f"{positions['ones'] / numel:.2%}" if numel else ""
        predictor = positions.get("predictor")
        if predictor:
            wrong = predictor["flips"] / max(1, numel - frozen)
            kind += f", predicted but for {wrong:.2%}"
    elif kind == "stored" and values["coding"] != "raw":
        kind = f"stored, {values['coding']}"
    elif kind == "alias":
        kind = f"alias of {values['of']}"
    if "plane" in values:
        plane = values["plane"]
        kind += f", {plane['kind']}s"
        numbers = -(-plane["positions"]["ones"] * plane.get("width", 0) // 8)
        size += plane["positions"]["bytes"] + numbers
    shape = "x".join(map(str, tensor["shape"])) or "scalar"
    stored = values.get("dtype", tensor["dtype"])
    dtype = "" if stored == "f32" else f" {stored}"
    share = f"{frozen / numel:.2%}" if frozen else ""
    bits = f"{8 * size / numel:.3f}" if size and numel else ""
    return tensor["name"], shape + dtype, kind, kept, share, f"{size:,}", bits
