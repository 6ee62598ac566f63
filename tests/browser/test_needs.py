"""Whether pages can be tested at all: the one test that is left where they cannot."""

import pytest

from browser import needs


def test_there_are_a_book_and_a_browser_to_test_it_with():
    if lacking := needs.missing():
        pytest.skip(f"pages were not tested in a browser: {lacking}")


def test_a_named_browser_is_the_one_and_no_other(monkeypatch, tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    monkeypatch.setenv("LATENTSEP_BROWSER", str(mine))
    assert needs.browser() == str(mine)
    monkeypatch.setenv("LATENTSEP_BROWSER", str(tmp_path / "none"))
    assert needs.browser() is None
    monkeypatch.delenv("LATENTSEP_BROWSER")
    (tmp_path / "google-chrome").write_text("#!/bin/sh\n")
    (tmp_path / "google-chrome").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert needs.browser() == str(tmp_path / "google-chrome")
