import dataclasses
import importlib

from keras_vidrec.data import synthetic
from keras_vidrec.reproduction import make_plan

estimate = importlib.import_module("keras_vidrec.reproduction.estimation")
STEP = estimate.Step(
    seconds=0.5, num_bytes=1000, num_segments=3, num_features=8
)


def test_arithmetic_of_a_plan():
    """TSN of frames: 4500 updates of 256 clips, whole epochs of 30 batches of
    32; tests of 25 segments and ten crops, of 3 segments each."""
    plan = make_plan("tsn", (3,), ("Average",))
    _, trainings = plan.trainings()
    steps = {estimate.kind(training): STEP for training in trainings.values()}
    assert len(steps) == 2
    counts = {"ucf101": {1: (960, 60)}}
    prepared = {("ucf101", "340x256"): (100.0, 7000)}
    found = estimate.total(plan, steps, counts, prepared)
    clips = (4500 + 20000) * 8 * 32
    assert abs(found.seconds["training"] / (0.5 * clips) - 1) < 1e-3
    views = 2 * 60 * 10 * 25 / 3
    assert abs(found.seconds["testing"] - 0.5 / 3 * views) < 1e-6
    assert found.seconds["preparing"] == 100
    assert found.num_bytes == {"preparing": 7000, "training": 7000}
    said = str(found)
    assert "training: 36.3 days" in said and "GiB" in said


def test_a_phase_of_the_head_is_as_long_as_a_forward_pass():
    """12 epochs of 10 passes over 64 frames, 3 of them of the head; 1600 over
    their flow."""
    plan = make_plan("two_stream_fusion", (3,), ("UCF101 split 1, VGG-16",))
    _, trainings = plan.trainings()
    steps = {estimate.kind(training): STEP for training in trainings.values()}
    found = estimate.total(plan, steps, {"ucf101": {1: (64, 1)}}, {})
    clips = 64 * (10 * (9 + 3 / 3) + 1600)
    assert abs(found.seconds["training"] / (0.5 * clips) - 1) < 1e-6


def test_features_count_once():
    plan = make_plan("ts_lstm", (3,))
    _, trainings = plan.trainings()
    steps = {estimate.kind(training): STEP for training in trainings.values()}
    found = estimate.total(plan, steps, {"ucf101": {1: (10, 5)}}, {})
    images = 2 * 15 * 25
    assert found.num_bytes["features"] == images * 8 * 2
    assert abs(found.seconds["features"] - images * 0.5 / 3) < 1e-6


def test_a_plan_is_measured(eager, tmp_path, monkeypatch):
    """A step of the network, and one of the videos."""
    videos = synthetic.generate(
        tmp_path,
        train_groups=1,
        test_groups=1,
        clips_per_group=1,
        num_frames=8,
        classes=("Dots", "Stripes"),
    )
    steps, measure = [], estimate.measure

    def noted(recipe):
        steps.append(measure(recipe))
        return steps[-1]

    monkeypatch.setattr(estimate, "measure", noted)
    plan = make_plan("tsn", (3,), ("Average",), tiny=True)
    plan = dataclasses.replace(plan, figures=plan.figures[:1])
    found = estimate.estimate(plan, {"ucf101": videos}, flow="dis")
    assert found.seconds.keys() == {"preparing", "training", "testing"}
    assert min(found.seconds.values()) > 0
    assert min(found.num_bytes.values()) > 1000
    (step,) = steps
    assert step.num_segments == 3
    assert step.num_features == 256 and step.num_bytes > 1e5
