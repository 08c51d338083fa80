"""What `restore` writes, run by OpenVINO and ExecuTorch: the model's outputs within float rounding.

OpenVINO comes with the extra `zoo`; ExecuTorch, which brings two dozen packages, is tried where it
is installed: pip install executorch.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import pemn_compress
from pemn_compress import MaskedModel

pytestmark = pytest.mark.filterwarnings("ignore")  # those of the other packages

MODELS: dict[str, dict[str, object]] = {
    "resnet20": {"width": 0.5},
    "convmixer": {"dim": 16, "depth": 2},
    "vit": {"dim": 16, "depth": 2, "heads": 2, "mlp_dim": 32},
}
IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=MODELS)
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    arguments = MODELS[request.param]
    model = pemn_compress.build(request.param, classes=10, channels=3, image_size=32, **arguments)
    path: Path = tmp_path_factory.mktemp(request.param) / "model.pemn"
    return pemn_compress.save(MaskedModel(model, ratio=0.1, seed=1), path)


def exported(archive: Path, suffix: str) -> Path:
    path = archive.with_suffix(suffix)
    pemn_compress.restore(archive, path, inputs=IMAGES, force=True)
    return path


def compare(archive: Path, found: Tensor) -> None:
    with torch.no_grad():
        expected = pemn_compress.load(archive)(IMAGES)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_openvino_runs_the_onnx_file(archive: Path) -> None:
    openvino = pytest.importorskip("openvino")
    compiled = openvino.Core().compile_model(
        exported(archive, ".onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    for batch in (3, 1):
        (outputs,) = compiled(IMAGES[:batch].numpy()).values()
        if batch == len(IMAGES):
            compare(archive, torch.from_numpy(np.array(outputs)))
        assert outputs.shape == (batch, 10)


@pytest.mark.parametrize("kernels", ["portable", "xnnpack"])
def test_executorch_runs_the_program(archive: Path, kernels: str) -> None:
    pytest.importorskip("executorch")
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from executorch.runtime import Runtime

    program = torch.export.load(exported(archive, ".pt2"))
    partitioner = [XnnpackPartitioner()] if kernels == "xnnpack" else []
    lowered = to_edge_transform_and_lower(program, partitioner=partitioner).to_executorch()
    path = archive.with_name(f"{kernels}.pte")
    path.write_bytes(lowered.buffer)
    (outputs,) = Runtime.get().load_program(path).load_method("forward").execute([IMAGES])
    compare(archive, outputs)
