"""Several processes that want the same data fetch it once, and all get it."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import pemn_compress
from pemn_compress.data.downloading import LOCK, one_at_a_time

ROOT = str(Path(pemn_compress.__file__).parents[1])
PARTS = [f"data_batch_{number}" for number in range(1, 6)]
FETCH = """
import json, sys
from pathlib import Path
from torchvision.datasets import CIFAR10
told = json.loads(sys.argv[1])
CIFAR10.url, CIFAR10.tgz_md5, CIFAR10.train_list = told["url"], told["tgz"], told["train"]
CIFAR10.test_list = told["test"]
CIFAR10.meta = CIFAR10.meta | {"md5": told["meta"]}
from pemn_compress.data.sources import load_data
data = load_data("cifar10", data_dir=Path(sys.argv[2]), download=True)
print(len(data.train), len(data.test), data.classes)
"""


def archive(folder: Path) -> dict[str, object]:
    """Write a CIFAR-10 of two images a file; return its digests, as torchvision names them."""
    inner = folder / "cifar-10-batches-py"
    inner.mkdir(parents=True)
    for number, name in enumerate([*PARTS, "test_batch"]):
        pixels = np.full((2, 3072), number, np.uint8)
        (inner / name).write_bytes(pickle.dumps({"data": pixels, "labels": [0, number]}))
    (inner / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as tar:
        tar.add(inner, inner.name)

    def md5(path: Path) -> str:
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()

    return {
        "tgz": md5(folder / "cifar-10-python.tar.gz"),
        "train": [[name, md5(inner / name)] for name in PARTS],
        "test": [["test_batch", md5(inner / "test_batch")]],
        "meta": md5(inner / "batches.meta"),
    }


@pytest.mark.long
def test_processes_that_start_at_once_download_once(tmp_path: Path) -> None:
    told = archive(tmp_path / "server")
    asked: list[str] = []

    class Counting(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *arguments: object) -> None:
            pass

    handler = partial(Counting, directory=str(tmp_path / "server"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told["url"] = f"http://127.0.0.1:{server.server_port}/cifar-10-python.tar.gz"
        command = [sys.executable, "-c", FETCH, json.dumps(told), str(tmp_path / "data")]
        environment = os.environ | {"PYTHONPATH": ROOT, "no_proxy": "127.0.0.1"}
        alone = [*command[:-1], str(tmp_path / "alone")]
        subprocess.run(alone, env=environment, check=True, capture_output=True, timeout=120)
        once = len(asked)  # torchvision asks for where it will be led to before it fetches
        running = [
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        results = [process.communicate(timeout=120) for process in running]
        server.shutdown()
    assert [out for out, _ in results] == ["10 2 10\n"] * 2, results
    assert len(asked) == 2 * once


def test_a_folder_without_room_for_a_lock_is_somebody_elses_to_tell(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with one_at_a_time(tmp_path / "file" / "inner"):
        pass
    with one_at_a_time(tmp_path / "absent", is_needed=False):
        assert not (tmp_path / "absent").exists()
    with one_at_a_time(tmp_path / "new"):
        assert (tmp_path / "new" / LOCK).exists()
