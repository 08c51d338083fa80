"""What the README and the examples show is true."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pemn_compress.cli import COMMANDS
from pemn_compress.format.archive import verify
from pemn_compress.importing.alone import CONSTANT, ROW_SIGNS, SIGNS, VALUES
from pemn_compress.importing.shared import FEW_VALUES, PROTOTYPE
from pemn_compress.masking.rules.strategies import STRATEGIES
from pemn_compress.masking.selection import plan_model
from pemn_compress.models import ARCHITECTURES, build, parameters_of
from pemn_compress.training import recipes

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text()
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def test_the_readme_names_every_command_strategy_and_recipe():
    for name in [*COMMANDS, *STRATEGIES, *(set(recipes.names()) - {"default"})]:
        assert name in README, name
    for name in set(ARCHITECTURES) - {"conv4", "conv6"}:
        assert f"`{name}`" in README, name


def test_the_readmes_commands_exist():
    for line in re.findall(r"^pemn (\w+)", README, re.MULTILINE):
        assert line in COMMANDS
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert f"\n{target}:" in makefile


def test_the_readmes_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (REPOSITORY / target).exists(), target


def test_the_readmes_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    scope = {}
    exec(code, scope)
    assert (tmp_path / "model.pemn").exists()
    assert list(scope["model"].state_dict()) == list(scope["masked"].to_plain().state_dict())


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["own_loop.py"], "outputs equal bit for bit: True"),
        (
            ["compare_strategies.py", "mlp", "--data", "digits", "--epochs", "1", "-a", "width=8"],
            "| rp 1e-3 |",
        ),
        (
            ["compare_methods.py", "--epochs", "1", "--seeds", "2", "-a", "width=8"],
            "biprop + recycle, kaiming-normal, 0.1 > biprop, kaiming-normal, 0.1",
        ),
        (
            ["mask_similarity.py", "--epochs", "1", "--seeds", "2", "-a", "width=8"],
            "0.51 at density 0.5 means 0.34, not the 0.25",
        ),
    ],
)
def test_the_examples_run(tmp_path, command, told):
    script = REPOSITORY / "examples" / command[0]
    done = subprocess.run(
        [sys.executable, script, *command[1:]],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told in done.stdout


def test_the_page_about_adding_a_search_does_what_it_says(monkeypatch, capsys):
    from pemn_compress.masking import search
    from pemn_compress.masking.rules import methods

    for registry in (search.SEARCHES, methods.SEARCHES):
        monkeypatch.setitem(registry, "noisy-popup", None)  # what the page adds goes again
    page = (REPOSITORY / "docs" / "adding-a-search.md").read_text()
    scope = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(code, scope)
    assert float(capsys.readouterr().out) > 0.8
    assert scope["made"].record["settings"]["search"] == "noisy-popup"
    verify(scope["made"].archive)


def test_the_page_about_importing_does_what_it_says(call, capsys, tmp_path):
    page = (REPOSITORY / "docs" / "importing.md").read_text()
    (commands,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    net = build("conv2", {"width": 0.1, "image_size": 8})
    state = {}
    for number, (name, tensor) in enumerate(net.named_parameters()):
        if name.endswith("weight"):
            state[f"module.layers.{number}.weight"] = tensor.detach()
            state[f"module.layers.{number}.scores"] = torch.randn(tensor.shape)
    torch.save(
        {"state_dict": state, "conv_type": "SubnetConv", "prune_rate": 0.5}, "model_best.pth"
    )
    for line in commands.splitlines():
        code_, _, err = call(*line.split()[1:])
        assert code_ == 0, err
    exec(code, {})
    assert (
        "needs unpickling of code (torch.nn.modules.loss.CrossEntropyLoss), which is refused"
        in (capsys.readouterr().out)
    )
    for kind in (CONSTANT, SIGNS, ROW_SIGNS, PROTOTYPE, FEW_VALUES, VALUES):
        assert f"\n| {kind} |" in page


def test_the_page_of_architectures_tells_their_sizes(tmp_path, monkeypatch):
    page = (REPOSITORY / "docs" / "architectures.md").read_text()
    rows = re.findall(r"^\| (`.*?) \| (.*?) \| (.*?) \|", page, re.MULTILINE)
    told = {}
    for names, arguments, sizes in rows:
        numbers = [int(size.replace(",", "")) for size in re.findall(r"\d[\d,]*", sizes)]
        for name, size in zip(re.findall(r"`(.*?)`", names), numbers, strict=False):
            told[name] = size
            assert set(re.findall(r"`(\w+)`", arguments)) <= set(parameters_of(name)), name
    assert told.keys() == ARCHITECTURES.keys()
    for name, size in told.items():
        with torch.device("meta"):
            plan = plan_model(build(name, {}))
        assert sum(tensor.numel for tensor in plan.tensors) == size, name
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    scope = {}
    exec(code, scope)
    assert scope["build_model"](classes=3, trained=False)(torch.zeros(1, 3, 64, 64)).shape == (1, 3)


def test_the_page_about_masking_does_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page, scope = (REPOSITORY / "docs" / "masking.md").read_text(), {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(code, scope)
    assert verify(tmp_path / "pruned.pemn")


def test_the_pages_links_lead_somewhere():
    for page in (REPOSITORY / "docs").glob("*.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)


def test_the_page_about_restoring_does_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (REPOSITORY / "docs" / "restoring.md").read_text()
    scope = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(code, scope)
    assert scope["same"]
    assert scope["logits"].shape == (5, 17, 4)
    (commands,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    commands = re.sub(
        r"^pemn ", f"'{sys.executable}' -m pemn_compress ", commands, flags=re.MULTILINE
    )
    subprocess.run(["sh", "-e", "-c", commands], env=ENVIRONMENT, check=True, capture_output=True)
    for name in ("digits.pt", "digits.pt2", "digits.npz", "digits.safetensors"):
        assert (tmp_path / name).stat().st_size > 0


def test_the_pages_files_exist():
    for page in (REPOSITORY / "docs").glob("*.md"):
        for named in re.findall(r"`((?:tests|pemn_compress|examples)/[\w/.]+)`", page.read_text()):
            assert named.endswith("noisy_popup.py") or (REPOSITORY / named).exists(), named


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    "page",
    [
        "comparing.md",
        "data.md",
        "few-bytes.md",
        "model-file.md",
        "page.md",
        "rivals.md",
        "running.md",
        "tasks.md",
        "training.md",
    ],
)
def test_every_block_of_a_page_runs(tmp_path, monkeypatch, call, page):
    """Python runs in one scope, or is the file that its first line names; sh is typed as it is."""
    monkeypatch.chdir(tmp_path)
    scope, kinds = {}, set()
    text = (REPOSITORY / "docs" / page).read_text()
    for kind, code in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        kinds.add(kind)
        name = re.match(r"# (\w+\.py)\n", code)
        if name:
            (tmp_path / name[1]).write_text(code)
        elif kind == "python":
            exec(code, scope)
        elif kind == "sh":
            for line in code.splitlines():
                command, *words = shlex.split(line)
                if command == "pemn":
                    status, _, err = call(*words)
                    assert status == 0, f"{line}: {err}"
                else:
                    subprocess.run([command, *words], check=True)
        else:
            assert kind == "text", f"a block of {page} that nothing runs"
    assert {"python", "sh"} <= kinds


def test_the_page_about_sweeps_does_what_it_says(call):
    page = (REPOSITORY / "docs" / "sweeps.md").read_text()
    (grid,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (commands,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    (listed,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    Path("digits.toml").write_text(grid)
    outputs = []
    for line in commands.splitlines():
        status, out, err = call(*shlex.split(line)[1:])
        assert status == 0, f"{line}: {err}"
        outputs.append(out)
    assert outputs[0] == listed
    assert outputs[1] == "4 runs finished, 0 failed, in runs/digits-small\n"
    assert "8 runs, in runs/digits-small" in outputs[2]
