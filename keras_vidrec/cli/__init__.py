"""The command line, with one module per command. Commands import Keras and
other large libraries only when they run."""
