"""A table of presets with networks that are built in a moment."""

import os
import shutil

import numpy as np

from keras_vidrec.applications import TSN
from keras_vidrec.weights.presets import Group
from keras_vidrec.weights.presets import Preset
from keras_vidrec.weights.presets import table
from keras_vidrec.weights.published import packages

RGB = "tiny_kinetics_rgb"
FLOW = "tiny_kinetics_flow"
PAIR = "tiny_kinetics"
OTHER = "tiny_ucf101_rgb"
BACKBONE = "tiny_imagenet"
UNHASHED = "tiny_unhashed"
NAMES = (RGB, FLOW, OTHER, BACKBONE, UNHASHED)
CLASSES = {RGB: 2, FLOW: 2, OTHER: 3, BACKBONE: None, UNHASHED: 2}


# Files of the same network, for time.
_COPIES = {BACKBONE: RGB, UNHASHED: RGB}
_CLIP = {
    "num_segments": 8,
    "size": 32,
    "frame": {"size": "short32"},
    "flow": {"method": "dis"},
}


def write_files(directory, names=NAMES):
    """The files of presets, by name."""
    paths = {name: directory / f"{name}.keras" for name in names}
    for seed, (name, path) in enumerate(paths.items()):
        if name in _COPIES:
            shutil.copyfile(paths[_COPIES[name]], path)
            continue
        model = TSN(
            backbone="tiny", classes=CLASSES[name], modality=_modality(name)
        )
        rng = np.random.default_rng(seed)
        model.set_weights([_random(rng, w.shape) for w in model.weights])
        model.save(path)
    return paths


def presets(paths):
    """The presets and a group of them, by name."""
    found = {}
    for name, path in paths.items():
        is_network = CLASSES[name] is not None
        arguments = {"backbone": "tiny", "modality": _modality(name)}
        if _modality(name) == "flow":
            arguments["snippet_length"] = 5
        found[name] = Preset(
            name=name,
            application="TSN" if is_network else None,
            arguments=arguments,
            classes=CLASSES[name],
            file=path.name,
            addresses=(f"https://weights.example/files/{path.name}",),
            sha256=None if name == UNHASHED else packages.digest(path),
            format="keras",
            scheme="keras_vidrec",
            clip=_CLIP if is_network else {},
            test={"num_segments": 2, "crops": "center"} if is_network else None,
            figures={"top1": 12.5},
            data="UCF101" if name == OTHER else "Tiny-Kinetics",
            split=1 if name == OTHER else None,
            source="https://weights.example",
            license="MIT",
        )
    if {RGB, FLOW} <= found.keys():
        streams = {"rgb": found[RGB], "flow": found[FLOW]}
        weights = {"rgb": 1.0, "flow": 1.5}
        found[PAIR] = Group(name=PAIR, streams=streams, fusion_weights=weights)
    return found


def install(monkeypatch, paths, cache):
    """Makes them the table, on a machine without a network whose cache is
    empty."""
    found = presets(paths)
    monkeypatch.setattr(table, "_table", lambda: found)
    monkeypatch.setenv("VIDREC_CACHE", os.fspath(cache))
    monkeypatch.setenv("VIDREC_OFFLINE", "1")
    for other in ("KERAS_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(other, os.fspath(cache / "none"))
    return found


def put_into_cache(preset, path, cache):
    """As a download would."""
    entry = preset.published_file
    place = cache / "weights" / entry.key / entry.name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(path.read_bytes())
    return place


def _modality(name):
    return "flow" if name == FLOW else "rgb"


def _random(rng, shape):
    """Weights that let something through, and no score near 1."""
    if len(shape) == 1:
        return rng.uniform(0.5, 1.5, shape)
    scale = 0.1 if len(shape) == 2 else 1.0
    return rng.normal(0, scale * (2 / np.prod(shape[:-1])) ** 0.5, shape)
