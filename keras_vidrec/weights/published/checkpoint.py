"""What is in a file of published weights."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The arrays of a file by the names it gives them.

    Attributes:
        path: str. Where it was read.
        format: str. `"pytorch"`, `"safetensors"`, `"caffe"`, `"matconvnet"` or
            `"keras"`.
        tensors: dict of NumPy arrays by name, laid out as in the file.
        facts: dict. What else the file says, by the reader of its format. The
            names of the classes are `"class_names"`, a tuple of str, in all
            of them.
    """

    path: str
    format: str
    tensors: dict
    facts: dict = dataclasses.field(default_factory=dict)
