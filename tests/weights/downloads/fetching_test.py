import errno
import hashlib
import io
import os
import subprocess
import sys
import time

import pytest

from keras_vidrec.weights import downloads
from keras_vidrec.weights.downloads import place
from keras_vidrec.weights.downloads import transfer
from keras_vidrec.weights.downloads import web
from tests.weights.downloads.conftest import CONTENT
from tests.weights.downloads.conftest import lying_in
from tests.weights.downloads.conftest import published
from tests.weights.downloads.publisher import HTML

SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEY = SHA256[:16]


def test_a_file_of_the_cache_needs_no_network(entry, publisher, cache):
    assert downloads.find(entry) is None and not cache.exists()
    path = downloads.fetch(entry)
    assert path == cache / KEY / "a.pth" and path.read_bytes() == CONTENT
    assert lying_in(cache) == [f"{KEY}/a.pth"]
    before = [p.stat().st_mtime_ns for p in (cache, cache / KEY, path)]
    assert downloads.fetch(entry) == downloads.find(entry) == path
    assert len(publisher.asked) == 1
    # Nor is anything written: caches that can only be read do.
    assert before == [p.stat().st_mtime_ns for p in (cache, cache / KEY, path)]


def test_other_caches_are_read(entry, publisher, cache, monkeypatch):
    path = downloads.fetch(entry)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parents[1]))
    cache.parent.rename(cache.parents[1] / "keras-vidrec")
    found = cache.parents[1] / "keras-vidrec" / path.relative_to(cache.parent)
    assert downloads.fetch(entry) == downloads.find(entry) == found
    assert len(publisher.asked) == 1 and not cache.exists()


@pytest.mark.parametrize(
    ("variable", "value", "folder"),
    [
        ("KERAS_HOME", "keras", "keras/models"),
        ("HOME", "home", "home/.keras/models"),
        ("TORCH_HOME", "torch", "torch/hub/checkpoints"),
        ("XDG_CACHE_HOME", "xdg", "xdg/torch/hub/checkpoints"),
    ],
)
def test_what_others_have_downloaded_is_used_if_it_is_right(
    publisher, tmp_path, monkeypatch, variable, value, folder
):
    monkeypatch.setenv(variable, str(tmp_path / value))
    theirs = tmp_path / folder / "a.pth"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(CONTENT)
    md5 = hashlib.md5(CONTENT).hexdigest()
    for hashes in ({}, {"sha256": SHA256[:8]}, {"sha256": None, "md5": md5}):
        entry = published(publisher, **hashes)
        assert downloads.fetch(entry) == downloads.find(entry) == theirs
    assert downloads.find(published(publisher, sha256=None)) is None
    theirs.write_bytes(CONTENT[::-1])
    assert downloads.fetch(published(publisher)) != theirs
    assert theirs.read_bytes() == CONTENT[::-1]


def test_an_altered_file_is_not_used(
    entry, publisher, cache, monkeypatch, caplog
):
    path = downloads.fetch(entry)
    path.write_bytes(CONTENT[:-1] + b"!")
    assert downloads.find(entry) is None
    monkeypatch.setenv("VIDREC_OFFLINE", "1")
    with pytest.raises(OSError, match=f"{path} is not used: expected the sha2"):
        downloads.fetch(entry)
    monkeypatch.setenv("VIDREC_OFFLINE", "0")
    assert downloads.fetch(entry).read_bytes() == CONTENT
    assert "It is downloaded again." in caplog.text


def test_two_files_of_one_name(entry, publisher):
    publisher.files["/v2/a.pth"] = CONTENT[::-1]
    other = published(publisher, "/v2/a.pth", content=CONTENT[::-1])
    for _ in range(2):
        assert downloads.fetch(entry).read_bytes() == CONTENT
        assert downloads.fetch(other).read_bytes() == CONTENT[::-1]
    assert publisher.paths() == ["/a.pth", "/v2/a.pth"]


