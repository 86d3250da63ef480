"""Trains a recipe, as `vidrec train` does."""

import typer

from keras_vidrec.cli.train import train

if __name__ == "__main__":
    typer.run(train)
