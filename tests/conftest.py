"""What every test shares: records of its own, reproducible examples, and never a look at the clock."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# Before torch is imported, and for every process that a test starts: see ``set_num_threads`` below.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import joblib
import pytest
import torch
from hypothesis import settings

from latentsep.runtime import paths

# Derandomised, so that a failure on one machine is a failure on every machine; no deadline, so that
# a busy machine fails nothing.
settings.register_profile("latentsep", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("latentsep")
# One thread: the tensors here are small, and two threads that wait for each other take ten times as
# long as one where other work keeps a core busy.
torch.set_num_threads(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in a line each which tests of the pages were left out, and why: one skip stands for all of them."""
    skipped = terminalreporter.stats.get("skipped", ())
    reasons = {report.longrepr[2] for report in skipped if report.nodeid.startswith("tests/browser/")}
    for reason in sorted(reasons):
        terminalreporter.write_line(reason.removeprefix("Skipped: "))


@pytest.fixture(autouse=True, scope="session")
def own_history() -> Iterator[None]:
    """Kernels keep a history in a database, on which those of tests that run side by side would wait."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as context:
        context.setenv("IPYTHONDIR", folder)
        yield


@pytest.fixture(autouse=True)
def records_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty records folder for every test; messages go to stderr unless a test asks for ``said``."""
    folder = tmp_path / "records"
    monkeypatch.setenv("LATENTSEP_RECORDS", str(folder))
    for name in (
        "LATENTSEP_PROGRESS",
        "LATENTSEP_WITNESS",
        "LATENTSEP_PLANNED",
        "LATENTSEP_CLUSTER",
        "GITHUB_REPOSITORY",
    ):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Call it for the messages given through ``progress.say`` so far."""
    path = tmp_path / "said"
    monkeypatch.setenv("LATENTSEP_PROGRESS", str(path))

    def messages() -> list[str]:
        events = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [event["say"] for event in events if "say" in event]

    return messages


@pytest.fixture
def fresh_workers() -> Iterator[None]:
    """Workers that are started for this test, with its environment, and do not outlive it."""

    def end() -> None:
        joblib.externals.loky.get_reusable_executor().shutdown(wait=True, kill_workers=True)

    end()
    yield
    end()


@pytest.fixture
def float64() -> Iterator[None]:
    """Double precision throughout, where a comparison is to be sharper than single precision allows."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A book of one small chapter, away from the real one."""
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "_static").mkdir()
    (tmp_path / "book" / "references.bib").touch()
    (tmp_path / "_config.yml").write_text("title: Small\n")
    shutil.copy(paths.root() / "CITATION.cff", tmp_path)
    (tmp_path / "_toc.yml").write_text("root: book/01-small\nchapters: []\n")
    monkeypatch.setattr(paths, "root", lambda: tmp_path)

    def write(code: str) -> None:
        (tmp_path / "book" / "01-small.md").write_text(
            "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n"
            "kernelspec:\n  name: python3\n  display_name: Python 3\n  language: python\n"
            "cost:\n  smoke: a second\n---\n\n"
            '# Small\n\n```{code-cell} ipython3\n:tags: [parameters]\n\nprofile = "book"  # smoke | book | thesis\n'
            f"count = 3  # 1..10\n```\n\n```{{code-cell}} ipython3\n{code}\n```\n"
        )

    write("print(count)")
    return tmp_path, write