def test_offline(entry, publisher, cache, monkeypatch):
    monkeypatch.setenv("VIDREC_OFFLINE", "1")
    with pytest.raises(OSError) as raised:
        downloads.fetch(entry)
    assert str(raised.value) == (
        f"Expected a.pth (10,240 bytes, sha256 {SHA256}) in the cache, as "
        "VIDREC_OFFLINE is set. Received: no such file. Get it otherwise "
        f"({publisher.url}/a.pth) and put it at {cache}/{KEY}/a.pth or pass it "
        "as `file` (--file PATH)"
    )
    assert not publisher.asked and not cache.exists()
    (cache / KEY).mkdir(parents=True)
    (cache / KEY / "a.pth").write_bytes(CONTENT)
    assert downloads.fetch(entry) == cache / KEY / "a.pth"


def test_a_wrong_hash_leaves_nothing(publisher, cache):
    entry = published(publisher, sha256="0" * 64)
    with pytest.raises(OSError) as raised:
        downloads.fetch(entry)
    assert str(raised.value) == (
        f"Cannot get a.pth (10,240 bytes, sha256 {'0' * 64}). Received: "
        f"{publisher.url}/a.pth: another file than was published: expected the "
        f"sha256 {'0' * 64}, got {SHA256}. Get it otherwise "
        f"({publisher.url}/a.pth) and put it at {cache}/{'0' * 16}/a.pth or "
        "pass it as `file` (--file PATH)"
    )
    assert [*cache.iterdir()] == []


def test_mirrors_are_tried_in_order_and_each_failure_is_named(
    publisher, cache, caplog
):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"
    publisher.answers |= {
        "/busy": (503, {}, b""),
        "/page": (200, {"Content-Type": "text/html"}, HTML),
        "/quiet-page": (200, {}, b"\n" + HTML),
        "/pointer": (200, {}, pointer),
        "/short": (200, {"Content-Length": "9"}, CONTENT[:9]),
        "/cut": (200, {}, CONTENT[:9]),
        "/long": (200, {}, CONTENT + b"!"),
        "/loop": (302, {"Location": "/loop"}, b""),
        "/local": (302, {"Location": "file:///etc/passwd"}, b""),
        "/zipped": (200, {"Content-Encoding": "gzip"}, CONTENT),
        "/nonsense": (206, {"Content-Range": "bytes 7-9/10"}, b"abc"),
        "/moved": (301, {"Location": "/a.pth"}, b""),
    }
    wrong = {
        "/none": "HTTP 404 Not Found",
        "/busy": "HTTP 503 Service Unavailable",
        "/page": "a web page, 'Log in & pay', instead of the file: of a proxy",
        "/quiet-page": "a web page, 'Log in & pay', instead of the file",
        "/pointer": "a pointer of Git LFS instead of the file",
        "/short": "a file of 9 bytes, expected 10,240",
        "/cut": "it broke off after 9 of 10,240 bytes",
        "/long": "more than 10,240 bytes",
        "/loop": "HTTP 302 The HTTP server returned a redirect error",
        "/local": "HTTP 302 Found - Redirection to url 'file:///etc/passwd' is",
        "/zipped": "a file with unrequested compression: gzip",
        "/nonsense": "it has another file now, or no such ranges",
    }
    with pytest.raises(OSError, match="Cannot get a.pth") as raised:
        downloads.fetch(published(publisher, *wrong))
    for path, text in wrong.items():
        assert f"{publisher.url}{path}: {text}" in str(raised.value), path
    assert [*cache.iterdir()] == []
    assert [*dict.fromkeys(publisher.paths())] == [*wrong]
    entry = published(publisher, *wrong, "/moved", "/never")
    assert downloads.fetch(entry).read_bytes() == CONTENT
    assert f"a.pth comes from {publisher.url}/moved: {publisher.url}/none" in (
        caplog.text
    )
    assert "/never" not in publisher.paths()
    assert lying_in(cache) == [f"{KEY}/a.pth"]


