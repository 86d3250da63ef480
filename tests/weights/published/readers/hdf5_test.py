import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.readers import hdf5
from keras_vidrec.weights.published.readers import hdf5_probe
from keras_vidrec.weights.published.readers.opening import open_checkpoint
from tests.weights.published.readers.matlab_files import write_v73

KERNEL = np.arange(6, dtype="float32").reshape(2, 3)


def write_legacy(path):
    with h5py.File(path, "w") as file:
        # A list of texts of variable length: they lie in a heap.
        file.attrs["layer_names"] = ["conv"]
        group = file.create_group("conv")
        group.attrs["weight_names"] = ["kernel:0"]
        group["kernel:0"] = KERNEL


def write_keras3(path):
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/conv2d/vars")
        group.attrs["name"] = "conv"
        group.create_dataset("0", data=KERNEL, compression="gzip")


def write_matlab(path):
    params = tuple({"name": name, "value": KERNEL} for name in ("a", "b"))
    write_v73(path, {"net": {"params": params, "layers": []}})


WRITERS = {
    "keras": write_legacy,
    "keras 3": write_keras3,
    "matlab": write_matlab,
}


def probe(monkeypatch, tmp_path, code):
    """Lets `code` run in place of the process that reads the file first."""
    script = tmp_path / "probe.py"
    script.write_text(
        f"import os, sys, time\nprint('ready', flush=True)\n{code}\n"
    )
    monkeypatch.setattr(hdf5_probe, "__file__", str(script))


ENDS = {
    "segfault": ("os.kill(os.getpid(), 11)", "crashed .SIGSEGV"),
    "abort": ("os.abort()", "crashed .SIGABRT"),
    "memory": (
        "raise MemoryError('too much')",
        "ended with MemoryError: too much",
    ),
    "silent": ("sys.stderr.close(); os._exit(1)", "ended with an error"),
    "windows": ("os._exit(5)", "crashed .status 5"),
    "asleep": ("time.sleep(60)", "took more than 1.5 s"),
}


@pytest.mark.parametrize("case", ENDS)
def test_what_kills_the_other_process(monkeypatch, tmp_path, case):
    code, end = ENDS[case]
    probe(monkeypatch, tmp_path, code)
    monkeypatch.setattr(hdf5, "_SECONDS", 1)
    monkeypatch.setattr(hdf5, "_PATIENCE", 1.5)
    path = tmp_path / "w.h5"
    write_legacy(path)
    message = f"Received: .*w.h5: it is damaged: a try to read it {end}"
    with pytest.raises(ValueError, match=message):
        open_checkpoint(path)


