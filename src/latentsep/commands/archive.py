"""Records that travel: one file of all that the book needs, and what of such a file can be used here.

The file is a tar archive. Its first member lists the others; then come the records, and what they took, by name.
"""

import io
import json
import platform
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from latentsep.commands import inventory
from latentsep.runtime import costs, files, records
from latentsep.runtime.downloads import download
from latentsep.runtime.paths import UsageError
from latentsep.runtime.records import DamagedRecord, Job

_CONTENTS, _FORMAT = "contents.json", "latentsep-records 1"
_SECONDS = 10.0  # without an answer, after which an address counts as out of reach
_LIMIT = 1800.0  # seconds for the whole of a download


class ArchiveFailed(RuntimeError):
    """A file is no archive of records, is truncated, or could not be fetched or filled."""


@dataclass(frozen=True)
class Exported:
    """How many records were packed, the bytes of the archive, the names that are missing, and the open chapters."""

    packed: int
    size: int
    missing: list[str]
    open: list[str]


def export(path: Path, profile: str) -> Exported:
    """Pack what the book needs under a profile into one file, whole or not at all.

    Equal records make equal bytes. Raises ``UsageError`` for a folder, ``ArchiveFailed`` if there is nothing to pack.
    """
    if path.is_dir():
        raise UsageError(f"file is {str(path)!r}, a folder; choose the name of a file")
    wanted = inventory.asked([profile])
    packed: dict[str, bytes] = {}
    remembered: dict[str, bytes] = {}
    for name, job in wanted.here.items():
        packed[name] = job.path.read_bytes()
        for each in (job, *job.parts):
            cost = records.cost_path(each.definition, each.compute)
            if costs.read(cost) is not None:
                remembered[f"costs/{cost.name}"] = cost.read_bytes()
    if not packed:
        raise ArchiveFailed(f"none of the {len(wanted.jobs)} records that the book needs is here: build it first")
    content = _tar(packed | remembered)
    files.write_whole(path, content)
    return Exported(len(packed), len(content), sorted(set(wanted.jobs) - set(packed)), list(wanted.open))


def _tar(members: dict[str, bytes]) -> bytes:
    listed = {"format": _FORMAT, "members": sorted(members)}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in [(_CONTENTS, json.dumps(listed).encode()), *sorted(members.items())]:
            entry = tarfile.TarInfo(name)  # without times and owners
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Imported:
    """What became of the records of an archive: those put in and their bytes, those here before, and the others.

    ``refused`` lists names by the reason why they cannot be used; ``sound`` is whether the archive held nothing but
    whole records.
    """

    put: list[str] = field(default_factory=list)
    size: int = 0
    present: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)
    sound: bool = True


def bring(source: str, profiles: Iterable[str]) -> Imported:
    """Put into the records what an archive holds of what the book asks for under any of the profiles.

    ``source`` is a file or an address. A good record that is here already is never overwritten, and a member that
    cannot be used does not stop the others. Raises ``UsageError`` if there is no such file, ``ArchiveFailed`` if it
    is foreign or truncated: then nothing is put in.
    """
    offered, strangers = _members(_content(source), source)
    descriptions: dict[str, dict] = {}
    result = Imported(sound=not strangers)
    if strangers:
        result.refused["not a record"] = strangers
    for name in sorted(n for n in offered if not n.startswith("costs/")):
        try:
            descriptions[name] = inventory.described(offered[name], name)
        except DamagedRecord:
            result.refused.setdefault("damaged", []).append(name)
            result.sound = False

    def provide(job: Job) -> None:
        if (name := job.path.name) not in descriptions or name in result.put or name in result.present:
            return
        if job.done():  # one that is damaged is set aside by this
            result.present.append(name)
            return
        files.write_whole(job.path, offered[name], records.folder())
        _put_costs(job, offered)
        result.put.append(name)
        result.size += len(offered[name])

    wanted = inventory.Asked()
    for profile in profiles:
        if set(descriptions) <= {*result.put, *result.present}:
            break
        found = inventory.asked([profile], provide)
        wanted.jobs |= found.jobs
    for name in descriptions.keys() - {*result.put, *result.present}:
        result.refused.setdefault(_reason(descriptions[name], wanted), []).append(name)
    return result


