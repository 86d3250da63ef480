"""Tells what happens in video files, as `vidrec predict` does."""

import sys

from keras_vidrec.cli.main import main

if __name__ == "__main__":
    main(["predict", *sys.argv[1:]])
