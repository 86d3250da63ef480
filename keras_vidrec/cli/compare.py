import pathlib

import typer

from keras_vidrec.cli import score_files
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend


def compare(
    a: pathlib.Path = typer.Argument(
        ...,
        metavar="A",
        help="A score file (.npz), or a tested run: RUN, or RUN@25x10.",
    ),
    b: pathlib.Path = typer.Argument(
        ..., metavar="B", help="A second one, with the same classes."
    ),
    out: pathlib.Path = typer.Option(
        None, help="CSV file to write the changes of all classes to."
    ),
    top: int = typer.Option(
        5,
        min=0,
        help=(
            "Number of classes to show among those that gained and lost most."
        ),
    ),
):
    """Test whether two networks differ on the same videos, and list the classes
    that gained and lost from A to B.
    """
    if not (a.is_file() and b.is_file()):
        load_backend()  # runs need it, score files do not
    from keras_vidrec.evaluation.scores import comparison

    scores, names = score_files.load([a, b])
    compared = comparison.compare(*scores, names=names)
    score_files.tell_left_out(names, compared.left_out)
    for letter, name, accuracy in zip("AB", names, compared.accuracies):
        echo(f"{letter}      {100 * accuracy:6.2f} %  {name}")
    score_files.tell_marks(dict(zip(names, scores)))
    low, high = compared.interval
    echo(
        f"B - A  {100 * compared.difference:+6.2f} %  (95 % interval "
        f"{100 * low:+.2f} to {100 * high:+.2f})\np      "
        f"{compared.p_value:8.2g}  (McNemar's exact test)\nOf "
        f"{compared.videos} videos, both recognize {compared.both}, only A "
        f"{compared.lost}, only B {compared.gained}, neither "
        f"{compared.neither}."
    )
    changes = sorted(
        (change for change in compared.classes if change.gained != change.lost),
        key=lambda change: change.lost - change.gained,
    )
    gained = [change for change in changes if change.gained > change.lost]
    lost = [change for change in changes if change.gained < change.lost]
    _show("Gained most", gained[:top])
    _show("Lost most", lost[::-1][:top])
    if out is not None:
        compared.save(out)
        echo(f"Classes: {out}")


def _show(title, changes):
    """Prints a table of changes, `comparison.ClassChange`, if there are any."""
    if not changes:
        return
    width = max(len(title), *(len(change.name) for change in changes))
    echo(f"{title:{width}}  videos        A        B  gained  lost")
    for change in changes:
        first, second = (100 * accuracy for accuracy in change.accuracies)
        echo(
            f"{change.name:{width}}  {change.videos:6}  {first:5.1f} %  "
            f"{second:5.1f} %  {change.gained:6}  {change.lost:4}"
        )
