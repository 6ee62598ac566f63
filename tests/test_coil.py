"""COIL-20 is found wherever it is, in every form it comes in; nothing else passes for it, and nothing else is kept."""

import hashlib
import http.server
import io
import os
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentsep.data import coil, library, turntable
from latentsep.runtime import downloads
from latentsep.runtime.paths import UsageError

NAMED, SHAPE, DIGEST = os.environ.get("LATENTSEP_DATA"), coil.SHAPE, coil.DIGEST  # the real ones
#: A small library in place of the real one: two objects in three poses, pictures of 4 rows and 5 columns.
LIBRARY = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5), np.uint8)
ALTERED = LIBRARY.copy()
ALTERED[1, 2, 3, 4] ^= 1
RENDERED = np.full((1, 2, 4, 4), 7, np.uint8)
NAMES = [f"obj{n + 1}__{pose}.png" for n, pose in np.ndindex(2, 3)]


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, no data named, no university, and the small library instead of the real one."""
    monkeypatch.setenv("LATENTSEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("LATENTSEP_DATA", raising=False)
    monkeypatch.setattr(coil, "SHAPE", LIBRARY.shape)
    monkeypatch.setattr(coil, "DIGEST", hashlib.sha256(LIBRARY.tobytes()).hexdigest())
    monkeypatch.setattr(coil, "ADDRESS", "http://127.0.0.1:9/coil-20-proc.zip")  # nobody listens there
    monkeypatch.setattr(turntable, "render", lambda: RENDERED)


def png(picture: np.ndarray, form: str = "png") -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, form)
    return file.getvalue()


def members(images: np.ndarray = LIBRARY) -> dict[str, bytes]:
    return {name: png(images[i]) for name, i in zip(NAMES, np.ndindex(2, 3), strict=True)}


def npz(images: np.ndarray = LIBRARY, name: str = "images", **options: bool) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **{name: images}, **options)
    return file.getvalue()


def archive(content: dict[str, bytes], folder: str = "coil-20-proc/") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in content.items():
            target.writestr(folder + name, data)
    return file.getvalue()


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def put(path: Path, content: bytes | dict[str, bytes]) -> Path:
    """A file, or a folder of files."""
    if isinstance(content, dict):
        for name, data in content.items():
            put(path / name, data)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def cached(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "data" / "coil20_128.npz"


def is_library(objects: coil.Objects, source: str) -> None:
    np.testing.assert_array_equal(objects.images, LIBRARY)
    assert (objects.images.dtype, objects.source, objects.real) == (np.uint8, source, True)


def is_substitute(objects: coil.Objects) -> None:
    assert objects.images is RENDERED
    assert (objects.source, objects.real) == ("substitute", False)


def refused(action: Callable[[], object]) -> str:
    """The one line that a user sees."""
    with pytest.raises(UsageError) as caught:
        action()
    (line,) = str(caught.value).splitlines()
    return line


# Forms


FORMS = {
    "npz": ("coil20_128.npz", npz()),
    "zip with a folder inside": ("coil-20-proc.zip", archive(members())),
    "zip without": ("coil-20-proc.zip", archive(members(), "")),
    "zip with other things": (
        "coil-20-proc.zip",
        archive(members() | {"README": b"hello", "obj3__0.png": b"one too many", "._obj1__0.png": b"of a Mac"}),
    ),
    "pictures": (".", members() | {"notes.txt": b"hello"}),
    "pictures in a folder": ("coil-20-proc", members()),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_from_a_folder(form, tmp_path, monkeypatch):
    name, content = FORMS[form]
    put(tmp_path / "here" / name, content)
    is_library(coil.load(tmp_path / "here"), "a place named by the reader")
    is_library(coil.load(str(tmp_path / "here" / name)), "a place named by the reader")
    monkeypatch.setenv("LATENTSEP_DATA", str(tmp_path / "here"))
    is_library(coil.load(), "LATENTSEP_DATA")
    assert coil.at_hand() == "LATENTSEP_DATA"


@pytest.mark.parametrize("name", ["a", "pictures.bin", "coil.png"])
@pytest.mark.parametrize("content", [npz(), archive(members())], ids=["npz", "zip"])
def test_a_file_may_have_any_name(name, content, tmp_path, monkeypatch):
    file = put(tmp_path / name, content)
    is_library(coil.load(file), "a place named by the reader")
    monkeypatch.setenv("LATENTSEP_DATA", str(file))
    is_library(coil.load(), "LATENTSEP_DATA")


def test_what_counts_is_the_pixels(tmp_path):
    """Not the order in memory, how the pictures are packed or whether their grey is written as colours."""
    file = io.BytesIO()
    np.savez(file, images=np.asfortranarray(LIBRARY), labels=np.arange(3))
    is_library(coil.load(put(tmp_path / "a", file.getvalue())), "a place named by the reader")
    colours = members(np.repeat(LIBRARY[..., None], 3, -1))
    is_library(coil.load(put(tmp_path / "b", archive(colours))), "a place named by the reader")


def test_in_a_folder_the_array_comes_before_the_archive_and_this_before_pictures(tmp_path):
    put(tmp_path / "here", members(ALTERED))
    assert refused(lambda: coil.load(tmp_path / "here")).startswith("here has pictures that differ")
    put(tmp_path / "here" / "coil-20-proc.zip", archive(members()))
    is_library(coil.load(tmp_path / "here"), "a place named by the reader")
    put(tmp_path / "here" / "coil20_128.npz", npz(ALTERED))
    assert refused(lambda: coil.load(tmp_path / "here")).startswith("coil20_128.npz has pictures that differ")


# What is not COIL-20


def without(*lost: str) -> dict[str, bytes]:
    return {name: data for name, data in members().items() if name not in lost}


WRONG = {
    "text": (b"not an array", "truncated or no archive"),
    "empty": (b"", "truncated or no archive"),
    "a picture": (png(LIBRARY[0, 0]), "truncated or no archive"),
    "half an npz": (npz()[: len(npz()) // 2], "truncated or no archive"),
    "half a zip": (archive(members())[: len(archive(members())) // 2], "truncated or no archive"),
    "an npz without its end": (npz()[:-1], "truncated or no archive"),
    "an npz without images": (npz(name="pictures"), "holds no pictures obj1__0.png"),
    "an npz of altered pixels": (npz(ALTERED), "differ from COIL-20's"),
    "an npz of other numbers": (npz(LIBRARY.astype(np.int16)), r"holds int16 \(2, 3, 4, 5\); .*uint8 \(2, 3, 4, 5\)"),
    "an npz of signed bytes": (npz(LIBRARY.view(np.int8)), "holds int8"),
    "an npz of another shape": (npz(LIBRARY.reshape(6, 4, 5)), r"holds uint8 \(6, 4, 5\)"),
    "a zip of something else": (archive({"a.txt": b"hello", "xobj1__0.png": png(LIBRARY[0, 0])}), "holds no pictures"),
    "an empty zip": (archive({}), "holds no pictures"),
    "a zip without a pose": (archive(without("obj1__1.png")), "lacks obj1__1.png"),
    "a zip without an object": (archive(without(*NAMES[3:])), "lacks obj2__0.png"),
    "a zip with a text for a picture": (archive(members() | {"obj2__0.png": b"hello"}), "obj2__0.png is damaged or no"),
    "a zip with half a picture": (
        archive(members() | {"obj2__0.png": members()["obj2__0.png"][:50]}),
        "obj2__0.png is",
    ),
    "a zip with a larger picture": (
        archive(members() | {"obj1__2.png": png(np.zeros((6, 7), np.uint8))}),
        "obj1__2.png has 7 × 6 pixels; choose the processed pictures of 5 × 4",
    ),
    "a zip of pictures on their side": (archive(members(LIBRARY.swapaxes(2, 3))), "obj1__0.png has 4 × 5 pixels"),
    "a zip of altered pixels": (archive(members(ALTERED)), "differ from COIL-20's"),
    "a zip of pictures in another order": (archive(members(LIBRARY[::-1])), "differ from COIL-20's"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_refused_by_name_wherever_it_is_named(kind, tmp_path, monkeypatch):
    content, reason = WRONG[kind]
    file = put(tmp_path / "here" / "coil20_128.npz", content)
    put(cached(tmp_path), npz())
    with pytest.raises(UsageError, match=f"^coil20_128.npz.*{reason}"):
        coil.load(file)
    for place in (file, file.parent):
        monkeypatch.setenv("LATENTSEP_DATA", str(place))
        assert refused(coil.load) == refused(lambda place=place: coil.load(place))
    assert cached(tmp_path).read_bytes() == npz()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (without("obj2__2.png"), "lacks obj2__2.png"),
        (members() | {"obj1__0.png": b"hello"}, "obj1__0.png is damaged or no picture"),
        (members() | {"obj1__0.png": png(LIBRARY[0, 0, :3])}, "obj1__0.png has 5 × 3 pixels"),
        (members(ALTERED), "pictures that differ"),
        ({"obja__b.png": b"hello"}, "holds no pictures"),
    ],
)
def test_a_folder_of_wrong_pictures_is_refused(content, reason, tmp_path):
    assert reason in refused(lambda: coil.load(put(tmp_path / "here", content)))


@pytest.mark.parametrize("content", [npz(), archive(members())], ids=["npz", "zip"])
def test_no_byte_can_be_wrong_unnoticed(content, tmp_path):
    """Whatever byte is changed, either the pictures are right or one line says that they are not."""
    wrong = []
    for place in range(0, len(content), 3):
        file = put(tmp_path / "a", flipped(content, place))
        try:
            found = coil.load(file).images
        except UsageError as error:
            wrong.append(str(error))
        else:
            np.testing.assert_array_equal(found, LIBRARY)
    assert len(wrong) > len(content) / 3 / 4
    assert all(line.startswith("a") and "\n" not in line for line in wrong)


def test_a_member_under_a_password_is_refused(tmp_path):
    data = archive(members())
    listed = data.index(b"PK\x01\x02")
    data = data[: listed + 8] + bytes([data[listed + 8] | 1]) + data[listed + 9 :]
    local = data[:6] + bytes([data[6] | 1]) + data[7:]
    assert refused(lambda: coil.load(put(tmp_path / "a.zip", local))).startswith("a.zip")


class Trap:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_nothing_is_unpickled(tmp_path):
    objects = np.empty(1, object)
    objects[0] = Trap(tmp_path / "sprung")
    file = put(tmp_path / "a.npz", npz(objects))
    assert "allow_pickle" in refused(lambda: coil.load(file))
    assert not (tmp_path / "sprung").exists()
    with np.load(file, allow_pickle=True) as arrays:  # the trap is one
        arrays["images"]
    assert (tmp_path / "sprung").exists()


# Places


def test_a_place_named_by_the_reader_must_hold_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTSEP_DATA", str(put(tmp_path / "good", npz())))
    put(tmp_path / "empty" / "notes.txt", b"hello")
    put(cached(tmp_path), npz())
    gone = str(tmp_path / "gone")
    assert refused(lambda: coil.load(gone)) == f"coil20 is {gone!r}, where there is nothing; choose a file or folder"
    line = refused(lambda: coil.load(tmp_path / "empty"))
    assert line.startswith(f"coil20 is {str(tmp_path / 'empty')!r}; choose a folder with coil20_128.npz, coil-20-proc")
    assert "damaged" not in str(list(tmp_path.rglob("*")))


@pytest.fixture
def university(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict]:
    """A server; say under ``"content"`` what it sends. ``"asked"`` has what it was asked for."""
    state = {"content": archive(members()), "status": 200, "asked": []}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            state["asked"].append(self.path)
            self.send_response(state["status"])
            self.send_header("Content-Length", str(state.get("length", len(state["content"]))))
            self.end_headers()
            self.wfile.write(state["content"])

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(coil, "ADDRESS", f"http://127.0.0.1:{server.server_port}/there/coil-20-proc.zip")
    monkeypatch.setattr(coil, "SECONDS", 5.0)
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def nothing_kept(tmp_path: Path) -> bool:
    folder = cached(tmp_path).parent
    return not folder.exists() or not any(folder.iterdir())


def test_the_places_are_asked_in_their_order(tmp_path, monkeypatch, university):
    """Each of them goes first when all that come before it are gone."""
    monkeypatch.setenv("LATENTSEP_DATA", str(put(tmp_path / "named", npz())))
    put(cached(tmp_path), npz())
    put(tmp_path / "own", npz())
    is_library(coil.load(tmp_path / "own"), "a place named by the reader")
    is_library(coil.load(), "LATENTSEP_DATA")
    assert coil.at_hand() == "LATENTSEP_DATA"
    monkeypatch.delenv("LATENTSEP_DATA")
    is_library(coil.load(), "cache")
    assert coil.at_hand() == "cache"
    assert not university["asked"]
    cached(tmp_path).unlink()
    assert coil.at_hand() == "none"
    is_substitute(coil.load(download=False))
    assert not university["asked"]
    assert nothing_kept(tmp_path)
    is_library(coil.load(), "download")
    assert university["asked"] == ["/there/coil-20-proc.zip"]


@pytest.mark.parametrize("named", ["", "empty", "gone"])
def test_a_named_folder_without_coil20_is_passed_over(named, tmp_path, monkeypatch):
    put(tmp_path / "empty" / "dogs" / "rex.png", b"")
    monkeypatch.setenv("LATENTSEP_DATA", str(tmp_path / named) if named else "")
    assert coil.at_hand() == "none"
    put(cached(tmp_path), npz())
    is_library(coil.load(), "cache")
    assert coil.at_hand() == "cache"


def test_what_is_at_hand_is_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(coil, "_read", None)
    for name in ("a.npz", "b/coil20_128.npz", "c/coil-20-proc.zip", "d/obj1__0.png", "e/coil-20-proc/obj1__0.png"):
        file = put(tmp_path / name, b"no picture")
        monkeypatch.setenv("LATENTSEP_DATA", str(tmp_path / name.partition("/")[0]))
        assert coil.at_hand() == "LATENTSEP_DATA"
        file.unlink()
        assert coil.at_hand() == "none"
    put(cached(tmp_path), b"no picture")
    assert coil.at_hand() == "cache"


def test_the_cache_is_the_users_where_no_other_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("LATENTSEP_CACHE")
    monkeypatch.setattr(library.platformdirs, "user_cache_path", lambda name: tmp_path / "user" / name)
    put(tmp_path / "user" / "latentsep" / "data" / "coil20_128.npz", npz())
    is_library(coil.load(download=False), "cache")


# Fetching


def test_what_was_fetched_is_kept_and_serves_without_the_university(tmp_path, monkeypatch, university, said):
    is_library(coil.load(), "download")
    assert [p.name for p in cached(tmp_path).parent.iterdir()] == ["coil20_128.npz"]
    assert coil.at_hand() == "cache"
    university["status"] = 404
    is_library(coil.load(), "cache")
    is_library(coil.load(cached(tmp_path)), "a place named by the reader")
    assert len(university["asked"]) == 1
    assert said() == []


BAD_ANSWERS = {
    "truncated": {"content": archive(members())[:-100]},
    "fewer bytes than announced": {"length": len(archive(members())) + 100},
    "altered": {"content": archive(members(ALTERED))},
    "a damaged stream": {"content": flipped(archive(members()), 70)},
    "incomplete": {"content": archive(without("obj2__1.png"))},
    "a page of text": {"content": b"<html>We have moved</html>"},
    "not there": {"status": 404},
    "out of order": {"status": 503},
}


@pytest.mark.parametrize("answer", BAD_ANSWERS)
def test_after_a_bad_answer_objects_are_rendered_and_nothing_is_kept(answer, tmp_path, university, said):
    university |= BAD_ANSWERS[answer]
    is_substitute(coil.load())
    assert university["asked"]
    assert nothing_kept(tmp_path)
    (line,) = said()
    assert line.startswith("COIL-20 could not be fetched (")
    assert line.endswith("); objects are rendered instead")
    assert "\n" not in line
    assert len(line) < 250
    assert coil.at_hand() == "none"


def test_a_university_that_does_not_answer_is_not_waited_for(tmp_path, monkeypatch, said):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        monkeypatch.setattr(coil, "ADDRESS", f"http://127.0.0.1:{silent.getsockname()[1]}/coil-20-proc.zip")
        monkeypatch.setattr(coil, "SECONDS", 0.2)
        limits, fetch = [], downloads.pooch.HTTPDownloader
        monkeypatch.setattr(
            downloads.pooch, "HTTPDownloader", lambda **options: limits.append(options["timeout"]) or fetch(**options)
        )
        is_substitute(coil.load())
    assert limits == [0.2]
    (line,) = said()
    assert "Timeout at 127.0.0.1" in line
    assert nothing_kept(tmp_path)


def test_a_university_that_is_not_there_is_gone_past(tmp_path, said):
    is_substitute(coil.load())
    assert "at 127.0.0.1:9" in said()[0]


def test_what_went_wrong_is_said_in_one_short_line(monkeypatch, said):
    def fail():
        raise OSError("first " + 300 * "x" + "\nsecond")

    monkeypatch.setattr(coil, "_download", fail)
    is_substitute(coil.load())
    (line,) = said()
    assert line.startswith("COIL-20 could not be fetched (first xxx")
    assert "\n" not in line
    assert len(line) < 250


def test_pictures_are_kept_whole_or_not_at_all(tmp_path, monkeypatch, university, said):
    """If the disk is full half-way through, no part of a file stays."""

    def half(file, images):
        file.write(b"PK")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(coil.np, "savez_compressed", half)
    coil.load()
    assert nothing_kept(tmp_path)
    assert "No space left" in said()[0]


def test_fetched_pictures_that_cannot_be_kept_are_still_used(tmp_path, university):
    put(tmp_path / "cache", b"a file where a folder should be")
    is_library(coil.load(), "download")
    assert (tmp_path / "cache").read_bytes() == b"a file where a folder should be"


# The cache


@pytest.mark.parametrize("content", [b"", npz()[:-50], npz(ALTERED), archive(without("obj1__1.png"))])
def test_a_damaged_cache_is_set_aside_and_gone_past(content, tmp_path, university, said):
    put(cached(tmp_path), content)
    is_substitute(coil.load(download=False))
    aside = cached(tmp_path).with_suffix(".damaged")
    assert list(cached(tmp_path).parent.iterdir()) == [aside]
    assert aside.read_bytes() == content
    (line,) = said()
    assert line.startswith("coil20_128.npz")
    assert line.endswith("; set aside")
    put(cached(tmp_path), content)
    is_library(coil.load(), "download")
    is_library(coil.load(), "cache")


# The real one


@pytest.mark.skipif(not NAMED, reason="COIL-20 is not at hand: LATENTSEP_DATA is not set")
def test_the_real_library(monkeypatch):
    monkeypatch.setenv("LATENTSEP_DATA", NAMED)
    monkeypatch.setattr(coil, "SHAPE", SHAPE)
    monkeypatch.setattr(coil, "DIGEST", DIGEST)
    objects = coil.load(download=False)
    assert (objects.source, objects.real) == ("LATENTSEP_DATA", True)
    assert objects.images.shape == (20, 72, 128, 128)
    rows = objects.images.reshape(20, 72, -1).astype(np.float64)
    steps = np.linalg.norm(rows - np.roll(rows, -1, 1), axis=-1)
    apart = np.linalg.norm(rows - np.roll(rows, -9, 1), axis=-1)
    assert (steps.mean(-1) < apart.mean(-1)).all()  # poses follow each other in the order of the angle
