"""Archives of records: what comes in is what went out, and nothing else ever comes in."""

import functools
import http.server
import io
import tarfile
import threading
import zipfile

import pytest
import smallbook
import torch

from latentsep.commands import archive
from latentsep.runtime import records


@pytest.fixture
def call(checkout, monkeypatch, capsys):
    smallbook.install(monkeypatch)
    return functools.partial(smallbook.call, capsys)


_made: list[tuple[bytes, list[str]]] = []


@pytest.fixture
def packed(call, tmp_path, monkeypatch):
    """An archive of the whole small book, and an empty records folder to bring it to."""
    path = tmp_path / "records.tar"
    if not _made:  # once for all tests
        names = [job.path.name for job in smallbook.compute()]
        assert call("export", path).code == 0
        _made.append((path.read_bytes(), names))
    content, names = _made[0]
    path.write_bytes(content)
    monkeypatch.setenv("LATENTSEP_RECORDS", str(tmp_path / "elsewhere"))
    return path, names


def members(path):
    with tarfile.open(path) as opened:
        return {m.name: opened.extractfile(m).read() for m in opened}


def write(path, contents, *extra):
    with tarfile.open(path, "w") as opened:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))
        for entry in extra:
            opened.addfile(entry)


def test_what_is_packed_comes_out_with_what_it_took_and_equal_records_make_equal_bytes(call, tmp_path, monkeypatch):
    jobs = smallbook.compute()
    before = smallbook.kept()
    costs = {p.name: p.read_bytes() for p in (records.folder() / "costs").iterdir()}
    assert len(costs) == 5  # those of the two shards, too
    for name in ("one", "other"):
        assert "packed 3 records" in call("export", tmp_path / name).out
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    monkeypatch.setenv("LATENTSEP_RECORDS", str(tmp_path / "elsewhere"))
    done = call("import", tmp_path / "one")
    assert (done.code, done.err) == (0, "")
    assert "put in 3 records" in done.out
    assert smallbook.kept() == before
    assert all(job.done() for job in jobs)
    assert {p.name: p.read_bytes() for p in (records.folder() / "costs").iterdir()} == costs
    again = call("import", tmp_path / "one")
    assert again.code == 0
    assert "put in 0 records, 0.0 kB; 3 were here" in again.out


def test_an_archive_of_another_profile_serves_that(call, tmp_path, monkeypatch):
    smallbook.compute("thesis")
    assert call("export", tmp_path / "a.tar", "--profile", "thesis").code == 0
    monkeypatch.setenv("LATENTSEP_RECORDS", str(tmp_path / "elsewhere"))
    assert "put in 3 records" in call("import", tmp_path / "a.tar").out


def test_what_is_missing_is_told(call, tmp_path):
    first, plain, _ = smallbook.compute()
    plain.path.unlink()
    assert f"missing 1 ({plain.path.name})" in call("export", tmp_path / "a.tar").out
    first.path.unlink()
    done = call("export", tmp_path / "b.tar")
    assert done.code == 1
    assert "build it first" in done.err
    assert not (tmp_path / "b.tar").exists()


@pytest.mark.parametrize("at", [0.5, 1.0])
def test_a_damaged_member_does_not_stop_the_others(at, packed, call):
    path, names = packed
    contents = members(path)
    content = bytearray(contents[names[1]])
    content[int(at * (len(content) - 1))] ^= 1
    write(path, contents | {names[1]: bytes(content)})
    done = call("import", path)
    assert done.code == 1
    assert f"could not use 1 ({names[1]}): damaged" in done.err
    assert sorted(smallbook.kept()) == sorted({*names} - {names[1]})


def test_a_record_under_the_name_of_another_is_damaged(packed, call):
    path, names = packed
    contents = members(path)
    write(path, contents | {names[0]: contents[names[1]]})
    assert f"could not use 1 ({names[0]}): damaged" in call("import", path).err
    assert names[0] not in smallbook.kept()


def test_names_that_lead_elsewhere_and_links_are_no_records(packed, call, tmp_path):
    path, names = packed
    contents = members(path)
    evil = ["../evil.record", "/tmp/evil.record", "costs/../evil.json", "a/run-0.record", "evil\n.record", "evil.py"]
    link = tarfile.TarInfo("run-1.record")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
    outside = {p for p in tmp_path.rglob("*") if "elsewhere" not in p.parts}
    write(path, contents | dict.fromkeys(evil, contents[names[0]]), link)
    done = call("import", path)
    assert done.code == 1
    assert "could not use 7" in done.err
    assert "not a record" in done.err
    assert done.err.count("\n") == 1
    assert sorted(smallbook.kept()) == sorted(names)
    assert {p for p in tmp_path.rglob("*") if "elsewhere" not in p.parts} == outside


