"""What prepared datasets hold, byte by byte."""

from keras_vidrec.data.prepared import record_shard
from keras_vidrec.data.prepared.record_format import scan


def records_of(directory):
    """dict from (modality, video) to the bytes of its record; fails if a video
    stands twice or anything is half done."""
    records = {}
    for modality in ("rgb", "flow", "warped_flow"):
        for shard in record_shard.find_shards(directory, modality):
            assert record_shard.index_path(shard).is_file()
            content, start = shard.read_bytes(), 0
            for record in scan(shard):
                end = start + record.num_bytes
                assert (modality, record.video) not in records
                records[modality, record.video] = content[start:end]
                start = end
    assert not list(directory.rglob("*.partial"))
    assert not (directory / ".prepare" / "scratch").exists()
    return records
