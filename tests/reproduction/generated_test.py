from keras_vidrec.data import opening
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.reproduction import generate
from keras_vidrec.reproduction import give
from keras_vidrec.reproduction import given_paths
from keras_vidrec.reproduction import make_plan


def test_generated_videos_have_three_splits(tmp_path):
    assert generate(tmp_path) == generate(tmp_path)
    opened = opening.open_dataset(tmp_path, images_only=True)
    assert sorted(opened.catalog.splits) == [1, 2, 3]
    tests = [{*split.test} for split in opened.catalog.splits.values()]
    assert all(len(test) == 4 for test in tests)
    assert not tests[0] & tests[1] and not tests[1] & tests[2]
    for split in opened.catalog.splits.values():
        assert len(split.train) == 8 and not {*split.train} & {*split.test}


def test_what_a_user_gives_is_generated(tmp_path):
    """Scores of the test videos of each split, and a dataset with flow; no
    initial weights."""
    videos = generate(tmp_path / "videos")
    catalog = opening.open_dataset(videos).catalog
    for paper, names in (
        ("st_multiplier", {"idt_ucf101", "idt_hmdb51"}),
        ("ts_lstm", {"brox_ucf101"}),
    ):
        plan = make_plan(paper, tiny=True)
        assert given_paths(tmp_path, plan).keys() == names
        give(tmp_path, plan, videos)
        assert not plan.possible(("ucf101", "hmdb51"), names)[1]
    for split, part in catalog.splits.items():
        scores = Scores.load(tmp_path / "given" / f"idt_ucf101-{split}.npz")
        assert scores.videos == tuple(catalog.videos[i] for i in part.test)
        assert [*scores.labels] == [catalog.labels[i] for i in part.test]
        assert scores.scores.std() > 0.1
    brox = opening.open_dataset(tmp_path / "given" / "brox_ucf101")
    assert brox.kind == "prepared" and "flow" in brox.source.modalities
    assert brox.catalog.splits.keys() == catalog.splits.keys()
