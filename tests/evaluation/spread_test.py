"""What Beam's workers make is what one process makes."""

import json

import keras
import numpy as np
import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.data import opening
from keras_vidrec.data.preparing import parts
from keras_vidrec.data.sources.features import Features
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation import feature_extraction
from keras_vidrec.evaluation import localizer
from keras_vidrec.evaluation import segment_files
from keras_vidrec.evaluation import spread
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.evaluation.scores.score_journal import ScoreJournal
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol as Protocol
from keras_vidrec.training import recipes
from keras_vidrec.training.run import Run
from tests.cli.command import vidrec
from tests.data import numbered_video
from tests.evaluation.mean_color_network import mean_color_network

pytest.importorskip("apache_beam")

pytestmark = pytest.mark.usefixtures("no_pipeline_left")

THREADS = ("--direct_num_workers=2", "--direct_running_mode=multi_threading")
PROCESSES = (
    "--direct_num_workers=2",
    "--direct_running_mode=multi_processing",
)
CLASSES = ("jump", "run")


def runner(options=THREADS, number=3):
    return parts.Runner("DirectRunner", options, number)


@pytest.fixture(scope="module")
def network():
    return small_network()


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return six_videos(tmp_path_factory.mktemp("spread") / "videos")


def small_network():
    return mean_color_network(
        CLASSES,
        clip_spec=ClipSpec(size=32),
        test=Protocol(num_segments=3, crops="center"),
    )


