"""Processes that download, without Keras, whose import takes a hundred times
as long.

`child fetch ADDRESS SIZE SHA256 [BYTES]`: one file; with `BYTES`, no file may
grow beyond that. `child saved KAGGLE ADDRESS ...`: saved networks of hubs,
Kaggle's being at the first address; after `offline`, offline. Each prints
where the file lies, or the error.
"""

import os
import pathlib
import resource
import sys
import types

import keras_vidrec

room = types.ModuleType("keras_vidrec.weights")
room.__path__ = [str(pathlib.Path(keras_vidrec.__file__).parent / "weights")]
sys.modules[room.__name__] = room


def fetch(address, size, sha256, most=None):
    from keras_vidrec.weights import downloads

    if most is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
    entry = downloads.PublishedFile("a.pth", (address,), int(size), sha256)
    try:
        print(downloads.fetch(entry))
    except OSError as error:
        print(error)


def saved(kaggle, *addresses):
    from kagglesdk import kaggle_env

    from keras_vidrec.weights import downloads

    kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = kaggle
    for address in addresses:
        if address == "offline":
            os.environ["VIDREC_OFFLINE"] = "1"
            continue
        try:
            print(downloads.fetch_saved(address))
        except (ValueError, OSError) as error:
            print(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    {"fetch": fetch, "saved": saved}[sys.argv[1]](*sys.argv[2:])
    assert "keras" not in sys.modules
