"""The command line: ``latentsep`` or ``python -m latentsep``."""

import argparse
import os
import sys
from pathlib import Path

from latentsep.book import build, chapters, notebooks, plan, printing, rendering
from latentsep.book.notebooks import ChapterFailed
from latentsep.commands import archive, cli_records, sweep
from latentsep.ledger import ledger, reports
from latentsep.runtime import executors, paths
from latentsep.runtime.paths import UsageError
from latentsep.training.protocols import PROFILES


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 for a failure, 2 for a request that makes no sense."""
    try:
        options = _parser().parse_args(arguments)
        return options.action(options) or 0
    except UsageError as error:
        print(f"latentsep: {error}", file=sys.stderr)
        return 2
    except (ChapterFailed, executors.JobFailed, rendering.BuildFailed, archive.ArchiveFailed) as error:
        print(f"latentsep: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # such as a disk that is full
        if isinstance(error, BrokenPipeError):  # the reader of our output, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        else:
            print(f"latentsep: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("latentsep: interrupted; what was finished is kept, nothing is half-written", file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        raise UsageError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="latentsep", description="The book that recomputes a thesis.")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, action, help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help)
        added.set_defaults(action=action)
        return added

    def with_profile(added: argparse.ArgumentParser) -> None:
        added.add_argument("--profile", default="book", help=f"one of {', '.join(PROFILES)} (default: book)")

    command("list", _list, "the chapters, their titles and what each profile costs")
    run = command("run", _run, "execute one chapter, with parameters of your own")
    run.add_argument("chapter", help="a number or a name from 'latentsep list'")
    run.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a parameter")
    run.add_argument("--html", action="store_true", help="also render it as a page")
    run.add_argument("-o", "--output", type=Path, help="the executed notebook (default: under _build/runs)")
    with_profile(run)
    swept = command("sweep", _sweep, "execute one chapter over values of its parameters, into one table")
    swept.add_argument("chapter", help="a number or a name from 'latentsep list'")
    swept.add_argument("-p", nargs="+", action="append", default=[], metavar=("NAME", "VALUE"), help="values to try")
    swept.add_argument("-o", "--output", type=Path, help="the folder of the table (default: under _build/sweeps)")
    with_profile(swept)
    build = command("build", _build, "build the whole book")
    build.add_argument("--cluster", metavar="tcp://HOST:PORT", help="the Dask scheduler whose workers train")
    with_profile(build)
    printed = command("pdf", _pdf, "print the built book, as one PDF")
    printed.add_argument("-o", "--output", type=Path, help="the file (default: latentsep.pdf under _build)")
    with_profile(command("plan", _plan, "what a build would compute, for which chapter, how long it takes, and why"))
    with_profile(command("status", _status, "which chapters are fresh, stale or missing, and why"))
    command("ledger", _ledger, "the reproduction table")
    cli_records.add_to(command("records", None, "what is kept of trainings: list, check, pass on or remove it"))
    return parser


def _profile(options: argparse.Namespace) -> str:
    return cli_records.checked(options.profile)


def _list(_: argparse.Namespace) -> None:
    for chapter in chapters.listed().values():
        cost = ", ".join(f"{profile}: {time}" for profile, time in chapter.cost.items())
        print(f"{chapter.name:28} {chapter.title:42} {cost}".rstrip())


def _run(options: argparse.Namespace) -> None:
    chapter = chapters.find(options.chapter)
    known = chapter.parameters
    changes: dict[str, object] = {"profile": _profile(options)} if "profile" in chapter.parameters else {}
    for name, text in options.p:
        if name not in known:
            chapter.values({name: None})  # raises, naming the parameters there are
        changes[name] = known[name].parse(text)
    values = chapter.values(changes)
    label = "-".join([chapter.name, *(f"{k}={v}" for k, v in values.items() if v != known[k].default)])
    label = label.replace("/", "_")  # of a path, too, the name of one file is made
    target = options.output or paths.build() / "runs" / f"{label}.ipynb"
    text = build.evidence()
    plan.carry_out({chapter.name: values})
    notebooks.execute(chapter, values, target, text)
    print(target)
    if options.html:
        print(rendering.page(target))


def _sweep(options: argparse.Namespace) -> int:
    asked = sweep.parse(chapters.find(options.chapter), options.p, _profile(options))
    result = sweep.run(asked, options.output or asked.folder)
    print(result.table, result.page, sep="\n")
    for label, why in result.failures.items():
        print(f"latentsep: {label}: {why}", file=sys.stderr)
    return 1 if result.failures else 0


def _build(options: argparse.Namespace) -> None:
    print(build.build(_profile(options), options.cluster))


def _pdf(options: argparse.Namespace) -> None:
    target = options.output or paths.build() / "latentsep.pdf"
    print(f"{printing.pdf(target)} pages, {target.stat().st_size / 1e6:.1f} MB: {target}")


def _plan(options: argparse.Namespace) -> None:
    profile = _profile(options)
    print(plan.show({c.name: build.book_values(c, profile) for c in build.stale(profile)}, executors.cores()))


def _status(options: argparse.Namespace) -> None:
    text = build.evidence()
    for chapter in chapters.listed().values():
        print(f"{chapter.name:30} {build.freshness(chapter, _profile(options), text)}")


def _ledger(_: argparse.Namespace) -> None:
    entries = ledger.read()
    for e in entries:
        thesis, ours = (reports.plain(e[k]) if k in e else "" for k in ("thesis", "ours"))
        print(f"{e['id']:42} {thesis:>22} {ours:>22}  {e['verdict']:14} {e['why']}")
    print(", ".join(f"{n} {verdict}" for verdict, n in ledger.tally(entries).items()))


if __name__ == "__main__":
    sys.exit(main())
