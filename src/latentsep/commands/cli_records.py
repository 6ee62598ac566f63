"""``latentsep records``: list, verify, export, import and prune what is kept of trainings."""

import argparse
import random
import sys
from pathlib import Path

from latentsep.commands import archive, inventory
from latentsep.runtime.paths import UsageError
from latentsep.training.protocols import PROFILES

_SHOWN = 3  # names in a line; of more only the number is told


def add_to(parser: argparse.ArgumentParser) -> None:
    """Give the command ``records`` its own commands."""
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, action, help: str, profile: str | None = "book") -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help)
        added.set_defaults(action=action)
        if profile:
            added.add_argument("--profile", help=f"one of {', '.join(PROFILES)} (default: {profile})")
        return added

    command("list", _list, "every record: its kind, its size, how long it took, and whether the book needs it")
    verify = command("verify", _verify, "check every record against its checksum and its name")
    verify.add_argument("--sample", type=int, metavar="N", help="also compute so many anew, and compare")
    verify.add_argument("--seed", type=int, default=0, help="which ones are drawn (default: 0)")
    export = command("export", _export, "pack what the book needs into one file")
    export.add_argument("file", type=Path)
    bring = command("import", _import, "put in what such a file holds of what the book asks for", profile=None)
    bring.add_argument("file", metavar="FILE|ADDRESS")
    prune = command("prune", _prune, "remove what the book does not need", profile="book and smoke")
    prune.add_argument("--dry-run", action="store_true", help="only show what would be removed")


def checked(profile: str | None) -> str:
    """The name of a profile, ``book`` if there is none. Raises ``UsageError`` that names the profiles."""
    if profile is not None and profile not in PROFILES:
        raise UsageError(f"profile is {profile!r}; choose one of {', '.join(PROFILES)}")
    return profile or "book"


def _list(options: argparse.Namespace) -> None:
    wanted = inventory.asked([checked(options.profile)])
    for found in inventory.held():
        job = wanted.jobs.get(found.name)
        took = found.seconds if job is None else inventory.seconds(job)
        time = "" if took is None else f"{took:.1f} s"
        need = "needed" if job is not None and not found.damage else ""
        print(f"{found.name:38} {found.kind:26} {_bytes(found.size):>9} {time:>10}  {need}".rstrip())
    if wanted.open:
        print(f"not known yet: what later stages of {', '.join(wanted.open)} need, since the records lack earlier ones")


def _verify(options: argparse.Namespace) -> int:
    profile = checked(options.profile)
    if options.sample is not None and options.sample < 1:
        raise UsageError(f"--sample is {options.sample}; choose 1 or more")
    found = inventory.held()
    damaged = [each.damage for each in found if each.damage]
    print(*damaged, f"{len(found) - len(damaged)} of {len(found)} records are whole", sep="\n")
    differing = False
    if options.sample:
        here = inventory.asked([profile]).here
        if not here:
            raise UsageError(f"--sample is {options.sample}, but no record is here that the book needs; build it first")
        drawn = random.Random(options.seed).sample(sorted(here), min(options.sample, len(here)))
        took = sum(inventory.seconds(here[name]) or here[name].seconds for name in drawn)
        print(f"computing {len(drawn)} of {len(here)} anew, {took:.0f} s of work", flush=True)
        for comparison in inventory.recompute({name: here[name] for name in drawn}):
            print(comparison)
            differing |= not comparison.fits
    return 1 if damaged or differing else 0


def _export(options: argparse.Namespace) -> None:
    done = archive.export(options.file, checked(options.profile))
    print(f"packed {done.packed} records into {options.file}, {_bytes(done.size)}")
    if done.missing:
        print(f"missing {_named(done.missing)}")
    if done.open:
        print(f"and what later stages of {', '.join(done.open)} need")


def _import(options: argparse.Namespace) -> int:
    done = archive.bring(options.file, ("book", *(p for p in PROFILES if p != "book")))
    print(f"put in {len(done.put)} records, {_bytes(done.size)}; {len(done.present)} were here")
    for reason, names in done.refused.items():
        print(f"latentsep: could not use {_named(sorted(names))}: {reason}", file=sys.stderr)
    useless = not done.put and not done.present
    return 1 if useless or not done.sound else 0


def _prune(options: argparse.Namespace) -> None:
    profiles = ("book", "smoke") if options.profile is None else (checked(options.profile),)
    found, kept_for = inventory.superfluous(profiles)
    size = 0
    for path in found:
        size += path.stat().st_size
        if options.dry_run:
            print(path.name)
        else:
            path.unlink(missing_ok=True)
    print(f"{'would remove' if options.dry_run else 'removed'} {len(found)} files, {_bytes(size)}")
    if kept_for:
        print(f"kept what may belong to later stages of {', '.join(kept_for)}: build these, then prune again")


def _named(names: list[str]) -> str:
    # What a foreign archive calls its members is not to reach a terminal as it is.
    shown = ", ".join(name if name.isascii() and name.isprintable() else ascii(name) for name in names[:_SHOWN])
    return f"{len(names)} ({shown}{', …' if len(names) > _SHOWN else ''})"


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
