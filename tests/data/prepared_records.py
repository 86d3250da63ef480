"""What prepared datasets hold, byte by byte."""

import fsspec

from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared import written
from keras_vidrec.data.prepared.records import scan


def records_of(directory):
    """dict from (modality, video) to the bytes of its record; fails if a video
    stands twice or anything is half done."""
    records = {}
    for modality in ("rgb", "flow", "warped_flow"):
        for shard in shards.find_shards(directory, modality):
            assert shards.index_path(shard).is_file()
            content, start = shard.read_bytes(), 0
            for record in scan(shard):
                end = start + record.num_bytes
                assert (modality, record.video) not in records
                records[modality, record.video] = content[start:end]
                start = end
    assert not list(directory.rglob("*.partial"))
    assert not (directory / ".prepare" / "scratch").exists()
    return records


def edit(directory, change):
    """Changes the description of a dataset: `change` gets its values."""
    path = directory / "dataset.json"
    raw = path.read_bytes()
    values = written.unseal(raw, path, prepared_dataset.FORMAT)
    change(values)
    path.write_bytes(written.seal(values))


def remote_copy(directory):
    """URL of a copy of a directory."""
    url = f"memory://{directory.as_posix().strip('/')}"
    fsspec.filesystem("memory").put(f"{directory}/", url, recursive=True)
    return url
