"""Records of runs as `pemn compress --record` writes them, made up: for tests and benchmarks."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

CONVMIXER = {"channels": 3, "classes": 10, "depth": 6, "dim": 256, "image_size": 32}
MLP = {"channels": 1, "classes": 10, "image_size": 8, "width": 32}
MASKED = ("mask", "one-layer", "mp", "rp")


def record(
    value: float = 0.9,
    size: int = 5000,
    *,
    strategy: str = "rp",
    ratio: float = 0.01,
    density: float = 0.5,
    seed: int = 0,
    metric: str = "accuracy",
    better: str = "max",
    data: str = "digits",
    epochs: int = 2,
    architecture: str = "mlp",
    arguments: dict[str, Any] | None = None,
    values: str = "float32",
    logged: int = 2,
    **settings: Any,
) -> dict[str, Any]:
    """Return a finished record; `logged` epochs are told one by one."""
    masked = strategy in MASKED
    own = {"strategy": strategy, "density": density, "seed": seed}
    if masked:
        own |= {"ratio": ratio, "distribution": "kaiming-normal", "scaling": "layer",
                "search": "edge-popup", "renewal": "none", "score_seed": None}  # fmt: skip
    told = {"name": metric, "better": better, "value": value}
    digest = sha256(repr((value, size, own, settings, data, epochs, architecture, arguments,
                          values)).encode()).hexdigest()  # fmt: skip
    return {
        "archive": {"path": "model.pemn", "bytes": size, "sha256": digest},
        "architecture": {
            "kind": "registered",
            "name": architecture,
            "arguments": dict(MLP if arguments is None else arguments),
            "batchnorm": "learned",
            "bias": True,
        },
        "data": {"name": data, "train": 1438, "test": 359, "classes": 10},
        "task": "classification",
        "masked": {"tensors": 3, "weights": 3392, "prototype_length": 21},
        "settings": own | settings,
        "selection": {"include": [], "exclude": []},
        "recipe": {"name": "default", "epochs": epochs, "lr": 0.01, "batch_size": 64},
        "run": {"device": "cpu", "device_name": "x86_64", "threads": 1, "ranks": 1},
        "storage": {"codec": "auto", "force": bool(seed), "value_dtype": values},
        "accuracy": value if metric == "accuracy" else None,
        "metric": told,
        "metrics": [told, {"name": "loss", "better": "min", "value": 0.5}],
        "storage_steps": [],
        "epochs": [
            {
                "epoch": number + 1,
                "lr": 0.01,
                "train_loss": 1.3887351958648018,
                "test": {"total": 359, "loss": 0.7492722747717727, "correct": 275,
                         "metrics": [{"name": metric, "value": value, "better": better}]},
                "validation": None,
                "images_per_second": 37819.90796235275,
                "seconds": 0.04044391299976269,
                "test_accuracy": 0.766016713091922,
            }
            for number in range(logged)
        ],
        "seconds": 2.5,
        "finished": "2026-11-26T17:37:39+00:00",
        "versions": {"pemn-compress": "0.1.0", "python": "3.11.7", "torch": "2.14.1"},
    }  # fmt: skip


def write(path: Path, told: Any = None, **fields: Any) -> Path:
    """Write a record, made up of `fields` where it is not given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record(**fields) if told is None else told, indent=2))
    return path


def seeds(folder: Path, values: tuple[float, ...], **fields: Any) -> list[Path]:
    """Write a record for each value, with the seeds 0, 1, and so on."""
    return [
        write(folder / f"seed{seed}" / "record.json", value=value, seed=seed, **fields)
        for seed, value in enumerate(values)
    ]


def archive(path: Path, about: dict[str, Any] | None = None, *, length: int = 12) -> Path:
    """Write a small archive that records `about`."""
    import numpy as np

    from pemn_compress.format import prng
    from pemn_compress.format.archive import DenseTensor, MaskedTensor, Prototype, encode

    mask = np.random.default_rng(0).random((6, 5)) < 0.5
    contents = [
        MaskedTensor("weight", "f32", mask, 0, 0.5),
        DenseTensor("bias", "f32", np.arange(length, dtype=np.float32)),
    ]
    architecture = {"kind": "registered", "name": "mlp", "arguments": dict(MLP)}
    prototype = Prototype("normal16", prng.normal16(3, 0, 7), 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(contents, prototype, architecture=architecture, about=about or {}))
    return path


def of_archive(path: Path, **fields: Any) -> dict[str, Any]:
    """Return the record of an archive that exists."""
    raw = path.read_bytes()
    told = {"path": path.name, "bytes": len(raw), "sha256": sha256(raw).hexdigest()}
    return record(**fields) | {"archive": told}