def test_records_of_other_code_are_of_no_use(packed, call, monkeypatch):
    monkeypatch.setattr(records, "fingerprint", lambda *modules: "later code")
    done = call("import", packed[0])
    assert (done.code, smallbook.kept()) == (1, {})
    assert "could not use 3" in done.err
    assert "made by other code" in done.err


@pytest.mark.parametrize(
    ("target", "name", "value", "reason"),
    [
        (torch, "__version__", "9.9", f"made with torch {torch.__version__}, not 9.9"),
        (records.platform, "machine", lambda: "abacus", "not abacus"),
    ],
)
def test_records_of_another_torch_or_machine_are_of_no_use(packed, call, monkeypatch, target, name, value, reason):
    monkeypatch.setattr(target, name, value)
    done = call("import", packed[0])
    assert (done.code, smallbook.kept()) == (1, {})
    assert reason in done.err


def test_records_that_nothing_asks_for_stay_out(packed, call, monkeypatch):
    monkeypatch.setattr(smallbook, "SEEDS", dict.fromkeys(smallbook.SEEDS, 9))
    assert "asked for by no chapter" in call("import", packed[0]).err
    assert smallbook.kept() == {}


@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.999])
def test_of_a_truncated_archive_nothing_is_taken(part, packed, call):
    path, _ = packed
    with tarfile.open(path) as opened:
        content = path.read_bytes()[: max(m.offset_data + m.size for m in opened)]  # zeros follow
    for size in (int(part * len(content)), int(part * len(content)) // 512 * 512):
        path.write_bytes(content[:size])
        done = call("import", path)
        assert (done.code, done.err.count("\n"), smallbook.kept()) == (1, 1, {})
        assert str(path) in done.err


def test_a_damaged_header_counts_as_truncated(packed, call):
    path, names = packed
    content = path.read_bytes()
    path.write_bytes(content.replace(names[2].encode(), b"X" * len(names[2])))
    assert call("import", path).code == 1
    assert smallbook.kept() == {}


def test_foreign_files_are_refused_in_a_line(call, tmp_path):
    (tmp_path / "text").write_text("no archive" * 1000)
    write(tmp_path / "tar", {"run-1.record": b"x"})
    write(tmp_path / "list", {"contents.json": b"[]"})
    write(tmp_path / "other", {"contents.json": b'{"format": "latentsep-records 1"}'})
    with zipfile.ZipFile(tmp_path / "zip", "w") as opened:
        opened.writestr("contents.json", "{}")
    for name in ("text", "tar", "list", "other", "zip"):
        done = call("import", tmp_path / name)
        assert (done.code, done.err.count("\n")) == (1, 1), name
    done = call("import", tmp_path / "nothing")
    assert done.code == 2
    assert "nothing" in done.err
    assert call("export", tmp_path).code == 2


def test_a_good_record_stays_as_it_is_and_a_damaged_one_is_replaced(packed, call, said):
    path, _ = packed
    first, plain, _ = smallbook.compute()
    good, stamp = first.path.read_bytes(), first.path.stat().st_mtime_ns
    plain.path.write_bytes(b"half a record")
    done = call("import", path)
    assert "put in 1 records" in done.out
    assert "2 were here" in done.out
    assert (first.path.read_bytes(), first.path.stat().st_mtime_ns) == (good, stamp)
    assert plain.done()
    assert any("set aside" in message for message in said())


@pytest.mark.parametrize(
    "cost", [b"{}", b"[", b'{"seconds": "1"}', b'{"seconds": NaN}', b'{"seconds": 1, "origin": 1}']
)
def test_a_senseless_cost_stays_out(cost, packed, call):
    path, _ = packed
    contents = members(path)
    write(path, {n: cost if n.startswith("costs/") else c for n, c in contents.items()})
    assert "put in 3 records" in call("import", path).out
    assert not (records.folder() / "costs").exists()


def test_an_address_is_fetched_and_one_without_archive_is_a_line(packed, call, monkeypatch):
    path, _ = packed
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=path.parent)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        wrong = call("import", f"{address}/none.tar")
        done = call("import", f"{address}/{path.name}")
        server.shutdown()
    assert (wrong.code, wrong.err.count("\n")) == (1, 1)
    assert "404" in wrong.err
    assert "put in 3 records" in done.out


def test_a_silent_address_is_given_up(call, monkeypatch):
    monkeypatch.setattr(archive, "_SECONDS", 0.2)
    with http.server.socketserver.TCPServer(("127.0.0.1", 0), None, bind_and_activate=True) as silent:
        done = call("import", f"http://127.0.0.1:{silent.server_address[1]}/a.tar")
    assert done.code == 1
    assert "could not be fetched" in done.err
