import contextlib
import os
import pathlib
import shlex
import subprocess
import sys
import textwrap

import typer

from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.cli.terminal import progress

# The fusion weights of TSN's authors.
_FUSION_WEIGHTS = {"rgb": 1.0, "flow": 1.5}

# Why a kind of classes is easy or hard for a stream.
_WHY = {
    ("rgb", "appearance"): "one frame shows it",
    ("rgb", "motion"): "no single frame shows the direction of motion",
    ("rgb", "order"): "no single frame shows what came first",
    ("flow", "appearance"): "flow has neither colors nor brightness",
    ("flow", "motion"): "flow is the motion",
    ("flow", "order"): "both events are seen, but averaging over segments "
    "loses their order",
    ("fused", "appearance"): "from rgb",
    ("fused", "motion"): "from flow",
    ("fused", "order"): "no better than flow: neither stream keeps the order",
    ("ts_lstm", "appearance"): "from the features of rgb",
    ("ts_lstm", "motion"): "from the features of flow",
    ("ts_lstm", "order"): "it processes the segments in order",
}
# Three frames of each of the recipe's three segments.
_NUM_FRAMES = 9


def quickstart(
    out: pathlib.Path = typer.Option(
        pathlib.Path("quickstart"), help="Directory for all results."
    ),
):
    """Make a small set of videos, prepare it, train two streams on it, fuse
    them, train a network on their features, test, report, export, predict and
    draw."""
    from keras_vidrec.data.preparing.prepare import num_cores

    videos, prepared = out / "videos", out / "prepared"
    _say(f"1. Videos of twelve classes in three kinds: {videos}")
    _make_videos(videos)
    _say(f"2. Frames and optical flow of all of them, once: {prepared}")
    _prepare(videos, prepared)

    cores = num_cores()
    with (
        _training("rgb", prepared, out / "rgb", cores // 2) as of_rgb,
        # Flow takes twice as long, and has all cores when rgb is done.
        _training("flow", prepared, out / "flow", cores) as of_flow,
    ):
        _say("3. Train a Temporal Segment Network on rgb")
        # Importing the rest takes seconds, so do it during the training.
        load_backend()
        from keras_vidrec import reporting
        from keras_vidrec.data import opening
        from keras_vidrec.evaluation import evaluator
        from keras_vidrec.evaluation import feature_extraction
        from keras_vidrec.evaluation.scores import fusion
        from keras_vidrec.recognition.recognizer import Recognizer
        from keras_vidrec.training import recipes
        from keras_vidrec.training import trainer
        from keras_vidrec.training.run import Run
        from keras_vidrec.visualization import figures

        _follow(of_rgb)
        tested = {"rgb": evaluator.evaluate(out / "rgb")[1]}
        _say("4. Train one on flow, which began at the same time")
        _follow(of_flow)
    tested["flow"] = evaluator.evaluate(out / "flow")[1]
    runs = {modality: Run.open(out / modality) for modality in tested}

    _say("5. Test both on videos they have not seen, and fuse their scores")
    tested["fused"] = fusion.fuse(
        tuple(tested.values()), tuple(_FUSION_WEIGHTS.values())
    )
    for stream in tested:
        _tell(stream, tested[stream])

    features = out / "features"
    _say(
        f"6. Features of both in {_NUM_FRAMES} frames of each video: {features}"
    )
    feature_extraction.extract(
        {modality: run.load_model() for modality, run in runs.items()},
        opening.open_dataset(prepared, images_only=True),
        features,
        grid="uniform",
        num_frames=_NUM_FRAMES,
        made_from={
            "networks": {
                m: str(run.path.absolute()) for m, run in runs.items()
            },
            "data": {"directory": str(prepared.absolute())},
        },
    )

    _say("7. Train a Temporal Segment LSTM, which uses the order, on them")
    recipe = recipes.get("quickstart_ts_lstm").with_data(directory=features)
    whole = trainer.train(recipe, out / "ts_lstm", verbose=progress())
    _tell("ts_lstm", evaluator.evaluate(whole.path)[1])

    _say("8. All three are one network: export, reload and compare")
    recognizer, exported = Recognizer.from_run(whole.path), out / "saved_model"
    difference = recognizer.export(exported)
    echo(f"   probabilities agree within {difference:.1e}: {exported}")

    clip = sorted(videos.glob("*Then*/*_g01_c01.avi"))[-1]  # a test clip
    picture, standalone = out / "seen.png", exported / "predict.py"
    command = [sys.executable, str(standalone), str(clip), "--top", "3"]
    pipe = subprocess.PIPE
    # The program loads TensorFlow while this process predicts.
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as own:
        _say(f"9. Predict one clip: {clip}")
        (prediction,) = recognizer.predict(clip, top=3)
        for name, value in zip(prediction.classes, prediction.probabilities):
            echo(f"   {100 * value:5.1f} %  {name}")
        figures.save(recognizer.explain(clip), picture)
        page = reporting.report(whole.path)
        answer, error = own.communicate()
    if own.returncode:
        raise RuntimeError(f"{standalone}: {error[-500:]}")
    _say(f"10. The same by the export alone: {standalone}")
    echo(textwrap.indent(answer.rstrip(), "   "))
    _say(f"11. Grad-CAM of the prediction, in frames and flow: {picture}")

    program = sys.argv[0] if sys.argv[0].endswith("vidrec") else "vidrec"
    _say("Where to look")
    for path, what in (
        (page, "the report: confused classes, the worst mistakes"),
        (picture, "the regions that support the last prediction (Grad-CAM)"),
        (exported, "a directory to deploy; its README.md explains how"),
        (whole.model_file, "the network: keras_vidrec.Recognizer.from_run"),
        (runs["rgb"].log_file, "the log of the training of rgb"),
    ):
        echo(f"   {path}\n      {what}")
    _say("Your own videos, one folder per class")
    echo(
        f"   {program} prepare folder --videos DIR --flow dis --out DATA\n"
        f"   {program} train scratch --data DATA --out RUN\n"
        f"   {program} evaluate RUN\n"
        f"   {program} predict RUN VIDEO..."
    )


def _make_videos(directory):
    from keras_vidrec.data import synthetic
    from keras_vidrec.data.preparing import prepare

    synthetic.generate(
        directory,
        train_groups=12,
        workers=prepare.num_cores(),
        progress=True,
    )


def _prepare(videos, directory):
    from keras_vidrec.data.catalogs import catalog
    from keras_vidrec.data.preparing.prepare import prepare
    from keras_vidrec.data.preparing.video import Preparation

    prepare(
        catalog.discover(videos),
        directory,
        # Nothing moves faster than 4 pixels a frame here: a finer code.
        Preparation(flow="dis", bound=4.0, size="short64"),
        progress=True,
    )


@contextlib.contextmanager
def _training(modality, data, out, threads):
    """A context in which another process trains a stream by `vidrec train`, in
    `threads` threads (at least one). An exception ends the process."""
    from keras_vidrec.data.preparing import prepare

    command = [sys.executable, "-m", "keras_vidrec"]
    command += ["train", f"quickstart_{modality}"]
    command += ["--data", str(data), "--out", str(out)]
    threads = max(threads, 1)
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **prepare.worker_environment(threads)},
    ) as process:
        try:
            yield process
        except BaseException:
            process.terminate()  # it saves its progress
            raise


def _follow(process):
    """Prints what a training prints, until it is done."""
    lines, is_trained = [], False
    for line in process.stdout:
        lines.append(line)
        # Then it suggests commands, which the next steps of this one run.
        is_trained = is_trained or line.startswith("Trained: ")
        if not is_trained:
            echo(line.rstrip())
    if process.wait():
        command = shlex.join(process.args)
        raise RuntimeError(f"{command}: {''.join(lines)[-500:]}")


def _tell(stream, scores):
    """Prints the accuracy of a network for each kind of classes."""
    from keras_vidrec.data import synthetic
    from keras_vidrec.evaluation.scores import metrics

    kinds = [synthetic.KINDS[scores.classes[label]] for label in scores.labels]
    for kind in ("appearance", "motion", "order"):
        of_kind = [one == kind for one in kinds]
        accuracy = metrics.top_k_accuracy(
            scores.scores[of_kind], scores.labels[of_kind]
        )
        echo(
            f"   {stream:7}  {kind:10}  {100 * accuracy:5.1f} %  "
            f"{_WHY[stream, kind]}"
        )


def _say(line):
    echo(f"\n{line}", bold=True)
