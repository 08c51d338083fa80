"""What a file that leaves the archive behind has to say: its inputs, its classes, where it is from.

Programs and .safetensors have a place for text, and get it there as JSON; docs/restoring.md tells
where. It is what the archive claims, checked.
"""

import json
from typing import Any

from pemn_compress.format.archive import Archive
from pemn_compress.format.arrays.claims import claims_or_none
from pemn_compress.version import __version__

KEY = "pemn"  # under which .onnx and .safetensors have it; .pt2 has it in the file `pemn.json`
UNITS = "(pixel / 255 - mean) / std"


def contract(archive: Archive, inputs: str = "", *, preprocessing: bool = False) -> str:
    """Return the JSON of an archive's contract: the same archive, the same text.

    `inputs` are a program's, in words; `preprocessing` says that it has the steps inside. Claims
    that make no sense are left out: they keep nobody from having the tensors.
    """
    claims = claims_or_none(archive)
    told: dict[str, Any] = {
        "made_by": f"pemn-compress {__version__}",
        "restored_sha256": archive.manifest.restored_sha256,
    }
    if inputs:
        told["inputs"] = inputs
    if claims.shape:
        told["input_shape"] = list(claims.shape)  # of one sample, without the batch
    if claims.mean:
        statistics = {"mean": list(claims.mean), "std": list(claims.std), "formula": UNITS}
        told["preprocessing"] = statistics | {"inside": preprocessing}
    if claims.classes:
        told["classes"] = list(claims.classes)
    return json.dumps(told, ensure_ascii=False, sort_keys=True)
