"""Files made to do harm."""

import io
import zipfile

import numpy as np
import pytest

from keras_vidrec.evaluation.scores import score_archive

KINDS = {"videos": "U", "scores": "fU"}


def header(shape, descr="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


def archive(path, scores, compression=zipfile.ZIP_DEFLATED):
    """A file with valid videos, and scores of these bytes."""
    videos = io.BytesIO()
    np.save(videos, np.array(["a", "b"]))
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("videos.npy", videos.getvalue())
        file.writestr("scores.npy", scores)
    return path


def test_reads_what_numpy_writes(tmp_path):
    arrays = {"videos": np.array(["a", "ü"]), "scores": np.eye(2)[:, ::-1]}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "file.npz", more=np.zeros(3), **arrays)
        found = score_archive.read(tmp_path / "file.npz", KINDS)
        assert list(found) == ["videos", "scores"]
        for name, values in arrays.items():
            np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize(
    "scores, message",
    [
        (header((10**7, 10**7)), "0 bytes for float32 of shape"),
        (header((10**12,), "<U0"), "0 bytes for <U0"),
        (header((2, 2)) + bytes(12), "12 bytes for float32 of shape"),
        (header((2, 2)) + bytes(20), "20 bytes for float32 of shape"),
        (header((-1, 4)) + bytes(16), "16 bytes for float32 of shape"),
        (header((2, 2), "<c8") + bytes(32), "scores of complex64"),
        (header((2,), "|O") + bytes(16), "scores of pickled objects"),
        (header((2,), [("a", "|O")]), "scores of pickled objects"),
        (b"video,label\n", "magic string"),
        (b"", "EOF"),
        (b"\x93NUMPY\x09\x00", "not a NumPy array"),
        (b"\x93NUMPY\x01\x00\x04\x00((((", "scores|header"),
    ],
)
def test_headers_that_do_not_fit(tmp_path, scores, message):
    path = archive(tmp_path / "bad.npz", scores)
    with pytest.raises(ValueError, match=message):
        score_archive.read(path, KINDS)


def test_missing_arrays_are_named_and_those_there(tmp_path):
    np.savez(tmp_path / "bad.npz", videos=np.array(["a"]), logits=np.eye(2))
    with pytest.raises(ValueError, match="scores. Received: videos, logits"):
        score_archive.read(tmp_path / "bad.npz", KINDS)


def test_other_compressions_are_refused(tmp_path):
    valid = header((1,)) + bytes(4)
    path = archive(tmp_path / "bad.npz", valid, zipfile.ZIP_BZIP2)
    with pytest.raises(ValueError, match="videos of compression 12"):
        score_archive.read(path, KINDS)


def test_too_much_is_refused_before_it_is_unpacked(tmp_path):
    """What a bomb of zeros looks like from outside: a few bytes, and a header
    and a directory that agree on gigabytes."""
    path = tmp_path / "bomb.npz"
    claimed = header((3 * 2**28,))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("scores.npy", claimed + bytes(2**16))
        file.getinfo("scores.npy").file_size = len(claimed) + 3 * 2**30
    with pytest.raises(ValueError, match="at most 2147483648 bytes"):
        score_archive.read(path, {"scores": "f"})


def test_directories_that_claim_more_than_there_is(tmp_path):
    path = tmp_path / "bad.npz"
    claimed = header((2**18,))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("scores.npy", claimed + bytes(2**16))
        file.getinfo("scores.npy").file_size = len(claimed) + 2**20
    with pytest.raises((ValueError, EOFError)):
        score_archive.read(path, {"scores": "f"})
