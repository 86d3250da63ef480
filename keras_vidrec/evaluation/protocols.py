"""The tests of the papers, by name."""

import dataclasses

from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A test of a paper.

    Args:
        summary: str. What the network sees of a video.
        source: str. Where it comes from.
        settings: dict. Arguments of `TestProtocol`; without
            `num_segments` the network is shown as many as the recipe says.
    """

    summary: str
    source: str
    settings: dict

    def test(self, recipe):
        """The `TestProtocol` of this test for a recipe."""
        segments = {"num_segments": recipe.test.num_segments}
        return TestProtocol(**{**segments, **self.settings})


_CHUNKS = {
    "num_segments": 5,
    "sampling": "chunks",
    "stride": 15,
    "crops": "frame_and_mirror",
}

PROTOCOLS = {
    "25x10": Protocol(
        "25 snippets, 4 corners, center and their mirrors",
        "TSN, section 3.3",
        {"num_segments": 25, "crops": "ten"},
    ),
    "25x1": Protocol(
        "25 snippets, center",
        "TS-LSTM and Temporal-Inception, section 3.4.1",
        {"num_segments": 25, "crops": "center"},
    ),
    "25xframe": Protocol(
        "25 snippets, the whole frame and its mirror, short side 256",
        "ST-Multiplier, section 4.2, of networks of single snippets",
        {"num_segments": 25, "crops": "frame_and_mirror"},
    ),
    "25_chunks": Protocol(
        "one pass over 25 chunks, the whole frame and its mirror",
        "ST-Multiplier, section 4.2",
        {**_CHUNKS, "num_segments": 25},
    ),
    "5_chunks": Protocol(
        "one clip of 5 chunks, the whole frame and its mirror",
        "Two-stream fusion, section 3.5",
        _CHUNKS,
    ),
    "10x5_chunks": Protocol(
        "10 clips of 5 chunks, the whole frame and its mirror",
        "Two-stream fusion, the authors' code",
        {**_CHUNKS, "num_clips": 10},
    ),
    "5_sequences": Protocol(
        "5 sequences, the k-th frame of each segment in sequence k; center",
        "STFN, section 4.2",
        {"num_clips": 5, "sampling": "uniform", "crops": "center"},
    ),
}


def get(name):
    """A protocol by its name; a `ValueError` if there is none."""
    checks.choice("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