def _put_costs(job: Job, offered: dict[str, bytes]) -> None:
    """What the records that were put in took, and where: that belongs to them, and replaces what was remembered."""
    for each in (job, *job.parts):
        path = records.cost_path(each.definition, each.compute)
        content = offered.get(f"costs/{path.name}")
        if content is not None and _sensible(content):
            files.write_whole(path, content, records.folder())


def _sensible(content: bytes) -> bool:
    """Whether a cost is one: plans add and compare them."""
    try:
        cost = costs.Cost(**json.loads(content))
        origin = cost.origin is None or {"code", "torch"} <= cost.origin.keys()
        return origin and isinstance(cost.machine, str) and 0 <= cost.seconds < float("inf")
    except (ValueError, TypeError, AttributeError):
        return False


def _reason(description: dict, wanted: inventory.Asked) -> str:
    """Why a whole record is of no use here."""
    if (theirs := description["torch"]) != torch.__version__:
        return f"made with torch {str(theirs)[:40]}, not {torch.__version__}"
    if (theirs := description["machine"]) != platform.machine():
        return f"made on {str(theirs)[:40]}, not {platform.machine()}"
    ours = [records.describe(job.definition, job.compute) for job in wanted.jobs.values()]
    same = [d for d in ours if d["definition"] == description["definition"] and d["compute"] == description["compute"]]
    of_kind = same or [d for d in ours if d["compute"] == description["compute"]]
    if of_kind and all(d["code"] != description["code"] for d in of_kind):
        return "made by other code"
    return "asked for by no chapter, as far as the records tell"


def _members(content: bytes, source: str) -> tuple[dict[str, bytes], list[str]]:
    """The records and costs of an archive by name, and the names of what is neither. Nothing is unpacked to disk.

    Raises ``ArchiveFailed`` if it is no archive of records, or lacks what it lists.
    """
    found: dict[str, bytes] = {}
    strangers: list[str] = []
    foreign = ArchiveFailed(f"{source} is no archive of records: 'latentsep records export' makes one")
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            first = archive.next()
            if first is None or first.name != _CONTENTS or not first.isreg():
                raise foreign
            listed = json.loads(_held(archive, first))
            if not isinstance(listed, dict) or listed.get("format") != _FORMAT:
                raise foreign
            for member in _rest(archive):
                if member.isreg() and _plain(member.name):
                    found[member.name] = _held(archive, member)
                else:
                    strangers.append(member.name)
        missing = [name for name in listed["members"] if name not in found and name not in strangers]
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArchiveFailed(f"{source} is truncated or no archive of records ({error})") from None
    except (ValueError, KeyError, TypeError):
        raise foreign from None
    if missing:
        raise ArchiveFailed(f"{source} is truncated or altered: it lacks {len(missing)} of what it lists")
    return found, strangers


def _held(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""  # nothing, if it is no regular file


def _rest(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := archive.next()) is not None:
        yield member


def _plain(name: str) -> bool:
    """Whether a member's name is that of a record or cost, in no other folder than theirs."""
    base = name.removeprefix("costs/")
    ending = ".record" if base == name else ".json"
    return base.endswith(ending) and base.isascii() and base.removesuffix(ending).replace("-", "").isalnum()


def _content(source: str) -> bytes:
    if source.startswith(("http://", "https://")):
        return _download(source)
    if not Path(source).is_file():
        raise UsageError(f"file is {source!r}, where there is none; choose an archive, or an address of one (https://)")
    return Path(source).read_bytes()


def _download(address: str) -> bytes:
    try:
        return download(address, _SECONDS, _LIMIT)
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ArchiveFailed(f"{address} could not be fetched: {reason}") from None
