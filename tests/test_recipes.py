"""Recipes: the papers' training settings, and what may be changed about them."""

import json
import tomllib
from dataclasses import fields
from importlib.resources import files

import numpy as np
import pytest
import torch

from pemn_compress.data.augment import parse_augment
from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.masking.rules.strategies import DISTRIBUTIONS, SCALINGS, Settings
from pemn_compress.models.variants import BATCHNORMS
from pemn_compress.training import recipes
from pemn_compress.training.recipes import Recipe

MINIMAL = {"source": "here", "optimizer": "sgd", "lr": 0.1, "epochs": 4, "batch_size": 8}


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_is_whole(name: str) -> None:
    recipe = recipes.load(name)
    assert recipe.name == name
    assert recipe.source
    assert recipe.batchnorm in BATCHNORMS
    assert recipe.distribution in DISTRIBUTIONS
    assert recipe.scaling in SCALINGS
    Settings(**recipe.mask_settings())
    assert parse_augment(list(recipe.augment), image_size=32, channels=3).names == recipe.augment
    table = tomllib.loads(files(recipes).joinpath(f"{name}.toml").read_text("utf-8"))
    assert json.loads(json.dumps(recipe.to_dict())).items() >= table.items()


def test_the_default_is_one_of_them() -> None:
    assert recipes.DEFAULT in recipes.names()


@pytest.mark.parametrize(
    ("name", "published"),
    [
        # PEMN (NeurIPS 2022), supplement A
        (
            "pemn-convmixer",
            {"optimizer": "adamw", "schedule": "triangular", "lr": 0.05, "weight_decay": 0.005,
             "batch_size": 512, "epochs": 100, "clip_norm": 0.0},
        ),
        (
            "pemn-vit",
            {"optimizer": "adam", "schedule": "cosine", "lr": 0.0001, "batch_size": 256,
             "epochs": 200},
        ),
        (
            "pemn-resnet",
            {"optimizer": "sgd", "schedule": "cosine", "lr": 0.1, "weight_decay": 0.0005,
             "momentum": 0.9, "batch_size": 256, "epochs": 100},
        ),
        # Ramanujan et al. (CVPR 2020), section 4.4
        (
            "supermask",
            {"optimizer": "sgd", "schedule": "cosine", "lr": 200.0, "momentum": 0.9,
             "batch_size": 128, "epochs": 100, "search": "supermask", "bias": False},
        ),
        # IteRand's configuration for Conv-6 on CIFAR-10
        (
            "iterand",
            {"optimizer": "sgd", "schedule": "cosine", "lr": 0.3, "weight_decay": 0.0001,
             "batch_size": 128, "epochs": 100, "renewal": "iterand", "renewal_every": 300,
             "renewal_rate": 0.1, "ranking": "signed", "batchnorm": "non-affine"},
        ),
        # Biprop's for CIFAR-10; IWR (2023), section 3.2
        (
            "biprop",
            {"optimizer": "sgd", "schedule": "cosine", "lr": 0.1, "weight_decay": 0.0001,
             "batch_size": 128, "epochs": 100, "search": "biprop", "scale_by_density": True,
             "distribution": "kaiming-normal"},
        ),
        # IWR (2023), section 3.2, appendices B and D
        (
            "recycle-biprop",
            {"search": "biprop", "renewal": "recycle", "renewal_every": 10, "renewal_rate": 0.2,
             "distribution": "kaiming-normal", "scale_by_density": False, "optimizer": "sgd",
             "lr": 0.1, "epochs": 250, "batch_size": 128, "weight_decay": 0.0001, "momentum": 0.9,
             "schedule": "cosine", "batchnorm": "non-affine", "bias": False},
        ),
        (
            "recycle-edge-popup",
            {"search": "edge-popup", "renewal": "recycle", "renewal_every": 10,
             "renewal_rate": 0.2, "distribution": "signed-constant", "optimizer": "sgd",
             "lr": 0.1, "epochs": 250, "batch_size": 128, "weight_decay": 0.0001, "momentum": 0.9,
             "schedule": "cosine", "batchnorm": "non-affine", "bias": False},
        ),
        # Ramanujan et al. (CVPR 2020), section 4.1
        (
            "edge-popup",
            {"optimizer": "sgd", "schedule": "cosine", "lr": 0.1, "weight_decay": 0.0001,
             "momentum": 0.9, "batch_size": 128, "epochs": 100,
             "distribution": "signed-constant", "batchnorm": "non-affine", "bias": False},
        ),
    ],
)  # fmt: skip
def test_the_published_numbers(name: str, published: dict[str, object]) -> None:
    recipe = recipes.load(name)
    assert {key: getattr(recipe, key) for key in published} == published
    assert recipe.density == 0.5
    if name.startswith("pemn"):
        assert (recipe.distribution, recipe.scaling) == ("kaiming-normal", "prototype")


def test_overrides_replace_what_is_given_and_keep_the_rest() -> None:
    recipe = recipes.load("pemn-vit")
    changed = recipe.override(epochs=3, lr=None, augment=())
    assert (changed.epochs, changed.lr, changed.augment) == (3, recipe.lr, ())
    untouched = {field.name for field in fields(Recipe)} - {"epochs", "augment"}
    assert all(getattr(changed, name) == getattr(recipe, name) for name in untouched)
    assert recipe.epochs == 200


def test_an_unknown_recipe_lists_those_that_exist() -> None:
    with pytest.raises(
        UnknownNameError, match=r"recipe 'resnet'.*default, edge-popup, iterand, pemn"
    ):
        recipes.load("resnet")


