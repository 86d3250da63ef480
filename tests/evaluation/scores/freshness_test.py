import zipfile

from keras_vidrec.evaluation.scores import freshness
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.training.run import Run


def scores(path, **meta):
    found = Scores("ab", [[1, 0], [0, 1]], [0, 1], "xy", meta)
    found.save(path)
    return found


def test_scores_of_another_network_than_their_run_has(tmp_path):
    run = Run(tmp_path / "run")
    run.path.mkdir()
    run.recipe_file.write_text("")
    run.model_file.write_bytes(b"first")
    run.head_file.write_bytes(b"head")
    path = run.scores / "25x1-a_split1.npz"
    assert freshness.run_of(path) == run.path
    for file in (run.model_file, run.head_file):
        tested = scores(path, model=freshness.fingerprint(file))
        assert freshness.is_stale(tested, path) is False
        assert freshness.marked(tested, path) is tested
    run.head_file.write_bytes(b"another")
    assert freshness.is_stale(tested, path) is True
    assert freshness.marked(tested, path).marks == (
        "25x1-a_split1.npz was made by an earlier network of its run",
    )
    for file in (run.model_file, run.head_file):
        file.unlink()
    assert freshness.is_stale(tested, path) is None
    (mark,) = freshness.marked(tested, path).marks
    assert "no longer has a network" in mark


def test_nothing_is_said_of_what_nobody_knows(tmp_path):
    run = Run(tmp_path)
    run.model_file.write_bytes(b"first")
    path = run.scores / "25x1-a_split1.npz"
    tested = scores(path, model="of another")
    assert freshness.is_stale(tested, path) is False  # that is no run
    run.recipe_file.write_text("")
    assert freshness.is_stale(tested, path) is True
    assert freshness.is_stale(scores(path), path) is False
    lonely = tmp_path / "lonely.npz"
    assert freshness.is_stale(tested, lonely) is False


def test_a_network_is_known_by_its_weights(tmp_path):
    files = [tmp_path / f"{number}.keras" for number in range(3)]
    for file, config, weights in zip(files, "aab", (b"1", b"2", b"1")):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("config.json", config)
            archive.writestr("model.weights.h5", weights)
    first, other, again = map(freshness.fingerprint, files)
    assert again == first != other
