"""The options of `compress` that are settings of the run, each in place of the recipe's."""

from pemn_compress.cli.few_bytes import PULL_SETTINGS, TEACHER_SETTINGS
from pemn_compress.masking.rules.quantizing import QUANTIZER_SETTINGS

RECIPE_SETTINGS = (
    "optimizer", "lr", "epochs", "batch_size", "schedule", "momentum", "weight_decay", "decay",
    "warmup_epochs", "clip_norm", "label_smoothing", "augment", "batchnorm", "bias", "ema",
    "validation", "keep", "patience", "recompute_batchnorm", "dense_lr", *PULL_SETTINGS,
    *TEACHER_SETTINGS,
)  # fmt: skip
MASK_SETTINGS = (
    "strategy", "ratio", "density", "seed", "distribution", "scaling", "scale_by_density", "search",
    "order", "score_seed", "ranking", "budget", "floor", "layer_density", "density_schedule",
    "ramp_epochs", "renewal", "renewal_every", "renewal_rate", "learn_scale", "frozen", "frozen_by",
)  # fmt: skip

PRUNING_SETTINGS = (
    "sparsity", "pruning_schedule", "pruning_start", "pruning_end", *QUANTIZER_SETTINGS,
)  # fmt: skip

CHOSEN_SETTINGS = RECIPE_SETTINGS + MASK_SETTINGS + PRUNING_SETTINGS
