"""Trains a recipe, as `vidrec train` does."""

import sys

from keras_vidrec.cli.main import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
