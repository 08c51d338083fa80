"""What tests share: one thread, so that sums do not depend on the machine; and the command."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from c_tools import check, compiler, single
from leaving_out import left_out
from node_tools import node
from seen_pages import browser

from pemn_compress.cli import main

__all__ = ["browser", "check", "compiler", "node", "single"]  # fixtures, used by their names


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread where it has been imported; torch-free tests never load it."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _compiled_afresh(request: pytest.FixtureRequest) -> None:
    """Forget what other tests compiled: torch counts how often one forward() is compiled anew."""
    dynamo = sys.modules.get("torch._dynamo")
    if dynamo is not None and "compile" in request.node.name:
        dynamo.reset()


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[object, str, str]]:
    """Run `pemn` in an empty folder: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as exit_:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return exit_.value.code, out, err

    return run


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say in the last line what was left out, and how to have it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for line in left_out(reporter.stats.get("skipped", [])) if reporter else ():
        reporter.write_line(line)
