"""A picture and its numbers, as files."""

from keras_vidrec.cli.terminal import echo

OUT = "Picture to write, a .png; its numbers go beside it as .csv."
MODEL = "A run, or a .keras file of this package."


def write(out, figure, table, network=None):
    """Writes picture and numbers; tells the marks of the network, if one was
    asked."""
    from keras_vidrec.specs import files
    from keras_vidrec.visualization import figures

    numbers = out.with_suffix(".csv")
    figures.save(figure, out)
    files.write_table(numbers, *table)
    echo(f"Picture: {out}, its numbers: {numbers}")
    if network is not None:
        from keras_vidrec.applications.parts.head import describe
        from keras_vidrec.data import leaks

        for mark in leaks.marks(describe(network).origin):
            echo(f"Mark of the network: {mark}")
