"""Exports a trained network, as `vidrec export` does."""

import sys

from keras_vidrec.cli.main import main

if __name__ == "__main__":
    main(["export", *sys.argv[1:]])
