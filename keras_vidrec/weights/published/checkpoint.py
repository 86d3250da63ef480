"""The content of a file of published weights."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The arrays of a file by their names in the file.

    Attributes:
        path: str. Path of the file.
        format: str. `"pytorch"`, `"safetensors"`, `"caffe"`, `"matconvnet"` or
            `"keras"`.
        tensors: dict from names to NumPy arrays, in the layout of the file.
        facts: dict. Other content of the file; the keys depend on the reader.
            In all formats `"class_names"` is a tuple of str, the names of the
            classes.
    """

    path: str
    format: str
    tensors: dict
    facts: dict = dataclasses.field(default_factory=dict)
