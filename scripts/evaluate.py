"""Tests a trained network, as `vidrec evaluate` does."""

import sys

from keras_vidrec.cli.main import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
