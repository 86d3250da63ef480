import random

import pytest

from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.sources.source import Source
from keras_vidrec.training.dataset import Dataset
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.run_videos import RunVideos

RECIPE = Recipe(name="small").with_data(directory="/data")


class Known(Source):
    """Videos whose contents are known: `contents` by name."""

    def __init__(self, videos, contents):
        super().__init__(videos)
        self._contents = contents

    @property
    def contents(self):
        return tuple(map(self._contents.get, self.videos))


def dataset(found, contents=()):
    split = found.splits[1]
    source = Known(found, dict(contents))
    return Dataset(source, split.train, (), split.test, (), RECIPE)


def named(*rows, test=2, contents=()):
    """A dataset of `"Class/name"`, perhaps `"name=Class"`; the last ones are
    the test."""
    videos = [row.partition("=")[0] for row in rows]
    labels = [row.partition("=")[2] or row.split("/")[0] for row in rows]
    classes = tuple(sorted({*labels}))
    numbers = range(len(videos))
    return dataset(
        Catalog(
            None,
            tuple(videos),
            tuple(map(classes.index, labels)),
            tuple(videos),
            classes,
            {1: Split(tuple(numbers[:-test]), tuple(numbers[-test:]))},
        ),
        contents,
    )


def test_videos_that_are_added_move_no_other_one(tmp_path):
    """In a folder without lists each addition makes another split."""
    draw = random.Random(0)
    moved = 0
    for _ in range(60):
        names = [f"{c}/{i:02d}.avi" for c in "ab" for i in range(20)]
        few = sorted(draw.sample(names, 20))
        kept = RunVideos.of(dataset(catalog.folder(tmp_path, clips=few)))
        now = dataset(catalog.folder(tmp_path, clips=names))
        trained = {video.name for video in kept.train}
        moved += bool(trained & {now.source.videos[i] for i in now.test})
        data = kept.to_train(now, "run")
        for part in ("train", "test"):
            assert [data.source.videos[i] for i in getattr(data, part)] == [
                video.name for video in getattr(kept, part)
            ]
        assert "Added since the run started, and not used: " in data.changes[0]
        assert data.changes[0].endswith("(20).")
    assert moved > 10


BEFORE = named(
    *("a/1", "b/1", "b/2", "c/1", "a/3", "b/3"),
    contents=[("a/1", "A"), ("b/1", "B"), ("a/3", "T")],
)


@pytest.mark.parametrize(
    "now, message",
    [
        (
            named("a/1", "z/1", "z/2", "c/1", "a/3", "b/3=z"),
            r"classes: gone b \(1\), new z \(1\); removed: b/1, b/2 \(2\)$",
        ),
        (named("b/1", "b/2", "c/1", "a/3", "b/3"), r"removed: a/1 \(1\)$"),
        (
            named("a/1=b", "b/1", "b/2", "c/1", "a/3", "b/3"),
            r"of another class: a/1 from a to b \(1\)$",
        ),
        (
            named(
                *("a/9", "b/1", "b/2", "c/1", "a/3", "b/3"),
                contents=[("a/9", "A")],
            ),
            r"removed: a/1 \(now a/9\) \(1\)$",
        ),
        (
            named(
                *("a/1", "b/1", "b/2", "c/1", "a/3", "b/3"),
                contents=[("a/1", "A"), ("b/1", "other")],
            ),
            r"replaced by others of the same name: b/1 \(1\)$",
        ),
    ],
)  # fmt: skip
def test_what_has_changed_is_refused_by_name(now, message):
    kept = RunVideos.of(BEFORE)
    with pytest.raises(ValueError, match=f"^/data has changed.*{message}"):
        kept.to_train(now, "run")


def test_a_test_that_has_changed_is_told():
    kept = RunVideos.of(BEFORE)
    same = kept.to_train(BEFORE, "run")
    assert same == BEFORE and same.changes == ()
    now = named("a/3", "a/1", "b/1", "b/2", "c/1", contents=[("a/3", "other")])
    data = kept.to_train(now, "run")
    assert data == kept.apply(now)
    assert [data.source.videos[i] for i in data.train] == [
        *("a/1", "b/1", "b/2", "c/1")
    ]
    assert [data.source.videos[i] for i in data.test] == ["a/3"]
    split, test = data.changes
    assert "the run keeps its own: b/2, c/1, a/3 (3)." in split
    assert "removed: b/3 (1); replaced by others of the same" in test


def test_they_are_kept_in_a_file(tmp_path):
    path, kept = tmp_path / "videos.json", RunVideos.of(BEFORE)
    assert RunVideos.load(path) is None
    kept.save(path)
    assert RunVideos.load(path) == kept
    kept.set_state(RunVideos.load(path).get_state())
    with pytest.raises(ValueError, match="is from a training on other videos"):
        kept.set_state(RunVideos.of(named("a/1", "b/1", test=1)).get_state())
    for text in (
        "",
        '{"classes": ["a"]}',
        '{"classes": 3}',
        path.read_text()[:-20],
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match="videos.json, which is damaged"):
            RunVideos.load(path)
