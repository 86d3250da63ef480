"""Every file that is read, changed at random, gives a result, or one clear
error that names it, in bounded time and memory."""

import io
import json
import os
import resource
import time
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from keras_vidrec.applications.parts import model_file
from keras_vidrec.data import inspection
from keras_vidrec.data import opening
from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.catalogs import class_names
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.evaluation.scores.score_journal import ScoreJournal
from keras_vidrec.reporting import curves
from keras_vidrec.specs import files
from keras_vidrec.training import recipes
from keras_vidrec.weights.published.readers.opening import open_checkpoint
from tests.faults import mutation
from tests.videos import encodings
from tests.weights.published.readers import caffe_messages
from tests.weights.published.readers import matlab_files
from tests.weights.published.readers import torch_files
from tests.weights.published.readers.matconvnet_file_test import dag

# Printed with every failure: `VIDREC_FAULT_SEED=8 pytest ...` repeats it.
SEED = int(os.environ.get("VIDREC_FAULT_SEED", "7"))
FEW, MANY = 10, 300
# Of the processor, for a file; the largest takes a tenth of a second.
MOST_SECONDS = 10
# More than the process had, for all files of a format.
MOST_BYTES = 2**30


class Format:
    """A kind of files: how one is made, changed and read."""

    mutate = staticmethod(mutation.of_bytes)
    # Whether what is damaged is passed over, or listed, without an error.
    is_forgiving = False

    def make(self, directory):
        """Makes a sound file below `directory`; returns its path."""
        raise NotImplementedError

    def read(self, path):
        """Reads it as users do."""
        raise NotImplementedError


class RecipeFile(Format):
    mutate = staticmethod(mutation.of_text)

    def make(self, directory):
        path = directory / "recipe.yaml"
        path.write_text(recipes.get("tsn_rgb_ucf101_code").to_yaml(), "utf-8")
        return path

    def read(self, path):
        recipe = recipes.get(path)
        # What was read can be kept, and is the same then.
        assert recipes.Recipe.from_yaml(recipe.to_yaml()) == recipe


