import dataclasses
import os

import cv2
import numpy as np
import pytest

from keras_vidrec.data import synthetic
from keras_vidrec.data import synthetic_scene

SMALL = {
    "train_groups": 2,
    "test_groups": 1,
    "clips_per_group": 1,
    "size": (32, 48),
    "num_frames": 8,
}
DIRECTIONS = {
    "MoveLeft": [(-1, 0)],
    "MoveRight": [(1, 0)],
    "MoveUp": [(0, -1)],
    "MoveDown": [(0, 1)],
    "LeftThenUp": [(-1, 0), (0, 0), (0, -1)],
    "UpThenLeft": [(0, -1), (0, 0), (-1, 0)],
    "DownThenRight": [(0, 1), (0, 0), (1, 0)],
    "RightThenDown": [(1, 0), (0, 0), (0, 1)],
}
# What a single frame must not tell apart.
HIDDEN = [
    name for name, kind in synthetic.KINDS.items() if kind != "appearance"
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return synthetic.generate(tmp_path_factory.mktemp("synthetic"), **SMALL)


def decode(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        found, frame = capture.read()
        if not found:
            return np.array(frames)[..., ::-1]
        frames.append(frame)


def draw(class_name, clip=1, size=(64, 80), num_frames=34):
    return synthetic.draw_scene(
        class_name, 1, clip, size=size, num_frames=num_frames
    )


def test_kinds():
    kinds = list(synthetic.KINDS.values())
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "appearance": 2,
        "motion": 6,
        "order": 4,
    }
    assert list(synthetic.KINDS) == sorted(synthetic.KINDS)


def test_layout_and_lists(dataset):
    names = list(synthetic.KINDS)
    clip = "{0}/v_{0}_g{1:02d}_c01.avi"
    expected = {
        "classInd.txt": [
            f"{label} {name}" for label, name in enumerate(names, start=1)
        ],
        "testlist01.txt": [clip.format(name, 1) for name in names],
        "trainlist01.txt": [
            f"{clip.format(name, group)} {label}"
            for label, name in enumerate(names, start=1)
            for group in (2, 3)
        ],
    }
    lists = dataset / "ucfTrainTestlist"
    assert {path.name for path in lists.iterdir()} == set(expected)
    for name, lines in expected.items():
        # The official lists end their lines like this.
        text = "".join(f"{line}\r\n" for line in lines)
        assert (lists / name).read_bytes() == text.encode()
    videos = {
        path.relative_to(dataset).as_posix() for path in dataset.rglob("*.avi")
    }
    assert videos == {clip.format(n, g) for n in names for g in (1, 2, 3)}


def test_videos_hold_the_drawn_frames(dataset):
    for path in sorted(dataset.rglob("*.avi")):
        class_name, group = path.parent.name, int(path.stem.split("_")[2][1:])
        scene = synthetic.draw_scene(
            class_name, group, 1, size=(32, 48), num_frames=8
        )
        drawn = np.array([scene.frame(index) for index in range(8)])
        decoded = decode(path)
        assert decoded.shape == (8, 32, 48, 3)
        # MPEG-4 is lossy: about 4 of 255, and 50 to any other clip.
        error = np.sqrt(np.mean((decoded - drawn.astype(float)) ** 2))
        assert error < 12


def test_clips_are_a_function_of_seed_class_group_and_clip(dataset, tmp_path):
    again = synthetic.generate(tmp_path / "same", **SMALL)
    other = synthetic.generate(tmp_path / "other", seed=1, **SMALL)
    name = "Grow/v_Grow_g01_c01.avi"
    np.testing.assert_array_equal(decode(again / name), decode(dataset / name))
    assert np.any(decode(other / name) != decode(dataset / name))
    size = {"size": (32, 48), "num_frames": 8}
    frames = [
        synthetic.draw_scene(*key, **size).frame(0).tobytes()
        for key in (
            ("Grow", 1, 1),
            ("Grow", 1, 2),
            ("Grow", 2, 1),
            ("Shrink", 1, 1),
        )
    ]
    assert len(set(frames)) == 4


def test_processes_write_the_same(dataset, tmp_path):
    synthetic.generate(tmp_path, workers=2, **SMALL)
    videos = [path.relative_to(dataset) for path in dataset.rglob("*.*")]
    assert len(videos) > 36
    for name in videos:
        assert (tmp_path / name).read_bytes() == (dataset / name).read_bytes()
    # What is wrong there is wrong here.
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "Dots").write_text("no folder")
    with pytest.raises(FileExistsError, match="Dots"):
        synthetic.generate(wrong, workers=2, **SMALL)