def test_unknown_and_missing_settings_are_refused() -> None:
    with pytest.raises(SettingError, match=r"recipe 'mine': unknown setting 'rate'; expected .*lr"):
        recipes.from_mapping("mine", MINIMAL | {"rate": 1})
    with pytest.raises(SettingError, match="unknown setting 'name'"):
        recipes.from_mapping("mine", MINIMAL | {"name": "other"})
    with pytest.raises(SettingError, match=r"recipe 'mine': .*'lr'"):
        recipes.from_mapping("mine", {k: v for k, v in MINIMAL.items() if k != "lr"})
    assert recipes.from_mapping("mine", MINIMAL).name == "mine"


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("optimizer", "lion", "optimizer 'lion'.*adam, adamw, sgd"),
        ("schedule", "step", "schedule 'step'.*constant, cosine, one-cycle, triangular"),
        ("decay", "none", "decay 'none'.*all, matrices"),
        ("lr", 0, "lr: expected above 0 and at most 1,000,000, got 0"),
        ("lr", float("nan"), "lr: expected above 0 and at most 1,000,000, got nan"),
        ("epochs", 0, "epochs: expected 1 or more, got 0"),
        ("batch_size", 0, "batch size: expected 1 or more, got 0"),
        ("momentum", 1.0, "momentum: expected from 0 to below 1, got 1.0"),
        ("weight_decay", -0.1, "weight decay: expected from 0 to 1,000,000, got -0.1"),
        ("warmup_epochs", 5, "warmup epochs: expected from 0 to the number of epochs, got 5"),
        ("clip_norm", -1, "clip norm: expected 0 or more, got -1"),
        ("label_smoothing", 1.0, "label smoothing: expected from 0 to below 1, got 1.0"),
        ("density", 0.0, "expected 0 < density <= 1, got 0.0"),
    ],
)
def test_values_out_of_range_are_refused(setting: str, value: object, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        recipes.from_mapping("mine", MINIMAL | {setting: value})
    with pytest.raises(SettingError, match=message):
        recipes.from_mapping("mine", MINIMAL).override(**{setting: value})


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("lr", np.float64(0.25), 0.25), ("lr", np.float32(0.25), 0.25), ("lr", np.int64(1), 1),
        ("lr", torch.tensor(0.25), 0.25), ("lr", np.array(0.25), 0.25), ("lr", 1, 1),
        ("lr", torch.tensor(0.25, dtype=torch.bfloat16, requires_grad=True), 0.25),
        ("epochs", np.int32(7), 7), ("epochs", np.uint8(7), 7), ("epochs", torch.tensor(7), 7),
        ("batch_size", np.array(7), 7), ("warmup_epochs", np.int64(2), 2),
        ("density", np.float32(0.5), 0.5), ("bias", np.bool_(False), False),
        ("augment", ["flip"], ("flip",)), ("augment", [], ()),
    ],
    ids=repr,
)  # fmt: skip
def test_numbers_of_other_libraries_become_pythons(
    setting: str, value: object, expected: object
) -> None:
    recipe = recipes.from_mapping("mine", MINIMAL).override(**{setting: value})
    got = getattr(recipe, setting)
    assert got == expected
    assert type(got) is type(expected)
    assert json.loads(json.dumps(recipe.to_dict()))


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("lr", True, "lr: expected a number, got True"),
        ("lr", np.bool_(True), r"lr: expected a number, got (np\.)?True_?"),
        ("lr", "0.1", "lr: expected a number, got '0.1'"),
        ("lr", np.zeros(1), r"lr: expected a number, got ndarray of shape \(1,\)"),
        ("lr", torch.zeros(2, 1), r"lr: expected a number, got Tensor of shape \(2, 1\)"),
        ("lr", np.float32("nan"), "lr: expected above 0 and at most 1,000,000, got nan"),
        ("lr", torch.tensor(float("inf")), "lr: expected a finite number, got inf"),
        ("lr", 1j, "lr: expected a number, got 1j"),
        ("lr", torch.tensor(1 + 1j), "lr: expected a number, got tensor"),
        ("lr", torch.empty((), device="meta"), "lr: expected a number, got tensor"),
        ("lr", [0.1], r"lr: expected a number, got \[0.1\]"),
        ("epochs", True, "epochs: expected a whole number, got True"),
        ("epochs", 3.0, "epochs: expected a whole number, got 3.0"),
        ("epochs", np.float64(3), r"epochs: expected a whole number, got (np\.float64\()?3.0"),
        ("epochs", "3", "epochs: expected a whole number, got '3'"),
        ("batch_size", torch.tensor([8]), "batch size: expected a whole number, got Tensor"),
        ("density", "half", "density: expected a number, got 'half'"),
        ("bias", 1, "bias: expected True or False, got 1"),
        ("augment", "flip", "augment: expected a list of words .*, got 'flip'"),
        ("augment", [4], r"augment: expected a list of words .*, got \[4\]"),
        ("weight_decay", {}, "weight decay: expected a number, got {}"),
    ],
    ids=repr,
)
def test_what_is_no_number_is_refused_in_a_line(setting: str, value: object, message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        recipes.from_mapping("mine", MINIMAL).override(**{setting: value})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 160


def test_a_setting_that_no_recipe_has_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"recipe setting 'learning_rate'; expected .*lr"):
        recipes.load("default").override(learning_rate=0.1)
