"""Tests a trained network, as `vidrec evaluate` does."""

import typer

from keras_vidrec.cli.evaluate import evaluate

if __name__ == "__main__":
    typer.run(evaluate)
