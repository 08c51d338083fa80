"""The command line as a stranger types it."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pemn_compress
from pemn_compress.cli import COMMANDS, main

REPOSITORY = Path(__file__).parent.parent
QUICK = ("--data", "digits", "--epochs", "2", "--threads", "1")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """An archive of a small network, and the record of its run."""
    folder = tmp_path_factory.mktemp("digits")
    with pytest.raises(SystemExit) as exit_:
        main(
            ["compress", "mlp", *QUICK, "-a", "width=32", "-o", str(folder / "digits.pemn"),
             "--record", str(folder / "run.json"), "--quiet"]
        )  # fmt: skip
    assert exit_.value.code == 0
    return folder / "digits.pemn"


def test_compress_says_what_it_made_and_records_it(call, tmp_path):
    code, out, err = call("compress", "mlp", *QUICK, "-a", "width=16", "--record", "run.json")
    assert code == 0
    assert "mlp.pemn" in out
    assert "bit for bit" in out
    assert "epoch 2/2" in err
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["archive"]["bytes"] == (tmp_path / "mlp.pemn").stat().st_size
    assert record["architecture"]["arguments"]["width"] == 16
    assert [e["epoch"] for e in record["epochs"]] == [1, 2]
    assert f"{100 * record['accuracy']:.2f} %" in out


def test_every_setting_that_is_given_is_in_the_record(call, tmp_path):
    code, out, _ = call(
        "compress", "mlp", *QUICK, "-a", "width=8", "--json", "--quiet", "--strategy", "mp",
        "--density", "0.3", "--seed", "7", "--distribution", "signed-constant", "--scaling",
        "prototype", "--scale-by-density", "--exclude", "5.*", "--optimizer", "sgd", "--lr", "0.5",
        "--batch-size", "32", "--schedule", "constant", "--momentum", "0.5", "--weight-decay",
        "1e-4", "--decay", "all", "--warmup-epochs", "1", "--clip-norm", "2", "--label-smoothing",
        "0.1", "--no-bias", "--codec", "csr", "--store-prototype", "--train-limit", "300",
        "--test-limit", "100", "--augment", "crop:1",
    )  # fmt: skip
    assert code == 0
    record = json.loads(out)
    settings, recipe = record["settings"], record["recipe"]
    assert (settings["strategy"], settings["density"], settings["seed"]) == ("mp", 0.3, 7)
    assert (settings["distribution"], settings["scaling"]) == ("signed-constant", "prototype")
    assert settings["scale_by_density"] is True
    assert record["selection"]["exclude"] == ["5.*"]
    assert (recipe["optimizer"], recipe["lr"], recipe["batch_size"]) == ("sgd", 0.5, 32)
    assert (recipe["schedule"], recipe["momentum"], recipe["decay"]) == ("constant", 0.5, "all")
    assert (recipe["weight_decay"], recipe["warmup_epochs"]) == (1e-4, 1)
    assert (recipe["clip_norm"], recipe["label_smoothing"]) == (2.0, 0.1)
    assert (recipe["bias"], recipe["augment"]) == (False, ["crop:1"])
    assert record["storage"] | {"codec": "csr", "store_prototype": True} == record["storage"]
    assert (record["data"]["train"], record["data"]["test"]) == (300, 100)
    _, told, _ = call("inspect", "mlp.pemn", "--json")
    tensors = json.loads(told)["tensors"]
    assert [t["positions"]["codec"] for t in tensors if "positions" in t] == ["csr", "csr"]


def test_every_setting_of_a_method_is_in_the_record_and_in_the_archive(call, tmp_path):
    chosen = {
        "order": "shuffle", "score_seed": 4, "search": "biprop", "ranking": "signed",
        "density_schedule": "cubic", "ramp_epochs": 1, "renewal": "recycle", "renewal_every": 1,
        "renewal_rate": 0.25,
    }  # fmt: skip
    options = [f"--{key.replace('_', '-')}={value}" for key, value in chosen.items()]
    options += ["--layer-density", "1.*=0.4", "--layer-density=5.weight=1", "-a", "width=8"]
    code, out, _ = call("compress", "mlp", *QUICK, "--json", "--quiet", *options)
    assert code == 0
    settings = json.loads(out)["settings"]
    assert settings | chosen == settings
    assert settings["layer_density"] == [["1.*", 0.4], ["5.weight", 1.0]]
    _, told, _ = call("inspect", "mlp.pemn", "--json")
    assert json.loads(told)["about"]["settings"] | chosen == json.loads(told)["about"]["settings"]
    _, told, _ = call("inspect", "mlp.pemn")
    assert "renewal recycle" in " ".join(told.split())
    assert call("verify", "mlp.pemn")[0] == 0


def test_a_renewal_that_never_comes_due_is_told(call, tmp_path):
    code, _, err = call("compress", "mlp", *QUICK, "-a", "width=8", "-q", "--renewal", "recycle")
    assert code == 0
    assert "warning: renewal recycle every 10 epochs never comes due in 2; pass" in err


@pytest.mark.parametrize("extension", ["pt2", "safetensors", "pt", "onnx"])
def test_restore_writes_every_format(call, digits, tmp_path, extension):
    code, out, _ = call("restore", digits, "-o", f"m.{extension}")
    assert code == 0
    assert f"m.{extension}" in out
    assert (tmp_path / f"m.{extension}").stat().st_size > 1000
    code, _, err = call("restore", digits, "-o", f"m.{extension}")
    assert (code, "--force" in err) == (2, True)


def test_restore_without_output_writes_a_program_beside_the_archive(call, digits, tmp_path):
    (tmp_path / "copy.pemn").write_bytes(digits.read_bytes())
    assert call("restore", "copy.pemn")[0] == 0
    assert (tmp_path / "copy.pt2").exists()


def test_a_restored_program_runs_with_torch_alone(call, digits, tmp_path):
    assert call("restore", digits, "-o", "m.pt2")[0] == 0
    script = (
        "import sys, torch; net = torch.export.load('m.pt2').module(); "
        "print(tuple(net(torch.zeros(5, 1, 8, 8)).shape), 'pemn_compress' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "(5, 10) False"


def test_evaluate_measures_what_was_recorded(call, digits):
    code, out, _ = call("evaluate", digits, "--data", "digits", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["correct"], told["total"]) == (
        told["recorded"]["correct"],
        told["recorded"]["total"],
    )


def test_inspect_and_verify_and_report_agree_on_the_size(call, digits):
    size = digits.stat().st_size
    code, out, _ = call("inspect", digits)
    assert code == 0
    assert f"{size:,} B" in out
    code, out, _ = call("verify", digits)
    assert code == 0
    assert "sound" in out
    code, out, _ = call("report", digits, "--format", "json")
    assert code == 0
    assert str(size) in out


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_report_of_an_architecture_needs_no_archive(call, form):
    code, out, _ = call("report", "convmixer", "-a", "dim=64", "--ratio", "1e-1", "--format", form)
    assert code == 0
    assert "one-layer" in out


def test_a_model_file_brings_its_data_and_travels_in_the_archive(call, tmp_path):
    source = (REPOSITORY / "examples" / "model.py").read_text()
    (tmp_path / "model.py").write_text(source)
    quick = ("--epochs", "1", "--threads", "1", "-q")
    assert call("compress", "model.py", *quick, "--no-graph")[0] == 0
    code, _, err = call("restore", "model.pemn")
    assert code == 2
    assert "--trust-source" in err
    assert not (tmp_path / "model.pt2").exists()
    assert call("compress", "model.py", *quick, "--force")[0] == 0
    assert call("restore", "model.pemn", "-o", "graph.pt2")[0] == 0
    assert call("restore", "model.pemn", "--trust-source")[0] == 0
    assert call("restore", "model.pemn", "--model", "model.py", "-o", "other.pt2")[0] == 0
    assert call("restore", "model.pemn", "-o", "state.safetensors")[0] == 0
    for way in (["--model", "model.py"], ["--trust-source"]):
        code, out, _ = call("evaluate", "model.pemn", *way, "--json")
        told = json.loads(out)
        assert told["correct"] == told["recorded"]["correct"]


def test_an_archive_without_source_says_what_to_do(call, tmp_path):
    (tmp_path / "model.py").write_text((REPOSITORY / "examples" / "model.py").read_text())
    code, *_ = call("compress", "model.py", "--epochs", "1", "--no-source", "-q", "--threads", "1",
                    "--no-graph")  # fmt: skip
    assert code == 0
    code, _, err = call("restore", "model.pemn", "--trust-source")
    assert code == 2
    assert "--model model.py" in err


def test_archives_go_through_pipes(digits):
    pemn = [sys.executable, "-m", "pemn_compress"]
    made = subprocess.run(
        [*pemn, "compress", "mlp", *QUICK, "-a", "width=8", "-q", "-o", "-"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert b"bit for bit" in made.stderr
    checked = subprocess.run(
        [*pemn, "verify", "-"], input=made.stdout, capture_output=True, check=True
    )
    assert b"standard input: sound" in checked.stdout
    state = subprocess.run(
        [*pemn, "restore", "-", "--to", "safetensors"],
        input=made.stdout, capture_output=True, check=True,
    )  # fmt: skip
    assert b"1.weight" in state.stdout[:2000]


MODEL_FILES = {
    "imports.py": "import no_such_module\n",
    "nobuild.py": "def build(): pass\n",
    "notmodule.py": "def build_model(): return 3\n",
    "syntax.py": "def (:\n",
    "few.py": "from torch import nn\n"
    "def build_model(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 5))\n",
    "shape.py": "from torch import nn\n"
    "def build_model(): return nn.Sequential(nn.Flatten(), nn.Linear(65, 10))\n",
}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["compress", "none.py", *QUICK], ["none.py", "no such file"]),
        (["compress", "imports.py", *QUICK], ["imports.py", "no_such_module", "line 1"]),
        (["compress", "nobuild.py", *QUICK], ["nobuild.py", "build_model", "build"]),
        (["compress", "notmodule.py", *QUICK], ["notmodule.py", "nn.Module", "int"]),
        (["compress", "syntax.py", *QUICK], ["syntax.py", "line 1"]),
        (["compress", "few.py", *QUICK], ["10 classes", "5 outputs"]),
        (["compress", "shape.py", *QUICK], ["(1, 8, 8)"]),
        (["compress", "mlp", *QUICK, "--ratio", "0"], ["ratio", "0 < ratio <= 1", "0.0"]),
        (["compress", "mlp", *QUICK, "--ratio", "1.5"], ["ratio", "1.5"]),
        (["compress", "mlp", *QUICK, "--density", "0"], ["density", "0 < density <= 1"]),
        (["compress", "mlp", *QUICK, "--density", "nan"], ["density", "nan"]),
        (["compress", "mlp", *QUICK, "--strategy", "mq"], ["mask", "one-layer", "mp", "rp"]),
        (["compress", "mlp", *QUICK, "--strategy", "mp", "--ratio", ".1"], ["ratio", "rp"]),
        (["compress", "mlp", *QUICK, "--momentum", ".5"], ["momentum", "sgd"]),
        (["compress", "mlp", *QUICK, "--search", "popup"], ["edge-popup", "supermask", "biprop"]),
        (
            ["compress", "mlp", *QUICK, "--search=supermask", "--renewal=iterand"],
            ["samples another mask in every step", "search edge-popup or biprop"],
        ),
        (
            ["compress", "mlp", *QUICK, "--budget", "global", "--floor", ".6"],
            [
                "floor 0.6",
                "budget at density 0.5",
                "a density of at least 0.6",
                "a floor of at most",
            ],
        ),
        (["compress", "mlp", *QUICK, "--layer-density", "9.*=.5"], ["'9.*'", "1.weight"]),
        (["compress", "mlp", *QUICK, "--layer-density", "0.5"], ["PATTERN=K", "0.5"]),
        (["compress", "mlp", *QUICK, "--order=shuffle", "--strategy=mask"], ["mp or rp"]),
        (["compress", "mlp", *QUICK, "--renewal-rate", ".1"], ["iterand and recycle", "got none"]),
        (["compress", "mlp", *QUICK, "--density-schedule", "cubic"], ["fewer than the 2 epochs"]),
        (
            ["compress", "mlp", *QUICK, "--renewal=iterand", "--store-prototype"],
            ["leaves out the seed", "signed-constant"],
        ),
        (["compress", "mlp", *QUICK, "--seed", "-1"], ["seed", "-1"]),
        (["compress", "mlp", *QUICK, "--epochs", "0"], ["epochs", "1 or more"]),
        (["compress", "mlp", *QUICK, "--augment", "blur"], ["blur", "crop"]),
        (["compress", "mlp", *QUICK, "-a", "widht=3"], ["widht", "width"]),
        (["compress", "mlp", *QUICK, "-a", "width"], ["NAME=VALUE", "width"]),
        (["compress", "mlp", *QUICK, "--exclude", "x*"], ["--exclude", "x*", "1.weight"]),
        (["compress", "mlp", *QUICK, "--device", "warp"], ["warp"]),
        (["compress", "mlpp", *QUICK], ["mlpp", "convmixer", "torchvision:NAME"]),
        (["compress", "torchvision:resnet19", *QUICK], ["resnet18"]),
        (["compress", "torchvision:resnet18", *QUICK], ["channels must be 3"]),
        (["compress", "mlp"], ["--data", "digits"]),
        (["compress", "mlp", "--data", "digit"], ["digit", "cifar10"]),
        (["compress", "mlp", "--data", "npz:none.npz"], ["none.npz"]),
        (["compress", "mlp", "--data", "npz:short.npz"], ["short.npz", "y_train"]),
        (["compress", "mlp", "--data", "folder:none"], ["none"]),
        (["compress", "mlp", "--data", "cifar10"], ["--data-dir", "--download"]),
        (["compress", "mlp", *QUICK, "-o", "no/x.pemn"], ["no/x.pemn", "no"]),
        (["compress", "mlp", *QUICK, "-o", "few.py"], ["few.py", "--force"]),
        (["compress", "mlp", *QUICK, "--record", "few.py"], ["few.py", "--force"]),
        (["compress", "mlp", *QUICK, "--checkpoint", "few.py"], ["few.py", "checkpoint"]),
        (["compress"], ["MODEL"]),
        (["restore", "none.pemn"], ["none.pemn", "no such file"]),
        (["restore", "few.py"], ["few.py", "89 50 45"]),
        (["restore", "empty.pemn"], ["empty.pemn", "empty"]),
        (["inspect", "cut.pemn"], ["cut.pemn", "cut short"]),
        (["restore", "cut.pemn"], ["cut.pemn", "cut short"]),
        (["verify", "altered.pemn"], ["altered.pemn", "SHA-256"]),
        (["restore", "altered.pemn"], ["altered.pemn", "SHA-256"]),
        (["evaluate", "newer.pemn", "--data", "digits"], ["newer.pemn", "newer", "7."]),
        (["restore", "good.pemn", "-o", "x.foo"], [".safetensors", ".foo"]),
        (["restore", "good.pemn", "--max-bytes", "99"], ["at most 99", "--max-bytes"]),
        (["verify", "good.pemn", "--max-weights", "9"], ["at most 9 ", "--max-weights"]),
        (["restore", "good.pemn", "--input-shape", "a"], ["--input-shape", "3,32,32"]),
        (["restore", "good.pemn", "--model", "few.py"], ["does not match"]),
        (["evaluate", "good.pemn", "--data", "npz:other.npz"], ["(1, 8, 8)", "(3, 4, 4)"]),
        (["report", "none/"], ["none"]),
        (["report", "empty.pemn"], ["empty.pemn"]),
        (["report", "resnet21"], ["resnet20"]),
        (["report", "--ratio", "0.1"], ["--ratio", "architecture"]),
        (["report", "convmixer", "--ratio", "7"], ["ratio", "7"]),
        (["shrink"], ["shrink"]),
        (["compress", "mlp", "--fast"], ["--fast"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_gets_one_line_and_status_2_and_changes_nothing(
    call, digits, tmp_path, arguments, told
):
    for name, text in MODEL_FILES.items():
        (tmp_path / name).write_text(text)
    good = digits.read_bytes()
    middle = len(good) // 2
    for name, content in {
        "good.pemn": good,
        "cut.pemn": good[:500],
        "empty.pemn": b"",
        "altered.pemn": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
        "newer.pemn": good[:8] + b"\x07\x00" + good[10:],
    }.items():
        (tmp_path / name).write_bytes(content)
    images, labels = np.zeros((4, 4, 4, 3), np.uint8), np.arange(4)
    np.savez(tmp_path / "other.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    np.savez(tmp_path / "short.npz", x_train=images)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code, out, err = call(*arguments)
    assert code == 2
    assert err.count("\n") == 1, err
    assert err.startswith("pemn: ")
    assert not out
    for word in told:
        assert word in err
    after = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    assert after == before


def test_losses_that_are_not_finite_stop_the_run_and_say_when(call, tmp_path):
    words = ("--strategy", "dense", "--optimizer", "sgd", "--lr", "1e6", "--schedule", "constant")
    code, _, err = call("compress", "mlp", *QUICK, *words, "-q")
    assert code == 2
    assert "epoch 1 of 2, step" in err
    assert list(tmp_path.iterdir()) == []


def test_help_of_every_command_has_an_example_or_says_its_statuses(call):
    code, out, _ = call("--help")
    assert code == 0
    for command in COMMANDS:
        assert command in out
        code, text, _ = call(command, "--help")
        assert code == 0
        assert "Example" in text or "status" in text or command == "evaluate"
    assert call("--version")[1].startswith("pemn, version")


def test_sizes_and_help_load_no_torch(digits):
    for arguments in (["--help"], ["report", str(digits)], ["inspect", str(digits)]):
        script = (
            "import sys\nfrom pemn_compress.cli import main\n"
            f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
            "sys.exit('torch' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
        assert done.returncode == 0, arguments


def test_ctrl_c_leaves_no_broken_file_and_a_second_run_ends_where_one_would_have(tmp_path):
    def command(output):
        return [
            sys.executable, "-m", "pemn_compress", "compress", "mlp", "--data", "digits",
            "--epochs", "25", "--threads", "1", "-a", "width=64", "-o", output,
        ]  # fmt: skip

    resumed = [*command("resumed.pemn"), "--checkpoint", "run.ckpt"]
    running = subprocess.Popen(resumed, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 240
    while not (tmp_path / "run.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=240)
    assert running.returncode == 130
    last = err.strip().splitlines()[-1]
    assert last.startswith("pemn: interrupted after ")
    assert "run.ckpt" in last
    assert sorted(os.listdir(tmp_path)) == ["run.ckpt"]
    again = subprocess.run(resumed, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "going on from run.ckpt" in again.stderr
    subprocess.run(command("alone.pemn"), cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "resumed.pemn").read_bytes() == (tmp_path / "alone.pemn").read_bytes()


def test_archives_without_a_compressor_and_with_digests_of_tensors(call, tmp_path):
    code, _, err = call("compress", "mlp", *QUICK, "--no-zstd", "--tensor-digests", "--quiet")
    assert code == 0, err
    told = json.loads(call("inspect", "mlp.pemn", "--json")[1])
    assert struct.unpack_from("<I", (tmp_path / "mlp.pemn").read_bytes(), 48) == (0,)
    assert all(len(tensor["sha256"]) == 64 for tensor in told["tensors"])
    assert {tensor["values"].get("coding", "raw") for tensor in told["tensors"]} == {"raw"}
    assert call("verify", "mlp.pemn")[0] == 0


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (7, "about, input, shape: expected a list of numbers, got 7"),
        ({"shape": "64"}, "about, input, shape: expected a list of numbers, got 64"),
        ({"shape": [1, 8, 8], "mean": [None], "std": [1]}, "about, input, mean: expected"),
        ({"shape": [1, 8, 8], "mean": [0.5, 0.5], "std": [1, 1]}, "for every channel, got (0.5,"),
        ({"shape": [1, 8, 8], "mean": [0.5], "std": [0]}, "a deviation above 0"),
    ],
)
def test_what_an_archive_claims_of_its_inputs_is_checked(call, tmp_path, told, message):
    model = pemn_compress.build("mlp", classes=10, channels=1, image_size=8, width=4)
    path = tmp_path / "liar.pemn"
    pemn_compress.save(pemn_compress.MaskedModel(model), path, about={"input": told})
    code, out, err = call("evaluate", path, "--data", "digits")
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
