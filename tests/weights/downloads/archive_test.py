import io
import os
import stat
import zipfile

import pytest

from keras_vidrec.weights import downloads
from tests.weights.downloads.conftest import CONTENT
from tests.weights.downloads.conftest import lying_in
from tests.weights.downloads.conftest import published

MEMBER = "models/a.pth"


def packed(*members):
    """An archive of (name or ZipInfo, content)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def link():
    info = zipfile.ZipInfo(MEMBER)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.fixture
def entry(publisher):
    return published(publisher, "/a.zip", member=MEMBER)


def test_one_member_is_taken_out(entry, publisher, cache):
    publisher.files["/a.zip"] = packed(
        ("../../escaped", b"!"), (MEMBER, CONTENT), ("/etc/more", b"!")
    )
    publisher.break_after, publisher.num_breaks = 50, 1
    path = downloads.fetch(entry)
    assert path.name == "a.pth" and path.read_bytes() == CONTENT
    assert lying_in(cache.parent) == [f"weights/{entry.key}/a.pth"]
    assert downloads.fetch(entry) == downloads.find(entry) == path
    assert len(publisher.asked) == 2


def test_archives_that_have_it_not(entry, publisher, cache):
    whole = packed((MEMBER, CONTENT))
    spoiled = bytearray(whole)
    spoiled[60] ^= 255
    bomb = packed((MEMBER, bytes(10**6)))
    encrypted = bytearray(whole)
    for at in (6, whole.index(b"PK\1\2") + 8):
        encrypted[at] |= 1
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = packed((MEMBER, CONTENT), (MEMBER, CONTENT))
    for content, text in (
        (CONTENT, "not a zip archive"),
        (
            packed(("b", b"")),
            "an archive with 0 members 'models/a.pth'; it has",
        ),
        (twice, "an archive with 2 members"),
        (bomb, "of 1,000,000 bytes, expected at most 10,240"),
        (bytes(spoiled), "a damaged archive"),
        (bytes(encrypted), "is not a plain file"),
        (packed((link(), b"/etc/passwd")), "is not a plain file"),
        (packed((MEMBER, CONTENT[::-1])), "another file than was published"),
    ):
        publisher.files["/a.zip"] = content
        with pytest.raises(OSError, match=text):
            downloads.fetch(entry)
        assert [*cache.iterdir()] == []


def test_an_archive_of_ones_own(entry, tmp_path, cache):
    archive, member = tmp_path / "mine.zip", tmp_path / "mine.pth"
    archive.write_bytes(packed((MEMBER, CONTENT)))
    member.write_bytes(CONTENT)
    assert downloads.fetch(entry, file=member) == member
    assert downloads.fetch(entry, file=archive) == downloads.find(entry)
    archive.write_bytes(packed((MEMBER, CONTENT[::-1])))
    with pytest.raises(ValueError, match=f"{archive}: another file"):
        downloads.fetch(entry, file=archive)
    assert downloads.find(entry).read_bytes() == CONTENT
    archive.write_bytes(packed(("other", CONTENT)))
    size = os.path.getsize(archive)
    with pytest.raises(ValueError, match=f"10,240 bytes, got {size}"):
        downloads.fetch(entry, file=archive)
