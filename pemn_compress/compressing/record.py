"""The record of a run: all settings, versions, data, seeds, and what every epoch came to."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pemn_compress.compressing.storage import Storage
from pemn_compress.data.ranks import world
from pemn_compress.data.samples import Data
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.rules.pruning import PruningSettings
from pemn_compress.masking.rules.strategies import Settings
from pemn_compress.masking.selection import Selection
from pemn_compress.models import building as architectures
from pemn_compress.training.history import ACCURACY, History, Score, StorageStep
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.run import Run
from pemn_compress.version import __version__


def begun(
    data: Data,
    recipe: Recipe,
    settings: Settings | PruningSettings,
    selection: Selection,
    run: Run,
    storage: Storage,
    masked: MaskedModel | PrunedModel,
) -> dict[str, Any]:
    """Return what is known of a run before its first step, as plain values.

    What it will have come to has its place already, and nothing in it.
    """
    used = asdict(run) | {
        "device": str(run.torch_device()),
        "device_name": _device_name(run.torch_device()),
        "threads": torch.get_num_threads(),
        "ranks": world().size,
    }
    return {
        "archive": None,
        "architecture": architectures.architecture_of(masked.model),
        "data": {
            "name": data.name,
            "train": len(data.train) if data.train else 0,
            "validation": len(data.validation) if data.validation else 0,
            "test": len(data.test),
            "classes": data.classes,
        },
        "task": data.task.name,
        **_weights(masked),
        "settings": asdict(settings),
        "selection": asdict(selection),
        "recipe": recipe.to_dict(),
        "run": used,
        "storage": asdict(storage),
        "accuracy": None,
        "metric": None,
        "metrics": [],
        "storage_steps": [],
        "chosen": None,
        "teacher": None,
        "recomputed_batchnorm": None,
        "put_back": [],
        "exports": [],
        "epochs": [],
        "kept_epoch": None,
        "stopped": None,
        "seconds": 0.0,
        "finished": None,
        "versions": {
            "pemn-compress": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "platform": platform.platform(),
        },
    }


def finished(
    begun: Mapping[str, Any],
    packed: bytes,
    output: Path | None,
    history: History,
    steps: Sequence[StorageStep],
    seconds: float,
) -> dict[str, Any]:
    """Return everything that is needed to repeat a run, and what it came to, as plain values."""
    return {
        **begun,
        "archive": {
            "path": str(output) if output else None,
            "bytes": len(packed),
            "sha256": sha256(packed).hexdigest(),
        },
        "accuracy": _accuracy(steps[-1].score),
        "metric": steps[-1].score.headline.to_dict(),
        "metrics": [metric.to_dict() for metric in steps[-1].score.metrics],
        "storage_steps": [step.to_dict() for step in steps],
        "epochs": [epoch.to_dict() for epoch in history],
        "kept_epoch": history.kept_epoch,
        "stopped": history.stopped,
        "recomputed_batchnorm": history.recomputed and history.recomputed.to_dict(),
        "seconds": seconds,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _accuracy(score: Score) -> float | None:
    return next((m.value for m in score.metrics if m.name == ACCURACY), None)


def _weights(model: MaskedModel | PrunedModel) -> dict[str, Any]:
    planned = {"tensors": len(model.plan), "weights": model.plan.numel}
    if isinstance(model, PrunedModel):
        return {"pruned": planned | {"kept": sum(model.kept)}}
    return {"masked": planned | {"prototype_length": model.filling.length}}


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()
