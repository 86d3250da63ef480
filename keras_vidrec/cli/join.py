import pathlib

import typer

from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend


def join(
    head: pathlib.Path = typer.Option(
        ..., help="Network over features: a run, or its head.keras."
    ),
    rgb: pathlib.Path = typer.Option(
        None,
        help="Network that computed the features of frames. Default: the path "
        "in the features.",
    ),
    flow: pathlib.Path = typer.Option(
        None,
        help="Network that computed the features of flow. Default: the path in "
        "the features.",
    ),
    out: pathlib.Path = typer.Option(
        ..., help="The .keras file to write; RUN/model.keras completes a run."
    ),
    features: str = typer.Option(
        None,
        metavar="PATH",
        help=(
            "Features that the network was trained on, to compare the "
            "scores. Default: those of the run."
        ),
    ),
):
    """Join a network over features with the networks that computed the features
    to one network, which takes videos.

    `vidrec train` does this itself if it finds these networks.
    """
    if out.suffix != ".keras":
        raise typer.BadParameter("Expected a .keras file as --out.")
    load_backend()
    from keras_vidrec.applications.joining import streams_of
    from keras_vidrec.applications.parts import head as heads
    from keras_vidrec.applications.parts import model_file
    from keras_vidrec.data import leaks
    from keras_vidrec.data.sources.features import Features
    from keras_vidrec.training import joining
    from keras_vidrec.training import loading
    from keras_vidrec.training.run import Run

    network = loading.load(head, over_features=True)
    try:
        streams_of(heads.inference_model(network))
    except ValueError:
        raise ValueError(
            "Expected a network over features, such as a run of "
            "ts_lstm_ucf101 on the output of `vidrec features`. Received: "
            f"--head {head}, whose network takes videos already: there is "
            "nothing to join"
        ) from None
    if features is None and head.is_dir():
        features = Run.open(head).recipe.data.directory
    given = {"rgb": rgb, "flow": flow}
    given = {stream: path for stream, path in given.items() if path is not None}
    try:
        source = Features(features) if features is not None else None
    except (ValueError, OSError) as error:
        source, reason = None, " ".join(str(error).split())
    else:
        reason = "--features sets them"
    if source is not None:
        joined = joining.join_features(network, source, given)
    else:
        joined = joining.Joined(
            joining.join_networks(network, given),
            f"The network was not compared with stored features: {reason}.",
        )
    model_file.save(joined.model, out)
    echo(f"Joined: {out}")
    echo(joined.remark)
    origin = heads.describe(joined.model).origin
    for line in (*leaks.remarks(origin, str(out)), *leaks.marks(origin)):
        echo(line)
