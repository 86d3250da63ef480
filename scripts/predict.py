"""Tells what happens in video files, as `vidrec predict` does."""

import typer

from keras_vidrec.cli.predict import predict

if __name__ == "__main__":
    typer.run(predict)
