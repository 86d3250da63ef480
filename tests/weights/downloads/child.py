"""A process that fetches one file: `child ADDRESS SIZE SHA256 [BYTES]`, with
`BYTES` no file may grow beyond.

It comes without Keras, whose import takes a hundred times as long.
"""

import pathlib
import resource
import sys
import types

import keras_vidrec

room = types.ModuleType("keras_vidrec.weights")
room.__path__ = [str(pathlib.Path(keras_vidrec.__file__).parent / "weights")]
sys.modules[room.__name__] = room


def main(address, size, sha256, most=None):
    from keras_vidrec.weights.downloads import PublishedFile
    from keras_vidrec.weights.downloads import fetch

    if most is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
    try:
        print(fetch(PublishedFile("a.pth", (address,), int(size), sha256)))
    except OSError as error:
        print(error)
    assert "keras" not in sys.modules


if __name__ == "__main__":
    main(*sys.argv[1:])