def test_an_address_of_nobody(publisher):
    entry = published(publisher)
    publisher.shutdown()
    publisher.server_close()
    with pytest.raises(OSError, match="/a.pth: cannot be reached: .*refused"):
        downloads.fetch(entry)
    unknown = downloads.PublishedFile("b.pth", (), None, SHA256)
    with pytest.raises(OSError, match="no address of it. Get it otherwise"):
        downloads.fetch(unknown)


def test_what_breaks_off_is_resumed(entry, publisher):
    publisher.num_breaks = 4
    assert downloads.fetch(entry).read_bytes() == CONTENT
    assert [asked for _, asked in publisher.asked] == [
        None,
        *(f"bytes={n}000-" for n in range(1, 5)),
    ]


def test_what_breaks_off_without_a_length_is_resumed(entry, publisher):
    publisher.num_breaks, publisher.counted = 1, False
    assert downloads.fetch(entry).read_bytes() == CONTENT
    assert publisher.asked[1] == ("/a.pth", "bytes=1000-")


def test_what_stalls_is_resumed(entry, publisher, monkeypatch):
    monkeypatch.setattr(web, "TIMEOUT_S", 0.1)
    publisher.num_stalls = 1
    assert downloads.fetch(entry).read_bytes() == CONTENT
    assert publisher.asked[1] == ("/a.pth", "bytes=1000-")


def test_a_server_that_cannot_resume_sends_all_again(entry, publisher, cache):
    publisher.num_breaks, publisher.ranges = 2, False
    assert downloads.fetch(entry).read_bytes() == CONTENT
    assert lying_in(cache) == [f"{KEY}/a.pth"]


def test_a_connection_that_always_breaks(entry, publisher, cache):
    publisher.num_breaks, publisher.ranges = 100, False
    with pytest.raises(OSError, match="broke off after 1,000 of 10,240 bytes"):
        downloads.fetch(entry)
    assert len(publisher.asked) == 4
    # What has come stays, and is gone on with.
    publisher.num_breaks, publisher.ranges = 0, True
    assert downloads.fetch(entry).read_bytes() == CONTENT
    assert publisher.asked[-1] == ("/a.pth", "bytes=1000-")
    assert lying_in(cache) == [f"{KEY}/a.pth"]


@pytest.mark.parametrize("etags", [True, False])
def test_a_file_that_changes_between_two_parts_is_begun_anew(
    publisher, etags, monkeypatch
):
    old = CONTENT[::-1]
    publisher.etags = etags
    publisher.files["/a.pth"] = old
    publisher.num_breaks = 1
    monkeypatch.setattr(
        transfer.time,
        "sleep",
        lambda _: publisher.files.update({"/a.pth": CONTENT}),
    )
    entry = published(publisher)
    assert downloads.fetch(entry).read_bytes() == CONTENT
    assert publisher.asked[1] == ("/a.pth", "bytes=1000-")


@pytest.mark.parametrize("etags", [True, False])
def test_halves_of_two_files_are_not_joined_without_a_hash(
    publisher, etags, monkeypatch
):
    publisher.etags = etags
    publisher.files["/a.pth"] = CONTENT[::-1]
    publisher.num_breaks = 1
    monkeypatch.setattr(
        transfer.time,
        "sleep",
        lambda _: publisher.files.update({"/a.pth": CONTENT}),
    )
    entry = published(publisher, size=None, sha256=None)
    path = downloads.fetch(entry, trust_first_download=True)
    assert path.read_bytes() == CONTENT
    assert publisher.asked[1][1] == ("bytes=1000-" if etags else None)


def test_a_part_that_is_longer_than_the_file_now(publisher):
    entry = published(publisher, size=None)
    publisher.files["/a.pth"] = CONTENT * 2
    publisher.break_after, publisher.etags = len(CONTENT) + 5, False
    publisher.num_breaks, publisher.ranges = 100, False
    with pytest.raises(OSError):
        downloads.fetch(entry)
    publisher.files["/a.pth"] = CONTENT
    publisher.num_breaks, publisher.ranges = 0, True
    assert downloads.fetch(entry).read_bytes() == CONTENT