def test_resumes(tmp_path):
    synthetic.generate(tmp_path, **SMALL)
    videos = sorted(tmp_path.rglob("*.avi"))
    for path in videos:
        os.utime(path, ns=(0, 0))
    content = videos[5].read_bytes()
    videos[5].unlink()
    # What an interrupted call leaves.
    videos[5].with_suffix(".partial.avi").write_bytes(content[:100])
    synthetic.generate(tmp_path, **SMALL)
    assert sorted(tmp_path.rglob("*.avi")) == videos
    written = [path for path in videos if path.stat().st_mtime_ns != 0]
    assert written == [videos[5]]
    assert videos[5].read_bytes() == content


def test_refuses_to_mix_settings(dataset):
    with pytest.raises(ValueError, match=r"Received: .*'num_frames': 9"):
        synthetic.generate(dataset, **{**SMALL, "num_frames": 9})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("train_groups", 0),
        ("test_groups", 0),
        ("clips_per_group", 0),
        ("num_frames", 7),
        ("seed", -1),
        ("workers", 0),
        ("size", (30, 48)),
        ("size", (32, 47)),
        ("size", (32.0, 48)),
        ("size", (32,)),
        ("classes", ("Dots", "Walk")),
    ],
)
def test_invalid_arguments(name, value, tmp_path):
    with pytest.raises(ValueError) as error:
        synthetic.generate(tmp_path, **{**SMALL, name: value})
    assert f"Received: {name}={value!r}" in str(error.value)
    assert not list(tmp_path.iterdir())


def kolmogorov_smirnov(first, second):
    """Largest distance of two empirical distribution functions."""
    values = np.concatenate([first, second])
    shares = [
        np.searchsorted(np.sort(sample), values, side="right") / len(sample)
        for sample in (first, second)
    ]
    return np.max(np.abs(shares[0] - shares[1]))


def test_single_frames_do_not_tell_motion_and_order():
    draws = 150
    rng = np.random.default_rng(0)
    samples = {}
    for name in HIDDEN:
        rows = []
        for clip in range(draws):
            scene = draw(name, clip, size=(32, 48), num_frames=9)
            index = rng.integers(9)
            rows.append(
                [
                    *scene.positions[index] / (48, 32),
                    *scene.positions[4] / (48, 32),
                    np.log(scene.radii[index]),
                    *scene.shake[index],
                    scene.background.mean(),
                    scene.background.std(),
                    scene.canvas[..., :3].mean(),
                    scene.canvas[..., :3].std(),
                    scene.canvas[..., 3].mean(),
                ]
            )
        samples[name] = np.array(rows)
    everything = np.concatenate(list(samples.values()))
    uniform = np.linspace(0, 1, 1000)
    for name, sample in samples.items():
        others = np.concatenate([samples[n] for n in HIDDEN if n != name])
        # Probability 0.0001 for two samples of one distribution.
        limit = 2.23 * np.sqrt(1 / len(sample) + 1 / len(others))
        for column in range(sample.shape[1]):
            distance = kolmogorov_smirnov(sample[:, column], others[:, column])
            assert distance < limit, (name, column)
        for column in range(4):
            distance = kolmogorov_smirnov(sample[:, column], uniform)
            assert distance < 2.23 / np.sqrt(draws), (name, column)
    assert np.all(everything.std(axis=0) > 0)


