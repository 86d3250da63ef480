"""Files of datasets that have changed by themselves: what is read of them is
what was written, or there is one clear error that names the file."""

import shutil

import fsspec
import numpy as np
import pytest

from keras_vidrec.data import inspection
from keras_vidrec.data import opening
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.prepared.features import FeatureSettings
from keras_vidrec.data.preparing.feature_writer import FeatureWriter
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.videos.video import VideoError
from tests.data import numbered_video
from tests.data.prepared_records import remote_copy

MUTANTS = 100
HOW = Preparation(flow="dis", size="32x24")
KINDS = {
    "shard": "rgb/rgb-*.tfrecord",
    "flow": "flow/flow-*.tfrecord",
    "index": "*/*.index.npz",
    "list": "splits/*.txt",
    "description": "dataset.json",
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    root = tmp_path_factory.mktemp("videos")
    rows = ["path,label,split"]
    for number, split in enumerate(("train", "train", "test", "test")):
        numbered_video.write(root / f"{number}.avi", 6 + number, "MJPG")
        rows.append(f"{number}.avi,{'xy'[number % 2]},{split}")
    (root / "list.csv").write_text("\n".join(rows) + "\n")
    return catalogs.from_list(root / "list.csv", root)


@pytest.fixture(scope="module")
def prepared(videos, tmp_path_factory):
    directory = tmp_path_factory.mktemp("prepared") / "out"
    prepare(videos, directory, HOW, workers=1, shard_bytes=20000)
    return directory


@pytest.fixture(scope="module")
def features(videos, tmp_path_factory):
    directory = tmp_path_factory.mktemp("features") / "out"
    settings = FeatureSettings(
        features={"rgb": 8, "flow": 4},
        networks={"rgb": "a 1", "flow": "a 2"},
        crops={"rgb": 32, "flow": 32},
        num_frames=5,
    )
    rng = np.random.default_rng(0)
    with FeatureWriter(videos, directory, settings, 300) as writer:
        for name in writer.todo:
            rgb, flow = rng.random((1, 5, 8)), rng.random((1, 5, 4))
            writer.add(name, {"rgb": rgb, "flow": flow})
        writer.finish()
    return directory


def seen(directory):
    """All that readers see: by video, or the error of one; or the error of
    the dataset."""
    try:
        opened = opening.open_dataset(directory)
    except ValueError as error:
        return str(error)
    source = opened.source
    found = [(opened.catalog.splits, source.labels)]
    for i, name in enumerate(source.videos):
        for modality in source.modalities:
            indices = range(source.num_frames(i, modality))
            try:
                read = source.read(i, modality, indices)
                found.append((name, modality, read.tobytes()))
            except VideoError as error:
                found.append(str(error))
    return found


def mutated(content, rng):
    """Bytes with one of the ways in which files break."""
    content = bytearray(content)
    place = int(rng.integers(len(content)))
    match rng.integers(6):
        case 0:
            content[place] ^= 1 << rng.integers(8)
        case 1:
            content[place] = rng.integers(256)
        case 2:
            del content[place:]
        case 3:
            content[place : place + 512] = bytes(len(content[place:][:512]))
        case 4:
            del content[place : place + int(rng.integers(1, 9))]
        case 5:
            content[place:place] = rng.bytes(int(rng.integers(1, 9)))
    return bytes(content)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dataset", ["prepared", "features"])
def test_the_same_or_one_clear_error(dataset, kind, tmp_path, request):
    whole = request.getfixturevalue(dataset)
    directory = tmp_path / "copy"
    shutil.copytree(whole, directory)
    expected = seen(directory)
    paths = sorted(directory.glob(KINDS[kind]))
    rng = np.random.default_rng(0)
    noticed = 0
    for number in range(MUTANTS):
        path = paths[number % len(paths)]
        content = path.read_bytes()
        path.write_bytes(mutated(content, rng))
        found = seen(directory)
        path.write_bytes(content)
        if isinstance(found, str):
            assert str(path) in found and "again" in found, number
            noticed += 1
            continue
        for one, other in zip(found, expected, strict=True):
            if one != other:
                assert isinstance(one, str), number
                assert str(path) in one and "Copy it again" in one
                noticed += 1
    # Some mutants are what they were.
    assert noticed > MUTANTS / 2
    assert seen(directory) == expected


def test_so_in_an_object_store(prepared):
    url, memory = remote_copy(prepared), fsspec.filesystem("memory")
    expected = seen(url)
    rng = np.random.default_rng(1)
    for pattern in KINDS.values():
        for path in memory.glob(f"{url}/{pattern}"):
            content = memory.cat_file(path)
            memory.pipe_file(path, mutated(content, rng))
            found = seen(url)
            memory.pipe_file(path, content)
            if isinstance(found, str):
                assert path.lstrip("/") in found
            else:
                assert all(
                    one == other or path.lstrip("/") in one
                    for one, other in zip(found, expected, strict=True)
                )
    assert seen(url) == expected
    memory.rm(url, recursive=True)


def test_the_same_command_makes_it_whole(
    prepared, videos, tmp_path, in_process
):
    """Of an index, a list, the description; of a shard that is deleted."""
    directory = tmp_path / "copy"
    shutil.copytree(prepared, directory)
    expected = seen(directory)
    for pattern in KINDS.values():
        # The first one may be of no use any more.
        path = sorted(directory.glob(pattern))[-1]
        if path.suffix == ".tfrecord":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-30] + bytes(30))
        assert seen(directory) != expected
        prepare(videos, directory, HOW, shard_bytes=20000)
        assert seen(directory) == expected, pattern


def test_a_journal_that_is_damaged(prepared, videos, tmp_path, in_process):
    directory = tmp_path / "copy"
    shutil.copytree(prepared, directory)
    path = directory / ".prepare" / "journal.jsonl"
    content, expected = path.read_bytes(), seen(directory)
    rng = np.random.default_rng(2)
    refused = 0
    for _ in range(20):
        path.write_bytes(mutated(content, rng))
        try:
            prepare(videos, directory, HOW, shard_bytes=20000)
        except ValueError as error:
            assert str(path) in str(error) or "missing" in str(error)
            refused += 1
        assert seen(directory) == expected
        shutil.rmtree(directory)
        shutil.copytree(prepared, directory)
    assert refused > 10


@pytest.mark.parametrize("text", ["[]", "{", '{"failed": 1}'])
def test_a_report_that_is_damaged(prepared, tmp_path, text):
    directory = tmp_path / "copy"
    shutil.copytree(prepared, directory)
    (directory / "report.json").write_text(text)
    with pytest.raises(ValueError, match="the same command.*report.json"):
        inspection.inspect(
            opening.open_dataset(directory, images_only=True), verbose=False
        )