def test_part_of_a_hash_is_not_enough_for_plain_http(publisher, cache):
    entry = published(publisher, sha256=SHA256[:8])
    with pytest.raises(ValueError) as raised:
        downloads.fetch(entry)
    assert str(raised.value) == (
        "Invalid `trust_first_download`. Expected true "
        f"(--trust-first-download) for a.pth, sent by {publisher.url}/a.pth: "
        "the first download is then accepted, and its sha256 is required "
        "later. Received: trust_first_download=False"
    )
    secure = (*entry.addresses, "https://127.0.0.1:1/a.pth")
    mixed = published(publisher, sha256=SHA256[:8], addresses=secure)
    with pytest.raises(OSError, match="plain http, which needs `trust_first"):
        downloads.fetch(mixed)
    assert not publisher.asked
    path = downloads.fetch(entry, trust_first_download=True)
    assert path == cache / SHA256[:8] / "a.pth"
    record = path.with_name("a.pth.sha256")
    assert record.read_text() == f"{SHA256}  a.pth\n"
    # All digits are known now.
    path.unlink()
    assert downloads.fetch(entry) == path


def test_what_has_no_hash_is_trusted_once(publisher, cache):
    entry = published(publisher, size=None, sha256=None)
    with pytest.raises(ValueError, match="which has no published hash"):
        downloads.fetch(entry)
    assert not publisher.asked
    path = downloads.fetch(entry, trust_first_download=True)
    assert downloads.fetch(entry) == downloads.find(entry) == path
    assert len(publisher.asked) == 1
    path.unlink()
    publisher.files["/a.pth"] = CONTENT + b"!"
    with pytest.raises(OSError, match=f"{SHA256}, recorded when it was first"):
        downloads.fetch(entry, trust_first_download=True)
    assert lying_in(cache) == [f"{entry.key}/a.pth.sha256"]


def test_what_somebody_puts_there_without_a_hash(publisher, cache, monkeypatch):
    entry = published(publisher, size=None, sha256=None)
    path = cache / entry.key / "a.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"my own")
    assert downloads.find(entry) is None
    with pytest.raises(ValueError, match="none is recorded beside it"):
        downloads.fetch(entry)
    monkeypatch.setenv("VIDREC_OFFLINE", "1")
    assert downloads.fetch(entry, trust_first_download=True) == path
    assert downloads.fetch(entry) == path and path.read_bytes() == b"my own"


def test_what_has_neither_hash_nor_length_may_be_cut_off(publisher):
    entry = published(publisher, size=None, sha256=None)
    publisher.counted = False
    with pytest.raises(OSError, match="its size is unknown"):
        downloads.fetch(entry, trust_first_download=True)
    known = published(publisher, size=None)
    assert downloads.fetch(known).read_bytes() == CONTENT
    publisher.files["/a.pth"], publisher.counted = b"", True
    with pytest.raises(OSError, match="of 0 bytes, expected 1 or more"):
        downloads.fetch(entry, trust_first_download=True)


def test_a_file_of_ones_own(entry, tmp_path, publisher, monkeypatch):
    monkeypatch.setenv("VIDREC_OFFLINE", "1")
    file = tmp_path / "mine.pth"
    for content, text in (
        (None, r"Invalid `file`. Expected a file, a\.pth \(10,240 bytes"),
        (CONTENT[:-1], "Invalid `file`.*expected 10,240 bytes, got 10,239"),
        (CONTENT[::-1], f"Invalid `file`.*expected the sha256 {SHA256}, got"),
    ):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ValueError, match=text):
            downloads.fetch(entry, file=file)
    file.write_bytes(CONTENT)
    assert downloads.fetch(entry, file=str(file)) == file
    unhashed = published(publisher, size=None, sha256=None)
    assert downloads.fetch(unhashed, file=file) == file


