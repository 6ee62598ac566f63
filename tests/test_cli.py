"""The command line: what it refuses, what it leaves behind, and its exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from latentsep.book import chapters, notebooks, rendering
from latentsep.commands import cli
from latentsep.ledger import ledger
from latentsep.runtime import fingerprints, paths


def generated(root):
    build = root / "_build"
    files = [p.relative_to(build) for p in build.rglob("*") if p.is_file()] if build.exists() else []
    return sorted(p.as_posix() for p in files if p.parts[0] != ".scratch")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "7"], "01-small"),
        (["run", "1", "-p", "colour", "red"], "profile, count"),
        (["run", "1", "-p", "count", "0"], "1 to 10"),
        (["run", "1", "-p", "count", "many"], "1 to 10"),
        (["run", "1", "--profile", "fast"], "smoke, book, thesis"),
        (["build", "--profile", "fast"], "smoke, book, thesis"),
        (["bild"], "build"),
        ([], "command"),
        (["ledger"], "latentsep build"),
    ],
)
def test_a_senseless_request_is_one_line_exit_2_and_nothing_written(checkout, capsys, arguments, named):
    root, _ = checkout
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
    assert generated(root) == []


def test_run_executes_with_parameters_and_prints_where(checkout, capsys):
    root, _ = checkout
    assert cli.main(["run", "1", "--profile", "smoke", "-p", "count", "7"]) == 0
    assert generated(root) == ["runs/01-small-profile=smoke-count=7.ipynb"]
    assert capsys.readouterr().out.strip().endswith("runs/01-small-profile=smoke-count=7.ipynb")


def test_a_chapter_as_a_page_of_its_own_comes_with_the_script_that_it_loads(checkout, monkeypatch, capsys):
    root, _ = checkout
    (root / "book" / "references.bib").touch()
    (root / "_config.yml").write_text("title: Small\n")

    def render(source, target, *_, **__) -> None:
        (target / "_build" / "html" / "book").mkdir(parents=True)
        (target / "_build" / "html" / "book" / "page.html").write_text('<script src="../figures/plotly.min.js">')

    monkeypatch.setattr(rendering, "run_jupyter_book", render)
    assert cli.main(["run", "1", "--html"]) == 0
    page = Path(capsys.readouterr().out.splitlines()[-1])
    assert page == root / "_build" / "runs" / "01-small" / "book" / "page.html"
    assert (page.parent / "../figures/plotly.min.js").stat().st_size > 1_000_000


def test_a_failing_cell_is_exit_1_and_keeps_what_was_there(checkout, capsys):
    root, write = checkout
    assert cli.main(["run", "1"]) == 0
    good = (root / "_build" / "runs" / "01-small.ipynb").read_bytes()
    write("raise RuntimeError('the decoder is on strike')")
    assert cli.main(["run", "1"]) == 1
    error = capsys.readouterr().err
    assert "cell 2: RuntimeError: the decoder is on strike" in error
    assert (root / "_build" / "runs" / "01-small.ipynb").read_bytes() == good
    assert str(root / "_build" / "runs" / "01-small.failed.ipynb") in error


def test_status_tells_missing_fresh_and_stale(checkout, capsys):
    _, write = checkout
    chapter = chapters.find("1")

    def status() -> str:
        cli.main(["status", "--profile", "smoke"])
        return capsys.readouterr().out

    assert "missing" in status()
    target = paths.executed() / "book" / "01-small.ipynb"
    notebooks.execute(chapter, chapter.values({"profile": "smoke"}), target)
    assert "fresh" in status()
    write("print(count + 1)")
    assert "stale: text" in status()
    cli.main(["status"])
    assert "stale: text, parameters" in capsys.readouterr().out


def test_status_names_the_rooms_whose_code_has_changed(checkout, capsys, monkeypatch):
    _, write = checkout
    write("from latentsep.models.vae import VAE\nfrom latentsep.training import protocols\nprint(VAE, protocols.SHORT)")
    chapter = chapters.find("1")
    target = paths.executed() / "book" / "01-small.ipynb"
    notebooks.execute(chapter, chapter.values({}), target)
    reached = fingerprints.reached

    def changed(code: str) -> dict[tuple[str, str], str]:
        places = (("latentsep.models.vae", "VAE"), ("latentsep.training.protocols", "SHORT"))
        return {**reached(code), **dict.fromkeys(places, "another text")}

    monkeypatch.setattr(fingerprints, "reached", changed)
    cli.main(["status"])
    assert "stale: code of models and training\n" in capsys.readouterr().out


def test_list_shows_titles_and_costs(checkout, capsys):
    assert cli.main(["list"]) == 0
    assert "Small" in (out := capsys.readouterr().out)
    assert "smoke: a second" in out


def test_ledger_is_printed_from_the_last_build(checkout, capsys):
    entry = ledger.statement("eq-3.3", ledger.Check("why", 0.0, 1.0), "guard")
    paths.ledger().parent.mkdir()
    paths.ledger().write_text(ledger.dump([entry]))
    assert cli.main(["ledger"]) == 0
    assert "eq-3.3" in (out := capsys.readouterr().out)
    assert "1 reproduced" in out


def test_interrupting_a_run_leaves_nothing_half_written(checkout, tmp_path):
    """A real Ctrl-C: the process gets SIGINT while a cell sleeps."""
    root, write = checkout
    write("import pathlib, time\npathlib.Path(r'%s').touch()\ntime.sleep(60)" % (tmp_path / "started"))
    program = (
        "import sys, signal, pathlib; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from latentsep.commands import cli\nfrom latentsep.runtime import paths\n"
        f"paths.root = lambda: pathlib.Path({str(root)!r})\n"
        "sys.exit(cli.main(['run', '1']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    while not (tmp_path / "started").exists():
        assert process.poll() is None, process.stderr.read()
    process.send_signal(2)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "nothing is half-written" in error
    assert generated(root) == []


def test_a_run_about_a_folder_leaves_one_file_whose_name_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli.plan, "carry_out", lambda wanted: None)
    monkeypatch.setattr(cli.notebooks, "execute", lambda chapter, values, target, ledger: None)
    assert cli.main(["run", "IV", "-p", "pictures", str(tmp_path)]) == 0
    target = Path(capsys.readouterr().out.strip())
    assert target.parent == paths.build() / "runs"
    assert target.name == f"IV-photographs-pictures={str(tmp_path.resolve()).replace('/', '_')}.ipynb"
