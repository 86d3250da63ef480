"""predict.py of an export: a program in one file that classifies videos."""

import ast
import importlib.resources
import textwrap

FILE = "predict.py"

_FOLDER = "keras_vidrec.export.standalone"
# The order matters: a part uses the parts before it.
_PARTS = ("decoding", "stamps", "frames", "clips", "motion", "recognizer")
# Packages outside the standard library.
_OTHERS = ("av", "cv2", "numpy")
_HEAD = '''\
"""Classifies video files with the network in the directory of this file.

    python predict.py VIDEO... [--top 5] [--json]

It needs NumPy, PyAV (`av`), OpenCV, and the library that runs the network:
TensorFlow, ONNX Runtime, LiteRT (`ai-edge-litert`), OpenVINO or PyTorch. Its
settings are in `bundle.json`: how frames are sampled and resized, the positions
of snippets, crops, flow, what is averaged, and the classes. From Python:

    recognizer = predict.Recognizer("directory of the export")
    probabilities = recognizer("video.mp4")  # one for each recognizer.classes

Exit status: 0, or 2 if a file could not be read or an option is wrong.
"""
'''
_END = """\
if __name__ == "__main__":
    sys.exit(main())
"""


def text():
    """Returns the text of `predict.py`, which is the same for all exports:
    str."""
    imports, bodies = set(), []
    for name in _PARTS:
        part = importlib.resources.files(_FOLDER).joinpath(f"{name}.py")
        source = part.read_text("utf-8")
        title, body = _split(source, imports)
        bodies.append(f"{textwrap.indent(title, '# ')}\n\n\n{body}")
    others = {line for line in imports if line.split()[1] in _OTHERS}
    blocks = [sorted(imports - others), sorted(others)]
    head = "\n\n".join("\n".join(block) for block in blocks)
    return "\n\n".join([f"{_HEAD}\n{head}\n", *bodies, _END])


def _split(source, imports):
    """Returns the docstring of a part and its source after the imports. Imports
    from outside the parts are added to the set `imports`."""
    tree = ast.parse(source)
    last = 0
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            last = node.end_lineno
            line = ast.unparse(node)
            if _FOLDER not in line:
                imports.add(line)
    return ast.get_docstring(tree), "\n".join(source.splitlines()[last:]).strip(
        "\n"
    ) + "\n"
