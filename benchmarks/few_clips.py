r"""Recognition from one to three clips a class, on clips named as UCF101's.

    python benchmarks/few_clips.py VIDEOS [--size 160]

VIDEOS is a directory of clips `v_<Class>_g<group>_c<clip>.avi`. Each clip whose
class has clips of another group is recognized by all clips of other groups, by
what `vidrec learn` does where clips are that few: EfficientNet-Lite0 with
ImageNet's weights, and the classifier that knows *these* clips best by one
another. No clip has a say in how it is recognized. Beside it: each single
classifier, the nearest clip by the same features, by those of central crops,
and by a histogram of colors.
"""

import argparse
import pathlib
import re
import sys

import cv2
import numpy as np

from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.learning import steps
from keras_vidrec.learning.choices import Figure
from keras_vidrec.training import classifiers
from keras_vidrec.training import network
from keras_vidrec.training import recipes

_NAME = re.compile(r"v_(\w+)_(g\d+)_c\d+\.\w+")
_BINS = 4


def read(directory):
    """Returns the catalog of the clips of a directory."""
    names = sorted(p.name for p in directory.iterdir() if _NAME.match(p.name))
    kinds = [_NAME.match(name).groups() for name in names]
    classes = tuple(sorted({kind for kind, _ in kinds}))
    labels = tuple(classes.index(kind) for kind, _ in kinds)
    groups = tuple("_".join(kind) for kind in kinds)
    split = Split(tuple(range(len(names))), ())
    return Catalog(directory, tuple(names), labels, groups, classes, {1: split})


def seen(catalog, size, crops):
    """Returns the features of all clips by the frozen network."""
    recipe = recipes.get("frozen_rgb").with_values(
        {
            "clip.size": size,
            "clip.frame.size": f"short{round(size * 256 / 224)}",
            "test.num_segments": steps.SEGMENTS,
            "test.crops": crops,
        }
    )
    indices = range(len(catalog.videos))
    model = network.build(recipe, catalog.classes)
    return classifiers.features(
        model, VideoFiles(catalog), indices, recipe.test
    )[0]


def colors(catalog):
    """Returns histograms of the colors of some frames of each clip."""
    source, found = VideoFiles(catalog), []
    for index in range(len(catalog.videos)):
        places = np.linspace(0, source.num_frames(index, "rgb") - 1, 8)
        frames = source.read(index, "rgb", places.astype(int))
        histogram = cv2.calcHist(
            [*frames], [0, 1, 2], None, [_BINS] * 3, [0, 256] * 3
        )
        found.append(np.sqrt(histogram.ravel()))
    return np.array(found)


def nearest(features, labels, groups):
    """Returns the number of clips with the class of the nearest clip in another
    group, among the clips whose class occurs in another group."""
    x = features / np.linalg.norm(features, axis=1, keepdims=True)
    likeness = np.where(np.equal.outer(groups, groups), -np.inf, x @ x.T)
    found = labels[likeness.argmax(axis=1)]
    return (found == labels)[usable(labels, groups)].sum()


def usable(labels, groups):
    """Returns which clips have other clips of their class in another group."""
    other = np.not_equal.outer(groups, groups)
    return (other & np.equal.outer(labels, labels)).any(axis=1)


def right(scores, labels):
    told = ~np.isnan(scores).any(axis=1)
    return (scores[told].argmax(axis=1) == labels[told]).sum()


def loss(scores, labels, groups):
    told = ~np.isnan(scores).any(axis=1)
    scores = classifiers.sharpened(scores, labels, groups)
    return Figure.of_scores(scores[told], labels[told]).loss


def learned(features, labels, groups):
    """Returns the choice for each group made without it, and the number of its
    clips that are recognized."""
    known, chosen = 0, []
    num_classes = labels.max() + 1
    for group in dict.fromkeys(groups[usable(labels, groups)]):
        inside = groups == group
        rest = features[~inside], labels[~inside], groups[~inside]
        losses = {
            kind: loss(
                classifiers.left_out_scores(kind, *rest, num_classes), *rest[1:]
            )
            for kind in classifiers.KINDS
        }
        kind = min(losses, key=losses.get)
        kernel, bias = classifiers.solve(kind, *rest, num_classes)
        found = (features[inside] @ kernel + bias).argmax(axis=1)
        known += (found == labels[inside]).sum()
        chosen.append(kind)
    return known, chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=160)
    arguments = parser.parse_args()
    catalog = read(arguments.videos)
    labels, groups = np.array(catalog.labels), np.array(catalog.groups)
    count = usable(labels, groups).sum()

    def say(name, number):
        sys.stdout.write(f"{name:42} {number:3} of {count}\n")

    say("nearest by colors", nearest(colors(catalog), labels, groups))
    center = seen(catalog, arguments.size, "center")
    say("nearest by central crops", nearest(center, labels, groups))
    whole = seen(catalog, arguments.size, steps.CROPS[True])
    say("nearest by whole frames", nearest(whole, labels, groups))
    for kind in classifiers.KINDS:
        scores = classifiers.left_out_scores(
            kind, whole, labels, groups, len(catalog.classes)
        )
        say(kind, right(scores, labels))
    known, chosen = learned(whole, labels, groups)
    say("chosen without the clip (vidrec learn)", known)
    for kind in classifiers.KINDS:
        sys.stdout.write(f"  {kind}: {chosen.count(kind)} times\n")


if __name__ == "__main__":
    main()
