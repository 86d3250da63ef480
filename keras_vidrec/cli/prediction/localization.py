"""Evaluates how well a network detects segments in long videos."""

import json
import pathlib

from keras_vidrec.cli.terminal import echo
from keras_vidrec.specs import checks
from keras_vidrec.specs import files

_WINDOW = 2.0


def evaluate(
    name,
    truth,
    data,
    *,
    window,
    stride,
    merging,
    protocol,
    allow_leak,
    out,
    file,
    trust_first_download,
    class_names,
    runner,
):
    """Tests the detection of segments, prints the figures, and writes the
    detected segments and the figures. The arguments are those of `vidrec
    evaluate`; `truth` is the list of the true segments."""
    from keras_vidrec.data.prepared import storage
    from keras_vidrec.evaluation import localizer
    from keras_vidrec.evaluation import segment_files
    from keras_vidrec.evaluation.segments import Merging
    from keras_vidrec.training import loading

    network = loading.recognizer(
        name,
        file,
        trust_first_download=trust_first_download,
        class_names=class_names,
    )
    window = window or _WINDOW
    stride = stride or window / 2
    how = Merging(*merging)
    stem = storage.as_path(truth).stem
    base = (out or _directory(name, loading.preset_of(name))) / stem
    journal = base.with_name(f".{base.name}-segments.journal")
    with checks.names(background="--background"):
        tested = localizer.localize(
            network,
            truth,
            data,
            protocol=protocol,
            window=window,
            stride=stride,
            merging=how,
            allow_leak=allow_leak,
            what=name,
            journal=journal,
            runner=runner,
        )
    figures = tested.figures.summary()
    table, report = (
        base.with_name(f"{base.name}-segments.{kind}")
        for kind in ("csv", "json")
    )
    marks = _marks(tested.origin)
    with files.needing_room(base.parent):
        segment_files.save_csv(table, tested.found)
        content = {
            "network": name,
            "truth": storage.shown(truth),
            "window": window,
            "stride": stride,
            **how.to_dict(),
            "videos": len(tested.found),
            "segments": tested.num_segments,
            **figures,
            "classes": dict(
                zip(
                    tested.figures.classes,
                    tested.figures.precisions.mean(axis=0).tolist(),
                )
            ),
            "marks": marks,
            "origin": tested.origin.to_dict(),
        }
        text = json.dumps(content, ensure_ascii=False, indent=1)
        files.write_text(report, text + "\n")
    journal.unlink(missing_ok=True)
    num_found = sum(map(len, tested.found.values()))
    echo(f"videos               {len(tested.found)}")
    echo(f"segments             {tested.num_segments}, found {num_found}")
    for what, value in figures.items():
        echo(f"{what:20} {100 * value:.2f} %")
    for mark in marks:
        echo(f"Mark of {name}: {mark}")
    echo(f"Segments: {table} and .json")


def _directory(name, preset):
    """Returns the default directory of the results of a network."""
    if preset is not None:
        return pathlib.Path(preset.removeprefix("preset:"))
    path = pathlib.Path(name)
    return path / "scores" if path.is_dir() else path.parent


def _marks(origin):
    from keras_vidrec.data import leaks

    return list(leaks.marks(origin))