def child(publisher, *arguments):
    return subprocess.Popen(
        [
            sys.executable, "-m", "tests.weights.downloads.child", "fetch",
            f"{publisher.url}/a.pth", str(len(CONTENT)), SHA256, *arguments,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def finished(process):
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 0, output
    return output.strip()


def test_two_processes_download_once(publisher, cache):
    publisher.delay = 0.3
    both = [child(publisher) for _ in range(2)]
    assert [finished(one) for one in both] == [f"{cache}/{KEY}/a.pth"] * 2
    assert publisher.paths() == ["/a.pth"]
    assert lying_in(cache) == [f"{KEY}/a.pth"]


def test_a_killed_download_is_resumed(entry, publisher, cache):
    publisher.num_stalls = 1
    process = child(publisher)
    part = cache / KEY / ".partial.download.a.pth"
    while not (part.exists() and part.stat().st_size):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert downloads.find(entry) is None
    here = part.stat().st_size
    assert downloads.fetch(entry).read_bytes() == CONTENT
    assert publisher.asked == [("/a.pth", None), ("/a.pth", f"bytes={here}-")]
    assert lying_in(cache) == [f"{KEY}/a.pth"]


def test_a_full_disk_leaves_nothing(publisher, cache):
    told = finished(child(publisher, "4000"))
    assert f"a.pth (10,240 bytes, sha256 {SHA256}) needs 10,240 bytes" in told
    assert "nothing of it is left. Make room, or set VIDREC_CACHE" in told
    assert [*cache.iterdir()] == []


def test_a_disk_without_room_is_seen_first(
    entry, publisher, cache, monkeypatch
):
    def statvfs(_):
        return os.statvfs_result((4096, 4096, 9, 2, 2, 9, 9, 9, 0, 255))

    monkeypatch.setattr(os, "fstatvfs", statvfs)
    with pytest.raises(
        OSError, match="needs 10,240 bytes more there"
    ) as raised:
        downloads.fetch(entry)
    assert raised.value.errno == errno.ENOSPC
    assert [*cache.iterdir()] == []


def test_a_cache_that_cannot_be_written(entry, publisher, monkeypatch):
    monkeypatch.setenv("VIDREC_CACHE", os.devnull + "/none")
    text = "Expected a cache that can be written: set VIDREC_CACHE to another "
    with pytest.raises(OSError, match=f"{text}directory than {os.devnull}"):
        downloads.fetch(entry)
    assert not publisher.asked
    monkeypatch.setenv("VIDREC_CACHE", "~nobody-of-this-name/cache")
    with pytest.raises(OSError, match="set VIDREC_CACHE. Received: no home"):
        downloads.fetch(entry)


def test_the_proxy_of_the_environment(publisher, monkeypatch):
    address = "http://published.example/a.pth"
    publisher.files[address] = CONTENT
    monkeypatch.setenv("HTTP_PROXY", publisher.url)
    entry = published(publisher, addresses=(address,))
    assert downloads.fetch(entry).read_bytes() == CONTENT
    assert publisher.paths() == [address]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_where_a_person_watches(publisher, monkeypatch):
    for stderr, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stderr)
        name = f"a{shown}.pth"
        downloads.fetch(
            published(publisher, name=name, sha256=SHA256[: 9 + shown]),
            trust_first_download=True,
        )
        assert (f"{name}: 100%" in stderr.getvalue()) == shown


def test_where_there_are_no_locks(entry, publisher, cache, monkeypatch):
    def taken(path, wait=False):
        raise place.locks.NoLocks(errno.ENOLCK, "none")

    monkeypatch.setattr(place.locks, "taken", taken)
    publisher.num_breaks = 100
    publisher.ranges = False
    with pytest.raises(OSError, match="broke off"):
        downloads.fetch(entry)
    assert [*cache.iterdir()] == []
    publisher.num_breaks = 0
    assert downloads.fetch(entry).read_bytes() == CONTENT
    assert lying_in(cache) == [f"{KEY}/a.pth"]
