"""What the README, the pages and the examples show is true."""

import json
import os
import re
import runpy
import subprocess
import sys
from importlib import import_module

import pytest
import torch
from pages import REPOSITORY, blocks, run_page

import pemn_compress
from pemn_compress.cli import COMMANDS
from pemn_compress.format.archive import verify
from pemn_compress.importing.alone import CONSTANT, ROW_SIGNS, SIGNS, VALUES
from pemn_compress.importing.shared import FEW_VALUES, PROTOTYPE
from pemn_compress.masking.rules import methods
from pemn_compress.masking.rules.pruning import TRAINED_STRATEGIES
from pemn_compress.masking.rules.strategies import DISTRIBUTIONS, STRATEGIES
from pemn_compress.masking.selection import plan_model
from pemn_compress.models import ARCHITECTURES, build, parameters_of
from pemn_compress.training import recipes

README = (REPOSITORY / "README.md").read_text()
# pages with tests of their own; that of ecosystem.md is in tests/zoo, where its packages are
APART = {
    "adding-a-search.md", "ecosystem.md", "importing.md", "masking.md", "pretrained.md",
    "restoring.md",
}  # fmt: skip
PAGES = sorted(
    page.name
    for page in (REPOSITORY / "docs").glob("*.md")
    if page.name not in APART and {"python", "sh"} & {kind for kind, _ in blocks(page.name)}
)
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def test_the_readme_names_every_command_and_strategy():
    for name in COMMANDS:
        assert f"`{name}`" in README or f"pemn {name}" in README, name
    for name in STRATEGIES:
        assert f"`{name}`" in README, name


def test_the_page_of_strategies_names_all_there_are():
    page = (REPOSITORY / "docs" / "strategies.md").read_text()
    registries = (STRATEGIES, TRAINED_STRATEGIES, DISTRIBUTIONS, methods.SEARCHES, recipes.names())
    names = {name for registry in registries for name in registry} | set(methods.RENEWALS)
    for name in names - {"none"}:
        assert f"`{name}`" in page, name


def test_the_page_of_python_has_every_public_name_from_where_it_is_defined():
    page = (REPOSITORY / "docs" / "api.md").read_text()
    entries = re.findall(r"^::: ([\w.]+)\.(\w+)\n    options:\n(.*\n.*)$", page, re.MULTILINE)
    shown = []
    for module, name, options in entries:
        (public,) = re.findall(r"heading: pemn_compress\.(\w+)\n      toc_label: \1$", options)
        assert getattr(import_module(module), name) is getattr(pemn_compress, public)
        shown.append(public)
    assert sorted([*shown, "__version__"]) == sorted(pemn_compress.__all__)


def test_every_page_stands_in_the_nav_of_the_site():
    site = (REPOSITORY / "mkdocs.yml").read_text()
    pages = {page.relative_to(REPOSITORY).as_posix() for page in (REPOSITORY / "docs").glob("*.md")}
    assert pages == set(re.findall(r"docs/[\w-]+\.md", site))


def test_the_citation_is_of_this_version():
    citation = (REPOSITORY / "CITATION.cff").read_text()
    assert f"\nversion: {pemn_compress.__version__}\n" in citation


def test_the_notebook_runs_and_holds_no_outputs():
    notebook = json.loads((REPOSITORY / "examples" / "tutorial.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    scope = {}
    for cell in cells:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        exec("".join(cell["source"]), scope)
    assert scope["made"].accuracy > 0.85
    assert not scope["place"].exists()


def test_the_readmes_commands_exist():
    for line in re.findall(r"^pemn (\w+)", README, re.MULTILINE):
        assert line in COMMANDS
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert f"\n{target}:" in makefile


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


def test_the_page_of_architectures_tells_their_sizes_and_the_help_their_names(call):
    helped = call("compress", "--help")[1]
    assert [name for name in ARCHITECTURES if not re.search(rf"\b{name}\b", helped)] == []
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


def test_the_page_about_pretrained_weights_builds_what_it_says(call, capsys):
    run_page("pretrained.md", call, lambda: capsys.readouterr().out)
    scope = runpy.run_path("finetune.py")
    assert scope["build_model"](classes=3, trained=False)(torch.zeros(1, 3, 64, 64)).shape == (1, 3)


def test_the_page_about_masking_does_what_it_says(call, capsys, tmp_path):
    run_page("masking.md", call, lambda: capsys.readouterr().out)
    assert verify(tmp_path / "pruned.pemn")


def test_the_pages_links_lead_somewhere():
    for page in [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)


def test_the_page_about_restoring_does_what_it_says(call, capsys, tmp_path):
    scope = run_page("restoring.md", call, lambda: capsys.readouterr().out)
    assert scope["same"]
    assert scope["logits"].shape == (5, 17, 4)
    for name in ("digits.pt", "digits.pt2", "digits.npz", "digits.safetensors"):
        assert (tmp_path / name).stat().st_size > 0


def test_the_pages_files_exist():
    for page in [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")]:
        for named in re.findall(r"`((?:tests|pemn_compress|examples)/[\w/.]+)`", page.read_text()):
            assert named.endswith("noisy_popup.py") or (REPOSITORY / named).exists(), named


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_runs(call, capsys, page):
    run_page(page, call, lambda: capsys.readouterr().out)
