import hashlib

import pytest

from keras_vidrec.weights.downloads import PublishedFile

SHA256 = hashlib.sha256(b"abc").hexdigest()
MD5 = hashlib.md5(b"abc").hexdigest()
AT = ("https://a.example/x.pth",)


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"name": "a/b.pth"}, "`name` of a published file. Expected the name"),
        ({"name": "..\\b"}, "`name`"),
        ({"name": ".hidden"}, "`name`"),
        ({"addresses": "https://a.example/x"}, "Expected a tuple of addresses"),
        ({"addresses": ("file:///etc/passwd",)}, "`addresses`"),
        ({"addresses": ("https://a.example/\nx",)}, "`addresses`"),
        ({"size": 0}, "`size` of a published file"),
        ({"sha256": SHA256[:7]}, "Expected None or 8 to 64 hexadecimal digits"),
        ({"sha256": SHA256.upper()}, "in lower case"),
        ({"md5": MD5[:8]}, "`md5`"),
        ({"member": "../x"}, "`member`"),
        ({"member": "/x"}, "`member`"),
    ],
)
def test_what_it_may_be(changes, text):
    values = {"name": "x", "addresses": AT, "size": 3, "sha256": SHA256}
    assert PublishedFile(**values)
    with pytest.raises(ValueError, match=text):
        PublishedFile(**{**values, **changes})


def test_files_of_one_name_have_keys_of_their_own():
    entries = [
        PublishedFile("x", AT, 3, SHA256),
        PublishedFile("x", AT, 3, SHA256[:10]),
        PublishedFile("x", AT, 3, None, MD5),
        PublishedFile("x", AT, 3, None),
        PublishedFile("x", ("https://b.example/x.pth",), 3, None),
        PublishedFile("x", AT, 3, None, member="y"),
    ]
    assert len({entry.key for entry in entries}) == len(entries)
    assert entries[1].key == SHA256[:10]


def test_what_is_wrong_with_a_file(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    other = "0" * 64
    for entry, recorded, problem in (
        (PublishedFile("x", AT, 3, SHA256, MD5), SHA256, None),
        (PublishedFile("x", AT, None, None), None, None),
        (PublishedFile("x", AT, 4, SHA256), None, "expected 4 bytes, got 3"),
        (
            PublishedFile("x", AT, 3, other),
            None,
            f"expected the sha256 {other}, got {SHA256}",
        ),
        (
            PublishedFile("x", AT, 3, "12345678"),
            None,
            f"expected the sha256 that begins with 12345678, got {SHA256}",
        ),
        (
            PublishedFile("x", AT, 3, SHA256[:8]),
            other,
            f"expected the sha256 {other}, recorded when it was first "
            f"downloaded, got {SHA256}",
        ),
        (
            PublishedFile("x", AT, 3, None, "0" * 32),
            None,
            f"expected the MD5 {'0' * 32}, got {MD5}",
        ),
    ):
        assert entry.problem(path, recorded) == problem


def test_its_description():
    entry = PublishedFile("x", AT, 1234, SHA256[:8])
    told = f"x (1,234 bytes, sha256 that begins with {SHA256[:8]})"
    assert entry.description == told
    assert PublishedFile("x", AT, None, None).description == (
        "x (no hash was published)"
    )
