"""MNIST is found wherever it is, packed or not, and known by what is in it."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from latentsep.data import digits, library
from latentsep.runtime.paths import UsageError

NAMED = os.environ.get("LATENTSEP_DATA")
#: A small set in place of the real one.
STREAM = np.random.default_rng(0)
IMAGES, LABELS = STREAM.integers(0, 256, (6, 28, 28), np.uint8), np.array([3, 1, 4, 1, 5, 9], np.uint8)


def idx(array: np.ndarray) -> bytes:
    return np.array([0x800 + array.ndim, *array.shape], ">u4").tobytes() + array.tobytes()


def altered(array: np.ndarray) -> np.ndarray:
    other = array.copy()
    other.flat[-1] ^= 1
    return other


FILES = {"t10k-images-idx3-ubyte": idx(IMAGES), "t10k-labels-idx1-ubyte": idx(LABELS)}
PACKED = {f"{name}.gz": gzip.compress(content) for name, content in FILES.items()}
FIRST, SECOND = FILES


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """A cache of its own, no data named, nobody to fetch from, and the small set instead of the real one."""
    monkeypatch.setenv("LATENTSEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("LATENTSEP_DATA", raising=False)
    monkeypatch.setattr(digits, "ADDRESS", "http://127.0.0.1:9/")
    monkeypatch.setattr(digits, "SIZES", {"test": 6, "train": 6})
    digests = {"images": idx(IMAGES), "labels": idx(LABELS)}
    monkeypatch.setattr(digits, "DIGESTS", {k: hashlib.sha256(v).hexdigest() for k, v in digests.items()})
    monkeypatch.setattr(digits, "COUNTS", tuple(np.bincount(LABELS, minlength=10)))
    monkeypatch.setattr(digits, "GREY", int(IMAGES.sum(dtype=np.int64)))


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def is_mnist(found: digits.Digits | None, source: str) -> None:
    assert found is not None
    np.testing.assert_array_equal(found.images, IMAGES)
    np.testing.assert_array_equal(found.labels, LABELS)
    assert (found.images.dtype, found.labels.dtype, found.source) == (np.uint8, np.uint8, source)


def refused(where: Path, part: str = "test") -> str:
    with pytest.raises(UsageError) as caught:
        digits.load(where, part)
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize(
    "files",
    [
        FILES,
        PACKED,
        {FIRST: FILES[FIRST], f"{SECOND}.gz": PACKED[f"{SECOND}.gz"]},
        {"t10k-images.idx3-ubyte": FILES[FIRST], "t10k-labels.idx1-ubyte": FILES[SECOND], "notes.txt": b"hello"},
    ],
    ids=["plain", "packed", "one of each", "other names"],
)
@pytest.mark.parametrize("inside", [".", "mnist"])
def test_every_form_is_read(files, inside, tmp_path, monkeypatch):
    put(tmp_path / "here" / inside, files)
    is_mnist(digits.load(tmp_path / "here"), "a place named by the reader")
    monkeypatch.setenv("LATENTSEP_DATA", str(tmp_path / "here"))
    is_mnist(digits.load(), "LATENTSEP_DATA")
    assert digits.at_hand() == "LATENTSEP_DATA"


def test_the_parts_are_told_apart(tmp_path):
    training = {name.replace("t10k", "train"): content for name, content in FILES.items()}
    put(tmp_path, training)
    is_mnist(digits.load(tmp_path, "train"), "a place named by the reader")
    assert refused(tmp_path).startswith(f"mnist is {str(tmp_path)!r}; choose a folder with t10k-images-idx3-ubyte and")
    with pytest.raises(ValueError, match=r"^part is 'both'; choose test \| train$"):
        digits.load(tmp_path, "both")
    put(tmp_path, {"train-images-idx3-ubyte": idx(altered(IMAGES))})
    assert "differ from MNIST's" in refused(tmp_path, "train")


WRONG = {
    "no packing": ({f"{FIRST}.gz": PACKED[f"{FIRST}.gz"][:-9]}, "truncated or damaged"),
    "half packed": ({f"{FIRST}.gz": PACKED[f"{FIRST}.gz"][:200]}, "truncated or damaged"),
    "text": ({FIRST: b"hello"}, "no IDX file of images"),
    "empty": ({FIRST: b""}, "no IDX file of images"),
    "labels for pictures": ({FIRST: FILES[SECOND]}, "no IDX file of images"),
    "pictures for labels": ({SECOND: FILES[FIRST]}, "no IDX file of labels"),
    "cut off": ({FIRST: FILES[FIRST][:-1]}, "truncated or another set; MNIST's has 6 × 28 × 28 bytes"),
    "too long": ({FIRST: FILES[FIRST] + b"x"}, "truncated or another set"),
    "fewer pictures": ({FIRST: idx(IMAGES[:5])}, "truncated or another set"),
    "other pictures": ({FIRST: idx(altered(IMAGES))}, "digits that differ from MNIST's"),
    "other labels": ({SECOND: idx(altered(LABELS))}, "digits that differ from MNIST's"),
    "another order": ({FIRST: idx(IMAGES[::-1])}, "digits that differ from MNIST's"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_refused_in_one_line(kind, tmp_path, monkeypatch):
    files, reason = WRONG[kind]
    names = {name.removesuffix(".gz") for name in files}
    put(tmp_path / "here", {n: c for n, c in FILES.items() if n not in names} | files)
    assert reason in refused(tmp_path / "here")
    monkeypatch.setenv("LATENTSEP_DATA", str(tmp_path / "here"))
    with pytest.raises(UsageError, match=reason.split(";")[0]):
        digits.load()


def test_no_byte_can_be_wrong_unnoticed(tmp_path):
    for name, content in FILES.items():
        for place in range(0, len(content), 97 if "images" in name else 1):
            flipped = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
            put(tmp_path, FILES | {name: flipped})
            assert refused(tmp_path)


def test_a_place_named_by_the_reader_must_hold_it(tmp_path):
    gone = tmp_path / "gone"
    assert refused(gone) == f"mnist is {str(gone)!r}, where there is nothing; choose a file or folder"
    put(tmp_path / "half", {FIRST: FILES[FIRST]})
    assert "choose a folder with" in refused(tmp_path / "half")
    assert "truncated or no copy of MNIST" in refused(put(tmp_path, {"a.npz": b"PK"}) / "a.npz")


def test_without_any_there_is_none_and_one_line_says_so(tmp_path, said):
    assert digits.load() is None
    (line,) = said()
    assert line.startswith("MNIST could not be fetched (")
    assert line.endswith("; smaller digits are used instead")
    assert digits.load(download=False) is None
    assert len(said()) == 1
    assert digits.at_hand() == "none"
    assert not library.cache("mnist_test.npz").exists()


def test_what_was_fetched_is_checked_kept_and_found_again(monkeypatch, said):
    asked = []

    def answer(address: str, *limits: float) -> bytes:
        asked.append(address)
        return PACKED[address.rpartition("/")[2]]

    monkeypatch.setattr(digits, "download", answer)
    is_mnist(digits.load(), "download")
    assert [a.rpartition("/")[2] for a in asked] == list(PACKED)
    is_mnist(digits.load(), "cache")
    is_mnist(digits.load(library.cache("mnist_test.npz")), "a place named by the reader")
    assert len(asked) == 2
    assert said() == []
    cached = library.cache("mnist_test.npz")
    cached.write_bytes(cached.read_bytes()[:-100])
    is_mnist(digits.load(), "download")
    assert said()[0].endswith("; set aside")
    PACKED_WRONG = {f"{FIRST}.gz": gzip.compress(idx(altered(IMAGES))), f"{SECOND}.gz": PACKED[f"{SECOND}.gz"]}
    cached.unlink()
    monkeypatch.setattr(digits, "download", lambda address, *_: PACKED_WRONG[address.rpartition("/")[2]])
    assert digits.load() is None
    assert not cached.exists()


@pytest.mark.skipif(not NAMED or not (Path(NAMED) / "mnist").is_dir(), reason="MNIST is not at hand: LATENTSEP_DATA")
def test_the_real_digits(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("LATENTSEP_DATA", NAMED)
    found = digits.load(download=False)
    assert found.source == "LATENTSEP_DATA"
    assert (found.images.shape, found.labels.shape) == ((10_000, 28, 28), (10_000,))
    assert np.bincount(found.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    means = np.stack([found.images[found.labels == k].mean(0) for k in range(10)])
    nearest = np.linalg.norm(found.images[:500, None] - means, axis=(-2, -1)).argmin(-1)
    assert (nearest == found.labels[:500]).mean() > 0.7  # pictures and labels belong together
