"""Models and training loops of other packages: slow, and not among the tests of `make test`."""

from importlib.util import find_spec

import pytest

NEEDED = (
    "timm", "transformers", "lightning", "accelerate", "skorch", "safetensors", "huggingface_hub",
)  # fmt: skip


def pytest_configure() -> None:
    """Say in one line what is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise pytest.UsageError(
            f"tests/zoo: expected {', '.join(NEEDED)}, missing: {', '.join(missing)}: "
            "pip install -e '.[dev,zoo]', or make test-zoo, which does it"
        )
