"""Files that are whole or absent, whatever happens to the process that writes them."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from latentsep.runtime import files
from latentsep.runtime.files import scratch, temporary, write_whole


def run(program: str, *arguments: object) -> subprocess.Popen:
    """Start a process that says ``ready`` when it has come as far as it shall."""
    source = str(Path(files.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen, number: int | None = None) -> None:
    """Kill a process, or let it end by itself."""
    if number is not None:
        process.send_signal(number)
    process.communicate(timeout=60)


def folders(base: Path) -> list[Path]:
    return sorted(p for p in (base / ".scratch").iterdir() if p.is_dir())


@pytest.mark.parametrize("base", [None, "elsewhere"])
def test_a_file_is_written_with_all_its_content_for_everyone_to_read(base, tmp_path):
    path = tmp_path / "folder" / "inside" / "file"
    for content in (b"one" * 10_000, b"", b"two"):
        write_whole(path, content, base and tmp_path / base)
        assert path.read_bytes() == content
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        assert list(path.parent.iterdir()) == [path]


def test_without_a_base_nothing_but_the_file_is_left(tmp_path):
    write_whole(tmp_path / "file", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize("base", [None, "elsewhere"])
@pytest.mark.parametrize("step", ["fchmod", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("no space left on device"), KeyboardInterrupt()])
def test_what_fails_leaves_the_file_as_it_was_and_no_other(step, base, error, tmp_path, monkeypatch):
    path, base = tmp_path / "folder" / "file", base and tmp_path / base
    write_whole(path, b"before", base)

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as context:
        context.setattr(os, step, fail)
        with pytest.raises(type(error)):
            write_whole(path, b"after", base)
    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]
    assert base is None or list(scratch(base).iterdir()) == []


HALF_WAY = """
import os, sys
from pathlib import Path
from latentsep.runtime import files
def stop(*_):
    print("ready", flush=True)
    sys.stdin.read()
setattr(os, sys.argv[2], stop)
base = Path(sys.argv[1])
files.write_whole(base / "file", b"after" * 1000, base)
"""


@pytest.mark.parametrize("step", ["fchmod", "fsync", "replace"])
@pytest.mark.parametrize("before", [None, b"before"])
def test_a_process_that_is_killed_in_the_middle_leaves_the_file_as_it_was(step, before, tmp_path):
    path = tmp_path / "file"
    if before is not None:
        path.write_bytes(before)
    end(run(HALF_WAY, tmp_path, step), signal.SIGKILL)
    assert (path.read_bytes() if path.exists() else None) == before
    assert len(folders(tmp_path)) == 1  # what it left
    write_whole(path, b"next", tmp_path)
    assert path.read_bytes() == b"next"
    assert folders(tmp_path) == [scratch(tmp_path)]  # which the next one clears away
    assert sorted(p.name for p in tmp_path.iterdir()) == [".scratch", "file"]


HOLDER = """
import sys
from pathlib import Path
from latentsep.runtime import files
folder = files.scratch(Path(sys.argv[1]))
(folder / "half-done" / "deep").mkdir(parents=True)
(folder / "half-done" / "deep" / "file").write_text("x" * 1000)
print("ready", flush=True)
sys.stdin.read()
"""


def test_the_folder_of_a_process_that_is_gone_is_cleared_and_that_of_one_alive_is_not(tmp_path):
    alive, dead = run(HOLDER, tmp_path), run(HOLDER, tmp_path)
    try:
        assert len(folders(tmp_path)) == 2
        end(dead, signal.SIGKILL)
        assert len(folders(tmp_path)) == 2
        mine = scratch(tmp_path)
        (theirs,) = set(folders(tmp_path)) - {mine}
        assert (theirs / "half-done" / "deep" / "file").exists()
        files._clear(tmp_path / ".scratch")  # what any later process does
        assert (theirs / "half-done" / "deep" / "file").exists()
        assert mine.is_dir()
    finally:
        end(alive)
    assert folders(tmp_path) == [mine]


def test_a_process_that_ends_takes_its_folder_along(tmp_path):
    end(run(HOLDER, tmp_path))
    assert [p.name for p in (tmp_path / ".scratch").iterdir() if p.name != "lock"] == []


def test_a_process_that_is_interrupted_takes_its_folder_along(tmp_path):
    end(run(HOLDER, tmp_path), signal.SIGINT)
    assert folders(tmp_path) == []


def test_a_folder_stays_the_same_and_comes_back_if_it_was_removed(tmp_path):
    first = scratch(tmp_path)
    assert scratch(tmp_path) == scratch(tmp_path / "x" / "..") == first
    first.rmdir()
    assert scratch(tmp_path).is_dir()
    assert scratch(tmp_path / "other") != scratch(tmp_path)


def test_a_child_has_a_folder_of_its_own(tmp_path):
    mine = scratch(tmp_path)
    child = os.fork()
    if child == 0:
        try:
            theirs = scratch(tmp_path)
            os._exit(0 if theirs != mine and mine.is_dir() and theirs.is_dir() else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert mine.is_dir()


def test_a_folder_for_one_block_is_gone_after_it(tmp_path):
    with temporary(tmp_path, "rendering") as folder:
        assert Path(folder).parent == scratch(tmp_path)
        assert Path(folder).name.startswith("rendering-")
        (Path(folder) / "file").touch()
    assert list(scratch(tmp_path).iterdir()) == []
    with pytest.raises(KeyError), temporary(tmp_path, "rendering"):
        raise KeyError
    assert list(scratch(tmp_path).iterdir()) == []


def test_one_that_clears_waits_for_another(tmp_path):
    (tmp_path / ".scratch").mkdir()
    with FileLock(tmp_path / ".scratch" / "lock"):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        assert folders(tmp_path) == []
    assert process.stdout.readline() == "ready\n"
    end(process)