def test_opposite_motions_are_each_other_in_reversed_time():
    def scene(event):
        return synthetic_scene.draw(
            np.random.default_rng(7),
            "noise",
            (event,),
            size=(64, 80),
            num_frames=12,
        )

    grow, shrink = scene("grow"), scene("shrink")
    np.testing.assert_allclose(shrink.radii, grow.radii[::-1], rtol=1e-12)
    for one, other in (("left", "right"), ("up", "down")):
        one, other = scene(one), scene(other)
        np.testing.assert_array_equal(one.canvas, other.canvas)
        np.testing.assert_array_equal(one.radii, other.radii)
        period = np.array([80, 64])
        # Same steps, only backwards; the first position is uniform.
        steps = np.diff(one.positions, axis=0) % period
        reversed_steps = np.diff(other.positions[::-1], axis=0) % period
        np.testing.assert_allclose(steps % period, reversed_steps, atol=1e-9)


def mask_steps(scene):
    """Displacement of the mask's centroid on the torus, frame by frame, the
    camera's share taken off: `(num_frames - 1, 2)`."""
    centroids = []
    for index in range(len(scene.radii)):
        mask = scene.mask(index)
        centroid = []
        for axis, length in ((0, scene.size[1]), (1, scene.size[0])):
            wave = np.exp(2j * np.pi * np.arange(length) / length)
            angle = np.angle(mask.sum(axis=axis) @ wave)
            centroid.append(angle * length / (2 * np.pi))
        centroids.append(centroid - scene.shake[index])
    period = np.array(scene.size[::-1])
    steps = np.diff(centroids, axis=0)
    return (steps + period / 2) % period - period / 2


@pytest.mark.parametrize("class_name", DIRECTIONS)
def test_moves_in_the_direction_of_its_name(class_name):
    directions = np.array(DIRECTIONS[class_name])
    # 33 steps: all of one event, or 11 of each.
    directions = np.repeat(directions, 33 // len(directions), axis=0)
    for clip in range(4):
        scene = draw(class_name, clip)
        steps = mask_steps(scene)
        speed = np.sum(steps * directions) / np.sum(directions**2)
        assert 64 / 48 - 0.02 < speed < 64 / 24 + 0.02
        np.testing.assert_allclose(steps, speed * directions, atol=0.25)
        assert np.ptp(scene.radii) == 0


@pytest.mark.parametrize(("class_name", "sign"), [("Grow", 1), ("Shrink", -1)])
def test_grows_and_shrinks_on_the_spot(class_name, sign):
    for clip in range(4):
        scene = draw(class_name, clip)
        areas = [scene.mask(index).sum() for index in range(34)]
        # The area is that of the radius squared.
        growth = sign * np.diff(np.log(areas)).sum() / 2
        assert 1.35 < growth < 1.65
        assert np.all(sign * np.diff(areas) > 0)
        assert np.ptp(scene.positions, axis=0).max() < 1e-9


@pytest.mark.parametrize("class_name", ["Dots", "Stripes"])
def test_appearance_stands_still(class_name):
    scene = draw(class_name)
    assert np.ptp(scene.positions, axis=0).max() == 0
    assert np.ptp(scene.radii) == 0
    assert np.ptp(scene.shake, axis=0).min() > 0


def test_object_moves_on_a_torus_before_a_still_background():
    scene = draw("MoveLeft")
    still = dataclasses.replace(
        scene,
        positions=np.array([[78.25, 2.5], [81.25, 0.5]]),
        radii=np.full(2, 12.0),
        shake=np.zeros((2, 2)),
    )
    first, second = still.mask(0), still.mask(1)
    assert 0.3 * np.pi * 12**2 < first.sum() < np.pi * 12**2
    rolled = np.roll(first, (-2, 3), axis=(0, 1))
    np.testing.assert_allclose(second, rolled, atol=1e-3)
    frames = [still.frame(index).astype(int) for index in (0, 1)]
    inside = np.roll(frames[0], (-2, 3), axis=(0, 1))[second == 1]
    assert np.abs(frames[1][second == 1] - inside).max() <= 1
    outside = (first == 0) & (second == 0)
    np.testing.assert_array_equal(frames[0][outside], frames[1][outside])


def test_shake_moves_everything():
    scene = draw("MoveLeft")
    shaken = dataclasses.replace(
        scene,
        positions=np.full((2, 2), 31.5),
        radii=np.full(2, 12.0),
        shake=np.array([[0, 0], [1, -1]]),
    )
    first, second = (shaken.frame(index).astype(int) for index in (0, 1))
    assert np.abs(second[:-1, 1:] - first[1:, :-1]).max() <= 1
