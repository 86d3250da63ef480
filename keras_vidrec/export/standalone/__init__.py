"""The parts of `predict.py`, the program of an export that classifies videos
without this package. `predict_file` joins them into one file, so each top-level
name may occur in one part only, and the parts import nothing but the standard
library, NumPy, PyAV, OpenCV and each other."""