class VideoList(Format):
    mutate = staticmethod(mutation.of_text)
    name = "list.csv"

    def make(self, directory):
        rows = []
        for i in range(8):
            path = directory / "videos" / f"v {i}.mp4"
            path.parent.mkdir(exist_ok=True)
            path.touch()
            part = ("train", "test")[i % 2]
            rows.append((path.name, ("run", "walk, é")[i // 4], part, i, i + 2))
        header = ("path", "label", "split", "start", "end")
        self.write(directory / self.name, header, rows)
        return directory / self.name

    def write(self, path, header, rows):
        files.write_table(path, header, rows)

    def read(self, path):
        found = catalog.from_list(path, path.parent / "videos")
        assert len(found.videos) == len(found.labels) > 0


class JsonList(VideoList):
    mutate = staticmethod(mutation.of_json)
    name = "list.json"

    def write(self, path, header, rows):
        rows = [dict(zip(header, row)) for row in rows]
        path.write_text(json.dumps(rows), "utf-8")


class OfficialSplits(Format):
    """A file of those of UCF101."""

    mutate = staticmethod(mutation.of_text)

    def __init__(self, name):
        self._name = name

    def make(self, directory):
        splits = directory / "splits"
        splits.mkdir()
        (splits / "classInd.txt").write_text("1 Archery\n2 Bowling\n")
        lines = {"train": "", "test": ""}
        for label, name in enumerate(("Archery", "Bowling"), 1):
            for group, part in enumerate(("train", "train", "test"), 1):
                path = f"{name}/v_{name}_g{group:02}_c01.avi"
                (directory / "videos" / path).parent.mkdir(
                    parents=True, exist_ok=True
                )
                (directory / "videos" / path).touch()
                number = f" {label}" if part == "train" else ""
                lines[part] += f"{path}{number}\n"
        for part, text in lines.items():
            (splits / f"{part}list01.txt").write_text(text)
        return splits / self._name

    def read(self, path):
        root = path.parents[1] / "videos"
        found = catalog.discover(root, splits=path.parent)
        assert found.videos and found.splits


class Log(Format):
    """The log of a training, for its report."""

    is_forgiving = True
    mutate = staticmethod(mutation.of_text)

    def make(self, directory):
        rows = [(i, 0.5 + i / 10, 1 / (i + 1), 0.2) for i in range(5)]
        header = ("epoch", "accuracy", "loss", "val_loss")
        files.write_table(directory / "log.csv", header, rows)
        return directory / "log.csv"

    def read(self, path):
        curves.choose(curves.read(path))


class ClassNames(Format):
    """Names beside a list; what is none of them is no error."""

    is_forgiving = True
    mutate = staticmethod(mutation.of_text)

    def make(self, directory):
        path = directory / "classInd.txt"
        path.write_text("1 Archery\n2 Bowling\n3 Ruder é\n", "utf-8")
        return path

    def read(self, path):
        assert class_names.read(path) != {}


class Journal(Format):
    """The scores of a test that is not finished; damaged, it begins again."""

    is_forgiving = True
    mutate = staticmethod(mutation.of_text)
    settings = {"protocol": "25x10", "classes": ["run", "walk"]}

    def make(self, directory):
        path = directory / "test.journal"
        with ScoreJournal(path, self.settings) as journal:
            for i in range(5):
                journal.add(f"run/{i}.avi", np.array([i, 1.5]))
        return path

    def read(self, path):
        with ScoreJournal(path, self.settings) as journal:
            journal.add("run/9.avi", np.zeros(2))


class Network(Format):
    def make(self, directory):
        images = keras.Input((4, 4, 3), name="rgb")
        x = layers.Conv2D(2, 3, name="conv")(images)
        x = layers.BatchNormalization(name="bn")(x)
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        network = keras.Model(images, layers.Dense(3, name="logits")(x))
        path = directory / "model.keras"
        model_file.save(network, path)
        return path

    def read(self, path):
        network = model_file.load(path)
        assert all(np.isfinite(w).all() for w in network.get_weights())


class Config(Network):
    """What the checksum of the archive does not tell."""

    @staticmethod
    def mutate(content, draw):
        packed = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(content)) as old,
            zipfile.ZipFile(packed, "w") as new,
        ):
            for name in old.namelist():
                member = old.read(name)
                if name == "config.json":
                    member = mutation.of_json(member, draw)
                new.writestr(name, member)
        return packed.getvalue()


class ScoreFile(Format):
    def make(self, directory):
        path = directory / "test.npz"
        Scores(
            [f"run/{i}.avi" for i in range(20)],
            np.arange(40, dtype="float32").reshape(20, 2),
            np.arange(20) % 2,
            ["run", "wälk"],
            {"protocol": "25x10", "split": 1},
        ).save(path)
        return path

    def read(self, path):
        Scores.load(path)


class Dataset(Format):
    """A file of a prepared dataset."""

    def __init__(self, pattern, mutate=Format.mutate):
        self._pattern = pattern
        self.mutate = mutate

    def make(self, directory):
        videos = directory / "videos"
        for name in ("run", "walk"):
            for clip in "ab":
                path = videos / name / f"{clip}.mp4"
                path.parent.mkdir(parents=True, exist_ok=True)
                encodings.encode(path, PLAYED["mp4"])
        prepared = directory / "prepared"
        opened = opening.open_dataset(videos, images_only=True)
        prepare(opened.catalog, prepared, Preparation(flow="none"), workers=1)
        (path, *_) = sorted(prepared.glob(self._pattern))
        return path

    def read(self, path):
        root = next(p for p in path.parents if p.name == "prepared")
        source = opening.open_dataset(root, images_only=True).source
        for i in range(len(source.videos)):
            source.read(i, "rgb", range(source.num_frames(i, "rgb")))


class Cache(Format):
    """What is kept of videos beside them: it only saves time."""

    is_forgiving = True
    mutate = staticmethod(mutation.of_json)

    def __init__(self, name):
        self._name = name

    def make(self, directory):
        videos = directory / "videos"
        for name in ("run", "walk"):
            path = videos / name / "a.mp4"
            path.parent.mkdir(parents=True)
            encodings.encode(path, PLAYED["mp4"])
        inspection.inspect(opening.open_dataset(videos, images_only=True))
        return videos / self._name

    def read(self, path):
        found = inspection.inspect(
            opening.open_dataset(path.parent, images_only=True)
        )
        assert found.num_videos == 2


PLAYED = {
    "mp4": (*encodings.X264, "yuv420p"),
    "avi": encodings.MPEG4,
    "mkv": (*encodings.X264, "yuv420p"),
    "webm": encodings.VP9,
}


class Video(Format):
    """Read as `vidrec inspect` does, which lists what is broken."""

    is_forgiving = True

    def __init__(self, suffix):
        self._suffix = suffix

    def make(self, directory):
        for name in ("run", "walk"):
            path = directory / "videos" / name / f"a.{self._suffix}"
            path.parent.mkdir(parents=True)
            encodings.encode(path, PLAYED[self._suffix])
        return path

    def read(self, path):
        found = inspection.inspect(
            opening.open_dataset(path.parents[1], images_only=True)
        )
        assert found.num_videos == 2
        assert not {*found.broken} - {f"walk/{path.name}"}


class Checkpoint(Format):
    """A file of weights of strangers."""

    def __init__(self, name):
        self._name = name

    def make(self, directory):
        path = directory / self._name
        if path.suffix == ".pth":
            torch_files.save(path, torch_files.state_dict())
        elif path.suffix == ".mat":
            matlab_files.write_v7(path, {"net": dag()})
        else:
            layers = {"fc": ("InnerProduct", [np.eye(4, 5, dtype="f4")])}
            caffe_messages.write(path, caffe_messages.network(layers))
        return path

    def read(self, path):
        open_checkpoint(path)


FORMATS = {
    "recipe": RecipeFile(),
    "list": VideoList(),
    "list in JSON": JsonList(),
    "official classes": OfficialSplits("classInd.txt"),
    "official part": OfficialSplits("trainlist01.txt"),
    "log": Log(),
    "class names": ClassNames(),
    "journal of a test": Journal(),
    "network": Network(),
    "config of a network": Config(),
    "scores": ScoreFile(),
    "dataset.json": Dataset("dataset.json", mutation.of_json),
    "split": Dataset("splits/train*", mutation.of_text),
    "index": Dataset("rgb/*.npz"),
    "records": Dataset("rgb/*.tfrecord"),
    "cache of health": Cache(".vidrec-videos.json"),
    "cache of looks": Cache(".vidrec-looks.json"),
    **{f"video {name}": Video(name) for name in PLAYED},
    "PyTorch": Checkpoint("a.pth"),
    "MatConvNet": Checkpoint("a.mat"),
    "Caffe": Checkpoint("a.caffemodel"),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "count", [FEW, pytest.param(MANY, marks=pytest.mark.large)]
)
def test_a_result_or_one_clear_error(tmp_path, name, count):
    form = FORMATS[name]
    path = form.make(tmp_path)
    form.read(path)
    whole = path.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused, wrong = 0, {}
    for number in range(count):
        path.write_bytes(form.mutate(whole, mutation.draws(SEED, name, number)))
        started = time.process_time()
        try:
            form.read(path)
        except ValueError as error:  # VideoError is one
            refused += 1
            if path.name not in str(error) or len(str(error)) > 3000:
                wrong[number] = f"error of {len(str(error))}: {error}"[:500]
        except Exception as error:
            wrong[number] = f"{type(error).__name__}: {error}"[:500]
        seconds = time.process_time() - started
        if seconds > MOST_SECONDS:
            wrong[number] = f"took {seconds:.1f} s"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    lines = "\n".join(f"{key}: {value}" for key, value in wrong.items())
    assert not wrong, f"VIDREC_FAULT_SEED={SEED}, mutants of {name}\n{lines}"
    assert grown * 1024 < MOST_BYTES, f"took {grown} KiB more"
    assert refused or form.is_forgiving
