"""Prepares a dataset, as `vidrec prepare` does."""

import sys

from keras_vidrec.cli.main import main

if __name__ == "__main__":
    main(["prepare", *sys.argv[1:]])