def endless(content):
    """Takes the size from the free space of a heap."""
    start = content.index(b"GCOL")
    place = start + 16
    while int.from_bytes(content[place : place + 2], "little"):
        size = int.from_bytes(content[place + 8 : place + 16], "little")
        place += 16 + -(-size // 8) * 8
    free = int.from_bytes(content[place + 8 : place + 16], "little")
    assert free == start + 4096 - place
    content[place + 8 : place + 16] = bytes(8)


def test_a_file_that_keeps_hdf5_busy_for_ever(monkeypatch, tmp_path):
    pytest.importorskip("resource", reason="needs a limit to processor time")
    path = tmp_path / "w.h5"
    write_legacy(path)
    content = bytearray(path.read_bytes())
    endless(content)
    path.write_bytes(content)
    begin = time.monotonic()
    with pytest.raises(ValueError, match="w.h5: a heap of texts is damaged"):
        open_checkpoint(path)
    assert time.monotonic() - begin < 1
    # Without a look at the heaps.
    monkeypatch.setattr(hdf5, "_check_heaps", lambda content: None)
    monkeypatch.setattr(hdf5, "_SECONDS", 1)
    with pytest.raises(ValueError, match="w.h5: .* did not come to an end"):
        open_checkpoint(path)


def test_a_file_that_crashes_hdf5(tmp_path):
    path = tmp_path / "w.h5"
    write_legacy(path)
    content = bytearray(path.read_bytes())
    # Type 1 of what has no fixed length is text; there is no type 5.
    content[content.index(b"\x19\x01\x01\0\x10\0\0\0") + 1] = 5
    path.write_bytes(content)
    # Other versions may notice.
    is_known = h5py.version.hdf5_version_tuple == (1, 14, 6)
    end = "a try to read it crashed .SIGSEGV" if is_known else ""
    with pytest.raises(ValueError, match=f"Received: .*w.h5: .*{end}"):
        open_checkpoint(path)


@pytest.mark.large  # for its memory
def test_a_file_that_unfolds_without_end(tmp_path):
    """Thousands of times the same long text: the file has it once."""
    pytest.importorskip("resource", reason="needs a limit to memory")
    path, length, count = tmp_path / "w.h5", 2**20, 3000
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["a" * length] + ["b"] * (count - 1)
    content = bytearray(path.read_bytes())
    # Of each text: its length, the address of its heap, its number there. In
    # the heap it stands behind two heads of 16 bytes.
    heap = content.index(b"a" * 64) - 32
    place = content.index(
        length.to_bytes(4, "little") + heap.to_bytes(8, "little")
    )
    first = content[place : place + 16]
    content[place : place + 16 * count] = first * count
    path.write_bytes(content)
    with pytest.raises(ValueError, match="w.h5: it is damaged: .*[Mm]emory"):
        open_checkpoint(path)


@pytest.mark.parametrize("case", WRITERS)
def test_whole_files(monkeypatch, tmp_path, case):
    """The other process reads all of them, or none can be started."""
    path = tmp_path / "weights"
    WRITERS[case](path)
    child = subprocess.run(
        [sys.executable, "-I", hdf5_probe.__file__, path, "1000", "9"]
        + sys.path,
        capture_output=True,
        check=True,
    )
    assert (child.stdout, child.stderr) == (hdf5_probe.READY, b"")
    for executable in (sys.executable, "", str(tmp_path / "none")):
        monkeypatch.setattr(sys, "executable", executable)
        kernel, *_ = open_checkpoint(path).tensors.values()
        np.testing.assert_array_equal(kernel, KERNEL)


def test_what_the_other_process_reads(monkeypatch, tmp_path):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["one"] = file["two"] = KERNEL
        group = file.create_group("group")
        group["reference"] = file["one"].ref
        references = [file["two"].ref, h5py.Reference()]
        group["references"] = np.array(references, h5py.ref_dtype)
        group["root"] = file["/"]
        group["soft"] = h5py.SoftLink("/one")
        group["external"] = h5py.ExternalLink("/etc/passwd", "/")
        group.create_dataset("endless", (2**40,), "u1", chunks=(2**20,))
        group.create_dataset("away", (4,), "u1", external=[("no", 0, 4)])
        group.attrs["text"] = ["a", "b"]
    read = []
    for kind in (h5py.Dataset, h5py.AttributeManager):

        def spy(self, key, get=kind.__getitem__):
            read.append(key or self.name)
            return get(self, key)

        monkeypatch.setattr(kind, "__getitem__", spy)
    # These are left to be found by reference.
    member = hdf5_probe._member
    monkeypatch.setattr(
        hdf5_probe,
        "_member",
        lambda group, name: len(name) > 3 and member(group, name) or None,
    )
    with h5py.File(path) as file:
        hdf5_probe.walk(file, 1000)
    expected = ["/group/reference", "/group/references", "/one", "/two", "text"]
    assert sorted(read) == expected


@pytest.mark.parametrize("case", WRITERS)
def test_random_damage(monkeypatch, tmp_path, case):
    monkeypatch.setattr(hdf5, "_SECONDS", 1)
    path = tmp_path / "weights"
    WRITERS[case](path)
    whole = np.fromfile(path, "u1")
    start = 512 if case == "matlab" else 8  # behind the signature
    rng = np.random.default_rng(0)
    # Where there is something: most of such a small file is empty.
    places = start + np.flatnonzero(whole[start:])
    for _ in range(8):
        damaged = whole.copy()
        damaged[rng.choice(places, 6)] = rng.integers(256, size=6)
        damaged.tofile(path)
        try:
            assert isinstance(open_checkpoint(path), Checkpoint)
        except ValueError as error:
            assert "Received: " in str(error) and str(path) in str(error)