def six_videos(root):
    """Writes five videos of two classes, and a broken one."""
    for i in range(5):
        folder = root / CLASSES[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        numbered_video.write(folder / f"{i}.mp4", 9 + 4 * i)
    (root / "run" / "broken.mp4").write_bytes(b"no video")
    return root


@pytest.fixture
def run(network, videos, tmp_path):
    """A finished run, all of whose videos are tested."""
    names = [f"{CLASSES[i % 2]}/{i}.mp4" for i in range(5)]
    rows = [f"{n},{n.split('/')[0]},test" for n in (*names, "run/broken.mp4")]
    listed = tmp_path / "list.csv"
    listed.write_text("\n".join(["path,label,split", *rows]) + "\n")
    recipe = recipes.get("quickstart_rgb").with_data(
        directory=videos, layout="list", list=listed
    )
    made = Run(tmp_path / "run")
    made.claim(recipe)
    model_file.save(network, made.model_file)
    return made


def evaluate(run, **how):
    path, _ = evaluator.evaluate(run.path, verbose=False, **how)
    scores = Scores.load(path)
    path.unlink()
    assert not [*run.scores.glob(".*")]
    return scores


def check_same(scores, expected):
    assert scores.videos == expected.videos
    np.testing.assert_array_equal(scores.scores, expected.scores)
    assert scores.origin == expected.origin
    pace = "videos_per_second"
    assert scores.meta | {pace: 0} == expected.meta | {pace: 0}


def test_scores_are_the_same(run, caplog):
    expected = evaluate(run)
    assert len(expected.videos) == 5
    caplog.clear()
    check_same(evaluate(run, runner=runner()), expected)
    told = [r.getMessage() for r in caplog.records if "Skipped" in r.message]
    assert len(told) == 1 and "broken.mp4" in told[0]
    check_same(evaluate(run, runner=runner((), None)), expected)


@pytest.mark.large
def test_processes_give_the_same_scores(run):
    expected = evaluate(run)
    check_same(evaluate(run, runner=runner(PROCESSES)), expected)


def test_a_failed_test_goes_on(run, monkeypatch):
    """A worker fails; only what was not done before is done again."""
    expected = evaluate(run)
    read = evaluator.pipeline.read_each
    asked = []

    def failing(source, spec, indices, *arguments, **how):
        asked.extend(indices)
        if indices and asked.count(0) and len(asked) > len(indices):
            raise MemoryError("no more")
        return read(source, spec, indices, *arguments, **how)

    one = runner(("--direct_num_workers=1",), 2)
    with monkeypatch.context() as patch:
        patch.setattr(evaluator.pipeline, "read_each", failing)
        with pytest.raises(RuntimeError, match="same command resumes.*no more"):
            evaluate(run, runner=one)
    (journal,) = run.scores.glob(".*.journal")
    done = journal.read_text().count("\n") - 1
    assert 0 < done < 5
    again = []
    add = ScoreJournal.add
    monkeypatch.setattr(
        ScoreJournal,
        "add",
        lambda self, video, scores: (
            again.append(video),
            add(self, video, scores),
        ),
    )
    check_same(evaluate(run, runner=one), expected)
    assert len(again) == 5 - done


def test_each_worker_loads_the_network_once(run, monkeypatch):
    loaded = []
    load = model_file.load
    monkeypatch.setattr(
        model_file, "load", lambda path: loaded.append(path) or load(path)
    )
    evaluate(run, runner=runner(number=4))
    assert len([path for path in loaded if ".parts" in str(path)]) == 1


def test_another_backend_is_named(run, monkeypatch):
    one = runner(("--direct_num_workers=1",), 1)
    keep = spread._keep

    def elsewhere(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(keras.backend, "backend", lambda: "another")
            keep(*arguments)

    monkeypatch.setattr(spread, "_keep", elsewhere)
    with pytest.raises(RuntimeError, match="KERAS_BACKEND=another.*Received"):
        evaluate(run, runner=one)


def test_features_are_the_same(network, videos, tmp_path):
    opened = opening.open_dataset(videos, layout="folder", images_only=True)
    path = tmp_path / "network.keras"
    model_file.save(network, path)
    made = feature_extraction.extract(
        {"rgb": network}, opened, tmp_path / "here", num_frames=4, draws=1,
        grid="uniform", verbose=False,
    )  # fmt: skip
    assert made.num_videos == 5
    out, _ = vidrec(
        "features", "--rgb", path, "--data", videos, "--layout=folder",
        "--out", tmp_path / "there", "--frames=4", "--draws=1",
        "--grid=uniform", "--runner=DirectRunner", "--parts=3", "--", *THREADS,
    )  # fmt: skip
    assert "5 videos, 4 frames each" in out
    here, there = (Features(tmp_path / name) for name in ("here", "there"))
    assert here.videos == there.videos
    assert here.settings["networks"] == there.settings["networks"]
    assert here.origin() == there.origin()
    for i in range(5):
        assert here.health(i) == there.health(i)
        assert here.num_draws(i) == there.num_draws(i)
        for draw in range(1 + here.num_draws(i)):
            np.testing.assert_array_equal(
                here.read(i, "rgb", range(4), draw),
                there.read(i, "rgb", range(4), draw),
            )
    reports = [
        (tmp_path / n / "report.json").read_bytes() for n in ("here", "there")
    ]
    assert reports[0] == reports[1] and b"broken.mp4" in reports[0]
    assert not (tmp_path / "there" / ".prepare" / "parts").exists()


def test_segments_are_the_same(network, videos, tmp_path):
    truth = videos / "truth.csv"
    truth.write_text(
        "path,label,start,end\nrun/1.mp4,run,0,0.3\nrun/3.mp4,jump,0,0.5\n"
        "run/broken.mp4,run,0,1\n"
    )
    how = {"window": 0.2, "stride": 0.1, "verbose": False}
    expected = localizer.localize(network, truth, **how)
    path = tmp_path / "network.keras"
    model_file.save(network, path)
    vidrec(
        "evaluate", path, "--segments", truth, "--window=0.2s", "--stride=0.1s",
        "--out", tmp_path, "--runner=DirectRunner", "--parts=3", "--", *THREADS,
    )  # fmt: skip
    content = json.loads((tmp_path / "truth-segments.json").read_text())
    assert content["map"] == expected.figures.summary()["map"]
    segment_files.save_csv(tmp_path / "expected.csv", expected.found)
    found = (tmp_path / "truth-segments.csv").read_text()
    assert found == (tmp_path / "expected.csv").read_text() != ""
    assert not [*tmp_path.glob(".*")]
