"""Every search, renewal and distribution: learns real digits, restores bit for bit, verifies."""

from typing import Any

import pytest

from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest, load_request
from pemn_compress.data.samples import Data
from pemn_compress.format.archive import open_archive, verify
from pemn_compress.masking.rules.methods import RENEWALS, SEARCHES
from pemn_compress.masking.rules.strategies import DISTRIBUTIONS, Settings
from pemn_compress.storing.loading import state_dict
from pemn_compress.training import recipes

GRID = [
    (search, renewal, distribution)
    for search, facts in SEARCHES.items()
    for renewal in RENEWALS
    for distribution in DISTRIBUTIONS
    if renewal == "none" or facts.renewable
]


@pytest.fixture(scope="module")
def digits() -> Data:
    return load_request(DataRequest("digits", train_limit=400, test_limit=60), None)


@pytest.mark.parametrize(("search", "renewal", "distribution"), GRID)
def test_the_grid(digits: Data, search: str, renewal: str, distribution: str) -> None:
    chosen: dict[str, Any] = {"search": search, "renewal": renewal, "distribution": distribution}
    if renewal != "none":
        chosen["renewal_every"] = {"iterand": 6, "recycle": 1}[renewal]
    made = compress(
        "mlp", data=digits, arguments={"width": 24}, batch_size=32, strategy="rp", ratio=0.1,
        # drawn masks are noise, of which a small network has little to average over
        epochs=16 if search == "supermask" else 4,
        lr=0.1 if search == "supermask" else 0.02,
        **chosen,
    )  # fmt: skip
    assert made.history[-1].train_loss < 0.8 * made.history[0].train_loss
    verify(made.archive)
    with open_archive(made.archive) as archive:
        restored = state_dict(archive)
        assert (
            archive.manifest.about["settings"].items()
            >= {key: value for key, value in chosen.items() if value != "none"}.items()
        )
        planes = [tensor.values.plane for tensor in archive.manifest.tensors if tensor.positions]
    assert any(planes) == (renewal != "none" or search == "sign")
    for name, tensor in made.model.state_dict().items():
        assert restored[name].numpy().tobytes() == tensor.numpy().tobytes()


@pytest.mark.parametrize(
    "name", ["supermask", "iterand", "biprop", "recycle-edge-popup", "recycle-biprop"]
)
def test_the_recipes_run(digits: Data, name: str) -> None:
    recipe = recipes.load(name)
    settings = Settings(**recipe.mask_settings())
    made = compress("conv2", data=digits, arguments={"width": 0.06}, recipe=name, epochs=1)
    verify(made.archive)
    told = made.record["settings"]
    assert (told["search"], told["renewal"]) == (settings.search, settings.renewal)
    if settings.renewal == "none":
        assert not made.warnings
    else:
        assert "never comes due" in made.warnings[0]
