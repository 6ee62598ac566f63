"""What every test shares: records of its own, reproducible examples, and never a look at the clock."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from latentsep import paths

# Derandomised, so that a failure on one machine is a failure on every machine; no deadline, so that
# a busy machine fails nothing.
settings.register_profile("latentsep", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("latentsep")
# One thread: the tensors here are small, and two threads that wait for each other take ten times as
# long as one where other work keeps a core busy.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def records_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty records folder for every test; messages go to stderr unless a test asks for ``said``."""
    folder = tmp_path / "records"
    monkeypatch.setenv("LATENTSEP_RECORDS", str(folder))
    monkeypatch.delenv("LATENTSEP_PROGRESS", raising=False)
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
