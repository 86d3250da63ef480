"""The parts of `predict.py`, the file of an export that answers from videos
without this package; `predict_file` joins them. They import NumPy, PyAV, OpenCV
and each other, by names that are different in all of them."""
