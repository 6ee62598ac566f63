"""Kill builds at random moments, and see whether the next one ends as if nothing had happened.

    python tests/kills.py --count 50 --seed 0

A copy of the checkout with records of its own is built once, undisturbed, for reference. Then each round takes it
back to a partly built state, starts a build, and kills all its processes at once, as a failing machine would. What
a build makes that is left alone afterwards has to equal the reference byte for byte. Nobody waits for orphans:
kernels have sessions of their own, and may live on for a second.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

_ROOT = Path(__file__).resolve().parents[1]
_BETWEEN = 1.0, 20.0  # seconds from the start of a build until it is killed
_LONGEST = 3600.0  # seconds that a build may take which is left alone
# What chapters ask the records for, in all their stages: possible when the records hold everything.
_ASK = """
import json
from latentsep.book import build, chapters, notebooks, programme
pages = [c for c in chapters.listed().values() if c.is_notebook]
stages = {c.name: programme.stages(c.name, build.book_values(c, "smoke")) for c in pages}
print(json.dumps({name: [job.path.name for stage in each for job in stage] for name, each in stages.items()}))
"""


class Unlike(Exception):
    """A build failed, or what it made is not what an undisturbed one makes."""


class Copy:
    """A copy of the checkout in a folder, its records, and the reference that its builds have to equal."""

    def __init__(self, folder: Path):
        self.folder, self.tree, self.records = folder, folder / "tree", folder / "records"
        self.log = folder / "build.log"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LATENTSEP_C")},
            "LATENTSEP_RECORDS": str(self.records),
            "PYTHONPATH": str(self.tree / "src"),
        }
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=_ROOT, capture_output=True, check=True, text=True).stdout
        for name in filter(None, names.split("\0")):
            if (_ROOT / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(_ROOT / name, self.tree / name)
        self.complete()
        self.reference = self.made()
        asked = subprocess.run(
            [sys.executable, "-c", _ASK], cwd=self.tree, env=self.environment, capture_output=True, check=True
        )
        self.wanted: dict[str, list[str]] = json.loads(asked.stdout)

    @property
    def executed(self) -> Path:
        return self.tree / "_build" / "executed" / "book"

    @property
    def html(self) -> Path:
        return self.tree / "_build" / "html"

    def made(self) -> dict[str, bytes]:
        """All that a build has to make the same, by where it is: pages, executed notebooks, ledger, records."""
        build = self.tree / "_build"
        paths = [*build.glob("html/**/*"), *build.glob("executed/**/*"), build / "reproduction.json"]
        paths.append(build / "records.json")
        # Costs are times, which differ from one computation of a record to the next. Pages load them from one file.
        paths.remove(self.html / "figures" / "costs.js")
        # A build that has ended leaves nothing else here.
        paths += [
            p for p in self.records.rglob("*") if p.relative_to(self.records).parts[0] not in ("costs", ".scratch")
        ]
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in sorted(paths) if p.is_file()}

    @contextlib.contextmanager
    def building(self) -> Iterator[subprocess.Popen]:
        """A build under way in a process group of its own, of which none is left behind."""
        command = [sys.executable, "-m", "latentsep", "build", "--profile", "smoke"]
        options = {"cwd": self.tree, "env": self.environment, "start_new_session": True}
        with self.log.open("w") as log, subprocess.Popen(command, stdout=log, stderr=log, **options) as build:
            try:
                yield build
            finally:
                with contextlib.suppress(ProcessLookupError):  # it has ended, with all its processes
                    os.killpg(build.pid, signal.SIGKILL)

    def complete(self) -> None:
        """Let a build run to its end."""
        with self.building() as build:
            build.wait(_LONGEST)
        self.assert_built(build)

    def assert_built(self, build: subprocess.Popen) -> None:
        if build.returncode != 0:
            raise Unlike(f"a build ended with {build.returncode}:\n{self.log.read_text()}")

    def assert_alike(self) -> None:
        """Raises ``Unlike`` with the first differences from the reference."""
        now, before = self.made(), self.reference
        found = [f"{name} is missing" for name in before.keys() - now.keys()]
        found += [f"{name} should not be there" for name in now.keys() - before.keys()]
        found += [f"{name} differs" for name in before.keys() & now.keys() if before[name] != now[name]]
        if found:
            raise Unlike("\n".join([f"{len(found)} differences after a build", *sorted(found)[:10]]))

    def take_back(self, chance: random.Random) -> str:
        """Take away what a build makes anew: of one to three chapters, some of what they ask for, maybe the pages."""
        chapters = chance.sample(sorted(self.wanted), chance.randint(1, 3))
        names = sorted({name for chapter in chapters for name in self.wanted[chapter]})
        gone = chance.sample(names, chance.randint(0, len(names)))
        for path in [*(self.executed / f"{c}.ipynb" for c in chapters), *(self.records / name for name in gone)]:
            path.unlink(missing_ok=True)  # a round before may have been killed without one to repair it
        pages = chance.random() < 0.3
        if pages:
            shutil.rmtree(self.html, ignore_errors=True)
        numbers = ", ".join(chapter.partition("-")[0] for chapter in chapters)
        return f"without chapters {numbers} and {len(gone)} records" + (" and the pages" if pages else "")

    def assert_tidy(self) -> None:
        """Once another build has run, no process is left that anything half-done could belong to."""
        (self.executed / "04-baseline.ipynb").unlink()  # else it would write no record and no cost
        self.complete()
        self.assert_alike()
        build = self.tree / "_build"
        left = [p for folder in (build, self.records) for p in (folder / ".scratch").iterdir() if p.name != "lock"]
        strangers = {p.name for p in build.iterdir()} - {
            *("html", "executed", "reproduction.json", "records.json", "rendered.json", ".scratch", ".publishing")
        }
        notebooks = {p.relative_to(build / "executed").as_posix() for p in (build / "executed").rglob("*")}
        strangers |= notebooks - {"book", *(f"book/{name}.ipynb" for name in self.wanted)}
        if left or strangers:
            raise Unlike(f"left behind: {', '.join([*map(str, left), *sorted(strangers)])}")

    def stage(self, build: subprocess.Popen) -> str:
        """What a build is doing, as far as its processes and what it has said show."""
        commands = []
        for process in psutil.Process(build.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                commands.append(" ".join(process.cmdline()))
        counts = {
            "rendering": sum("jupyter_book" in command for command in commands),
            "kernels": sum("ipykernel" in command for command in commands),
            "workers": sum("loky" in command and "resource_tracker" not in command for command in commands),
        }
        shown = ", ".join(f"{n} {name}" for name, n in counts.items() if n) or "no other processes"
        said = self.log.read_text().splitlines()
        return shown + (f", last said {said[-1]!r}" if said else "")

    def left(self) -> str:
        """What is there after a kill."""
        notebooks, records = len([*self.executed.glob("*.ipynb")]), len([*self.records.glob("*.record")])
        half = [
            *self.records.glob("*.checkpoint"),
            *self.tree.glob("_build/.scratch/*/"),
            *self.records.glob(".scratch/*/"),
        ]
        return f"{notebooks} notebooks, {records} records, {len(half)} half-done, " + (
            "pages" if self.html.exists() else "no pages"
        )


def main(count: int, seed: int, every: int, folder: Path) -> None:
    """Carry out ``count`` kills. Raises ``Unlike`` at the first build that does not equal the reference."""
    started = time.monotonic()
    copy, chance = Copy(folder), random.Random(seed)
    print(f"reference: {len(copy.reference)} files in {time.monotonic() - started:.0f} s", flush=True)
    kills = completed = 0
    while kills < count:
        started = time.monotonic()
        state, delay = copy.take_back(chance), chance.uniform(*_BETWEEN)
        with copy.building() as build:
            with contextlib.suppress(subprocess.TimeoutExpired):
                build.wait(delay)
            ended = build.returncode is not None
            stage = "" if ended else copy.stage(build)
        if ended:
            copy.assert_built(build)
            line = f"ended before {delay:.1f} s, {state}"
        else:
            kills += 1
            line = f"kill {kills} after {delay:.1f} s, {state}: {stage}; left {copy.left()}"
            if kills % every == 0 or kills == count:
                copy.complete()
                ended = True
        if ended:
            copy.assert_alike()
            completed += 1
        print(f"{line}; round took {time.monotonic() - started:.0f} s", flush=True)
    copy.assert_tidy()
    print(f"{kills} kills, {completed + 1} completed builds, all alike")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Kill builds at random moments, and see whether the next one is alike."
    )
    parser.add_argument("--count", type=int, default=10, help="how many builds are killed")
    parser.add_argument("--seed", type=int, default=0, help="of what is taken away and when the kills come")
    parser.add_argument("--every", type=int, default=1, help="after how many kills a build is left alone")
    parser.add_argument("--folder", type=Path, help="where it happens, and stays (default: a temporary folder)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # and the build under way with it
    place = options.folder or Path(tempfile.mkdtemp(prefix="latentsep-kills-"))
    try:
        main(options.count, options.seed, options.every, place)
    except Unlike as error:
        sys.exit(f"{error}\nall is kept in {place}")
    if options.folder is None:
        shutil.rmtree(place)
