"""Writes a picture and its numbers to files."""

from keras_vidrec.cli.terminal import echo

OUT = "The .png to write; its numbers are written next to it as .csv."
MODEL = (
    "A run, a .keras file of this package, or the name of a network from "
    "`vidrec presets`."
)


def write(out, figure, table, *networks):
    """Writes a picture and its numbers, and prints the marks of the networks.

    Args:
        out: `pathlib.Path` of the picture.
        figure: Matplotlib figure.
        table: tuple of the header and the rows of the numbers.
        *networks: keras.Model.
    """
    from keras_vidrec.specs import files
    from keras_vidrec.visualization import figures

    numbers = out.with_suffix(".csv")
    figures.save(figure, out)
    files.write_table(numbers, *table)
    echo(f"Picture: {out}, its numbers: {numbers}")
    if not networks:
        return
    from keras_vidrec.applications.parts.head import describe
    from keras_vidrec.data import leaks

    marks = [m for n in networks for m in leaks.marks(describe(n).origin)]
    for mark in dict.fromkeys(marks):
        echo(f"Mark of the network: {mark}")
