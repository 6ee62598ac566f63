"""Bars and messages: through the file to whoever waits, and never into a notebook's output."""

import json
import os
import sys
from pathlib import Path

import pytest

from latentsep.runtime import progress
from latentsep.runtime.progress import Bar, Bars, follow, say, tell

PID = os.getpid()


@pytest.fixture
def channel(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "progress"
    monkeypatch.setenv(progress.VARIABLE, str(path))
    return path


@pytest.fixture
def not_interactive(monkeypatch):
    """As in a pipe: pytest's stderr is no terminal, but some other test may have imported a kernel."""
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)


def events(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def append(path: Path, event: dict) -> None:
    """What another process does."""
    with path.open("a") as file:
        file.write(json.dumps({**event, "pid": 7}) + "\n")


def test_a_message_goes_to_stderr_where_nobody_follows(capsys):
    say("σ is small")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "latentsep: σ is small\n")


def test_a_message_goes_through_the_channel_where_there_is_one(channel, capsys):
    say("σ is small\nand so on")
    assert events(channel) == [{"say": "σ is small\nand so on", "pid": PID}]
    assert len(channel.read_text().splitlines()) == 1
    assert capsys.readouterr() == ("", "")


def test_a_bar_goes_through_the_channel(channel, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_INTERVAL", -1)
    with Bar("updates", 100, done=20) as bar:
        bar.advance(30)
        bar.advance(50)
    assert events(channel) == [
        {"label": "updates", "done": 50, "total": 100, "pid": PID},
        {"label": "updates", "done": 100, "total": 100, "pid": PID},
    ]
    assert capsys.readouterr() == ("", "")


def test_a_bar_in_the_channel_is_brief_but_never_leaves_out_the_end(channel, monkeypatch):
    monkeypatch.setattr(progress, "_INTERVAL", float("inf"))
    with Bar("updates", 1000) as bar:
        for _ in range(1000):
            bar.advance(1)
    assert events(channel) == [{"label": "updates", "done": 1000, "total": 1000, "pid": PID}]


def test_bars_are_silent_where_nobody_looks(capfd, not_interactive):
    with Bar("updates", 10) as bar:
        bar.advance(10)
    with progress.bar("pages", 3) as pages:
        pages.update(3)
    assert capfd.readouterr() == ("", "")


def test_bars_show_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Bar("updates", 10) as bar:
        bar.advance(10)
    out, err = capsys.readouterr()
    assert out == ""
    assert "updates" in err
    assert "/10" in err


def test_following_shows_messages_and_tidies_up(tmp_path, capsys, not_interactive):
    path = tmp_path / "progress"
    with follow(path, Bars()):
        for event in ({"say": "one"}, {"label": "updates", "done": 1, "total": 2}, {"say": "two"}):
            append(path, event)
    assert capsys.readouterr() == ("", "latentsep: one\nlatentsep: two\n")
    assert not path.exists()


def test_following_passes_messages_on_to_a_channel_further_up(tmp_path, channel):
    with follow(tmp_path / "kernel", Bars()):
        append(tmp_path / "kernel", {"say": "one"})
    assert events(channel) == [{"say": "one", "pid": PID}]


def test_following_the_own_channel_ends(channel, capsys, not_interactive):
    """Whoever starts a kernel sets the variable for it, and follows that very file."""
    with follow(channel, Bars()):
        say("σ is small")
    assert capsys.readouterr().err == "latentsep: σ is small\n"
    assert not channel.exists()


def test_following_ends_and_tidies_up_when_the_block_fails(tmp_path, capsys):
    path = tmp_path / "progress"

    def fail():
        with follow(path, Bars()):
            append(path, {"say": "before"})
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    assert "before" in capsys.readouterr().err
    assert not path.exists()


class Looks:
    """In the place of the stop event: writes one piece between any two looks at the file, then stops."""

    def __init__(self, path: Path, pieces: list[str]):
        self.path, self.pieces = path, pieces

    def is_set(self) -> bool:
        return not self.pieces

    def wait(self, _: float) -> None:
        with self.path.open("a") as file:
            file.write(self.pieces.pop(0))


@pytest.mark.parametrize(
    "pieces",
    [
        ['{"say": "hel', 'lo"}\n{"say": "again"}\n'],
        ['{"say": "hello"}', "\n", '{"say": "again"}\n'],
        [*'{"say": "hello"}\n{"say": "again"}\n'],
        ['{"say": "hello"}\n{"say": "again"}\n{"say": "cut o'],
    ],
)
def test_half_written_lines_are_waited_for(pieces, tmp_path, capsys):
    path = tmp_path / "progress"
    path.touch()
    progress._follow(path, Looks(path, pieces), lambda event: pytest.fail(f"shown: {event}"))
    assert capsys.readouterr().err == "latentsep: hello\nlatentsep: again\n"


def test_followed_bars_show_one_after_another(tmp_path, capsys, monkeypatch):
    shown = []

    class Recorder:
        def __init__(self, label, total, done=0, leave=True, position=None):
            self.label, self.total, self.n = label, total, done

        def update(self, steps):
            self.n += steps

        def close(self):
            shown.append((self.label, self.n, self.total))

    monkeypatch.setattr(progress, "bar", Recorder)
    path, bars = tmp_path / "progress", Bars()
    with follow(path, bars):
        for label, done in [("encoder", 1), ("encoder", 5), ("decoder", 2), ("decoder", 10)]:
            append(path, {"label": label, "done": done, "total": 10})
    bars.close()
    assert shown == [("encoder", 5, 10), ("decoder", 10, 10)]


def test_a_message_among_bars_does_not_disturb_them(tmp_path, capsys, not_interactive):
    path = tmp_path / "progress"
    with follow(path, Bars()):
        for event in (
            {"label": "updates", "done": 1, "total": 9},
            {"say": "hello"},
            {"label": "updates", "done": 9, "total": 9},
        ):
            append(path, event)
    assert capsys.readouterr().err == "latentsep: hello\n"


def test_what_is_told_says_who_told_it_and_is_dropped_where_nobody_follows(channel, capsys, monkeypatch):
    tell(begins=3.5)
    monkeypatch.delenv(progress.VARIABLE)
    tell(ends=True)
    assert events(channel) == [{"begins": 3.5, "pid": PID}]
    assert capsys.readouterr() == ("", "")


def test_everything_but_messages_is_handed_to_who_follows(tmp_path, capsys, not_interactive):
    path, shown = tmp_path / "progress", []
    told = [{"begins": 2.0}, {"label": "updates", "done": 1, "total": 9}, {"ends": True}]
    with follow(path, shown.append):
        for event in (*told[:2], {"say": "hello"}, told[2]):
            append(path, event)
    assert shown == [{**event, "pid": 7} for event in told]
    assert capsys.readouterr().err == "latentsep: hello\n"


def test_bars_pass_over_what_is_no_bar_and_close_without_one(capsys):
    bars = Bars()
    bars({"begins": 1.0, "pid": 7})
    bars.close()
    assert capsys.readouterr() == ("", "")


def test_a_bar_reaches_what_is_done_and_never_more_than_all(channel, monkeypatch):
    monkeypatch.setattr(progress, "_INTERVAL", -1)
    with Bar("training", 10) as bar:
        for done in (4, 2, 25):  # a worker that was killed begins again further back
            bar.reach(done)
    assert [event["done"] for event in events(channel)] == [4, 2, 10]
