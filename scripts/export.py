"""Exports a trained network, as `vidrec export` does."""

import typer

from keras_vidrec.cli.export import export

if __name__ == "__main__":
    typer.run(export)
