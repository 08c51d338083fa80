"""PemnModel: folders as the hub has them, the card, and what a stranger's repository cannot do.

The hub itself is not asked: `push_to_hub` uploads to a folder (the mixin's HfApi is replaced), and
`hf_hub_download` fetches from there.
"""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import errors
from torch import nn
from trainable import masked, net

import pemn_compress
from pemn_compress import PemnModel
from pemn_compress.compressing import compress
from pemn_compress.errors import (
    ArchiveError,
    ModelError,
    OutputError,
    PemnWarning,
    SettingError,
    install,
)
from pemn_compress.format.archive import Limits, opening

MODEL = """
from pathlib import Path
from torch import nn

Path("ran").touch()


def build_model():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
"""


@pytest.fixture(scope="module")
def made() -> Any:
    return compress("mlp", data="digits", arguments={"width": 8}, epochs=1)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def model(made: Any) -> PemnModel:
    return PemnModel(made.archive)


def files(folder: str | Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_a_folder_holds_the_archive_and_comes_back(model: PemnModel, made: Any) -> None:
    model.save_pretrained("one")
    model.save_pretrained("other/inner")
    found = files("one")
    assert found == files("other/inner")
    assert found["model.pemn"] == made.archive
    assert json.loads(found["config.json"]) == {"archive": "model.pemn"}
    assert sorted(found) == ["README.md", "config.json", "model.pemn"]
    back = PemnModel.from_pretrained("one")
    inputs = torch.randn(5, 1, 8, 8)
    assert torch.equal(back(inputs), made.model(inputs))
    assert not back.training
    back.save_pretrained("one")  # once more, and nothing changes
    assert files("one") == found
    assert PemnModel(Path("one/model.pemn")).archive == made.archive


def test_the_card_tells_the_account_and_how_to_load(model: PemnModel, made: Any) -> None:
    model.save_pretrained("one")
    text = Path("one/README.md").read_text()
    _, head, body = text.split("---\n", 2)
    told = yaml.safe_load(head)
    assert told["library_name"] == "pemn-compress"
    assert "license" not in told
    size = len(made.archive)
    for words in (
        f"{size:,} B, ",
        "| C_w weight values |",
        "| C_m masks |",
        "| C_d dense parameters |",
        f"- **accuracy**: {100 * made.accuracy:.2f} %, ",
        "times smaller than",
        "of digits, as recorded",
        "strategy rp, ratio 0.01, density 0.5, ",
        "search edge-popup, ",
        "seed 0",
    ):
        assert words in body, words
    (code,) = [part.partition("```")[0] for part in body.split("```python\n")[1:]]
    assert len(code.splitlines()) == 3
    scope = {"inputs": torch.randn(2, 1, 8, 8)}
    exec(code.replace("USER/NAME", "one"), scope)
    assert scope["outputs"].shape == (2, 10)
    card = str(model.generate_model_card(license="mit", tags=("digits",), repo_id="me/it"))
    told = yaml.safe_load(card.split("---\n")[1])
    assert told["license"] == "mit"
    assert told["tags"] == ["digits", "model-compression", "model_hub_mixin", "pemn"]
    assert 'from_pretrained("me/it")' in card


def test_the_card_tells_of_the_run_whose_record_it_is_given(made: Any) -> None:
    Path("run.json").write_text(json.dumps(made.record))
    for record in (made.record, "run.json"):
        card = str(PemnModel(made.archive, record=record).generate_model_card())
        assert "- **samples**: 1438 train, 0 validation, 359 test" in card
        assert f"- **made with**: pemn-compress {pemn_compress.__version__}, torch " in card
        assert made.record["archive"]["sha256"] in card
    other = made.record | {"archive": made.record["archive"] | {"sha256": "0" * 64}}
    with pytest.raises(SettingError, match="record: is the record of another archive"):
        PemnModel(made.archive, record=other)
    with pytest.raises(pemn_compress.PemnError, match="record: no record of a run"):
        PemnModel(made.archive, record={"a": 1})


@pytest.mark.parametrize("kind", ["masked", "plain"])
def test_models_of_ones_own_need_no_code_where_inputs_are_given(kind: str) -> None:
    trained = masked() if kind == "masked" else net()
    inputs = torch.rand(3, 1, 6, 6)
    expected = trained.eval()(inputs)
    made = PemnModel.from_model(trained, inputs=inputs)
    assert trained(inputs).equal(expected), "the model is as it was"
    made.save_pretrained("one")
    assert "# no code of the repository is run" in Path("one/README.md").read_text()
    assert torch.equal(PemnModel.from_pretrained("one")(inputs), expected)


def test_without_a_graph_a_model_to_fill_is_asked_for() -> None:
    with pytest.raises(ModelError):
        PemnModel.from_model(masked())
    made = PemnModel.from_model(masked(), model=net())
    made.save_pretrained("one")
    assert 'from_pretrained("USER/NAME", model=build_model())' in Path("one/README.md").read_text()
    with pytest.raises(ModelError):
        PemnModel.from_pretrained("one")
    inputs = torch.rand(3, 1, 6, 6)
    filled = PemnModel.from_pretrained("one", model=nn.Sequential(*net()))
    assert torch.equal(filled(inputs), made(inputs))


def test_no_code_of_a_repository_is_run_whatever_its_config_says(call: Any) -> None:
    Path("model.py").write_text(MODEL)
    words = ("--data", "digits", "--epochs", "1", "--train-limit", "64", "--no-graph", "-q")
    status, _, err = call("compress", "model.py", *words)
    assert status == 0, err
    Path("one").mkdir()
    shutil.move("model.pemn", "one/model.pemn")
    config = {"trust_source": True, "archive": "../model.py", "model": "model.py", "config": {}}
    Path("one/config.json").write_text(json.dumps(config))
    Path("model.py").unlink()
    Path("ran").unlink()
    with pytest.raises(ModelError, match="trust"):
        PemnModel.from_pretrained("one")
    assert not Path("ran").exists()
    opened = PemnModel.from_pretrained("one", trust_source=True)
    assert Path("ran").exists()
    card = str(opened.generate_model_card())
    assert "trust_source=True)  # runs the model file inside: only if you trust its author" in card
    Path("one/config.json").write_text("{no json")
    assert PemnModel.from_pretrained("one", trust_source=True).archive == opened.archive


def test_limits_are_those_of_any_reader(model: PemnModel) -> None:
    model.save_pretrained("one")
    with pytest.raises(ArchiveError, match="expected at most"):
        PemnModel.from_pretrained("one", limits=Limits(max_weights=10))
    broken = bytearray(Path("one/model.pemn").read_bytes())
    broken[-1] ^= 1
    Path("one/model.pemn").write_bytes(broken)
    with pytest.raises(ArchiveError):
        PemnModel.from_pretrained("one")


def test_a_model_that_was_changed_is_not_written(model: PemnModel) -> None:
    model.save_pretrained("one")
    before = files("one")
    with torch.no_grad():
        next(model.model.parameters()).add_(1)
    with pytest.raises(ModelError, match="was changed since its archive was opened"):
        model.save_pretrained("one")
    with pytest.raises(ModelError, match="was changed since"):
        model.push_to_hub("me/it")
    assert files("one") == before


def test_a_card_that_is_there_stays_and_is_told(model: PemnModel) -> None:
    Path("one").mkdir()
    Path("one/README.md").write_text("mine")
    with pytest.warns(PemnWarning, match=r"README.md: is there, and was left as it is"):
        model.save_pretrained("one")
    assert Path("one/README.md").read_text() == "mine"
    with pytest.raises(OutputError, match=r"README.md: expected a folder to write into"):
        model.save_pretrained("one/README.md")
    model.save_pretrained("own", config={"a": 1}, model_card_kwargs={"license": "mit"})
    assert json.loads(Path("own/config.json").read_text()) == {"a": 1}
    assert "\nlicense: mit\n" in Path("own/README.md").read_text()


class Api:
    """What the mixin asks of the hub, on a folder."""

    token: Any = None

    def __init__(self, token: Any = None) -> None:
        Api.token = token

    def create_repo(self, *, repo_id: str, private: Any, exist_ok: bool) -> Any:
        assert exist_ok
        (Path("hub") / repo_id).mkdir(parents=True, exist_ok=True)
        return type("Repository", (), {"repo_id": repo_id})

    def upload_folder(self, *, repo_id: str, folder_path: Any, revision: Any, **more: Any) -> str:
        assert more["repo_type"] == "model"
        place = Path("hub") / repo_id / (revision or "main")
        shutil.copytree(folder_path, place)
        return f"https://hub/{repo_id}/commit/1"


def test_pushed_and_had_again(model: PemnModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(repo_id: str, filename: str, *, revision: Any, **more: Any) -> str:
        assert more["token"] == "secret"
        return str(Path("hub") / repo_id / (revision or "main") / filename)

    monkeypatch.setattr("huggingface_hub.hub_mixin.HfApi", Api)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert model.push_to_hub("me/it", token="secret") == "https://hub/me/it/commit/1"
    assert Api.token == "secret"
    assert sorted(files("hub/me/it/main")) == ["README.md", "config.json", "model.pemn"]
    assert 'from_pretrained("me/it")' in Path("hub/me/it/main/README.md").read_text()
    told = model.save_pretrained("one", push_to_hub=True, repo_id="me/it", branch="v2")
    assert told == "https://hub/me/it/commit/1"
    for revision in (None, "v2"):
        back = PemnModel.from_pretrained("me/it", revision=revision, token="secret")
        assert back.archive == model.archive


def test_places_without_an_archive_are_told_in_a_line(model: PemnModel) -> None:
    model.save_pretrained("one")
    Path("empty").mkdir()
    for place, more, told in (
        ("empty", {}, "empty: expected model.pemn in it"),
        ("one/model.pemn", {}, r"got a file; PemnModel\('one/model.pemn'\) opens an archive"),
        ("./no/such/thing", {}, "./no/such/thing: no folder, and model.pemn cannot be had"),
        ("me/none", {"local_files_only": True}, "me/none: no folder, and model.pemn cannot be had"),
        ("bad\x1b[31m", {}, r"bad\\x1b\[31m: no folder"),
    ):
        with pytest.raises(ModelError, match=told) as caught:
            PemnModel.from_pretrained(place, **more)
        assert str(caught.value).isprintable()
    with pytest.raises(SettingError, match="revision 'v1': is of a repository"):
        PemnModel.from_pretrained("one", revision="v1")
    with pytest.raises(ArchiveError, match=r"none.pemn: no such file"):
        PemnModel("none.pemn")
    for place in ("", "bad\0name", None, 5):
        with pytest.raises(
            SettingError, match="from_pretrained: expected a folder or a repository"
        ):
            PemnModel.from_pretrained(place)


def test_what_the_hub_says_is_told_in_words_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"a repository of that name: expected USER/NAME, of let"):
        PemnModel.from_pretrained("no/such/x")
    for error, told in (
        (errors.GatedRepoError, "it is gated: ask for access"),
        (errors.RepositoryNotFoundError, "the hub has none, or it is priv"),
        (errors.RevisionNotFoundError, "it has no revision 'v9'"),
        (errors.LocalEntryNotFoundError, "the hub cannot be asked, and the cache has not"),
        (errors.RemoteEntryNotFoundError, "it has no model.pemn"),
        (OSError, "OSError:"),
    ):

        def download(*args: Any, error: type[Exception] = error, **more: Any) -> str:
            raise error.__new__(error)  # what their constructors want differs between versions

        monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
        with pytest.raises(ModelError, match=f"^me/it: no folder, .* of that name: {told}") as seen:
            PemnModel.from_pretrained("me/it", revision="v9")
        assert str(seen.value).isprintable()


def test_keywords_of_other_libraries_are_answered(model: PemnModel) -> None:
    model.save_pretrained("one")
    for name in ("device", "device_map", "torch_dtype"):
        with pytest.raises(SettingError, match=rf"unknown setting '{name}'; .* call \.to\("):
            PemnModel.from_pretrained("one", **{name: "cpu"})
    with pytest.raises(SettingError, match="'revison'; did you mean revision"):
        PemnModel.from_pretrained("one", revison="main")
    with pytest.raises(SettingError, match="'xyz'; expected one of: revision, token, cache_dir"):
        PemnModel.from_pretrained("one", xyz=1)


def test_what_nobody_could_open_asks_for_inputs() -> None:
    with pytest.raises(ModelError, match=r"from_model: .* expected inputs=, an example of what"):
        PemnModel.from_model(nn.Linear(2, 2))
    with pytest.raises(SettingError, match=r"from_model: expected a torch\.nn\.Module, got 'abc'"):
        PemnModel.from_model("abc")


def test_a_file_is_read_once(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("one.pemn").write_bytes(made.archive)
    opened = []

    def counted(path: str, mode: str) -> Any:
        opened.append(path)
        return Path(path).open(mode)

    monkeypatch.setattr(opening, "open", counted, raising=False)
    assert PemnModel("one.pemn").archive == made.archive
    assert opened == ["one.pemn"]


def test_without_the_package_one_line_names_the_extra() -> None:
    code = """
import sys
sys.modules["huggingface_hub"] = None
import pemn_compress
try:
    pemn_compress.PemnModel
except pemn_compress.PemnError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told = f"PemnModel needs the hub extra: {install('hub')} (import of "
    assert run.stdout.startswith(told)
    assert run.stdout.count("\n") == 1


def test_nothing_warns_on_the_usual_road(model: PemnModel) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.save_pretrained("one")
        PemnModel.from_pretrained("one")
