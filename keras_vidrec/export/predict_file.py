"""predict.py of an export: one file that answers from videos."""

import ast
import importlib.resources
import textwrap

FILE = "predict.py"

_FOLDER = "keras_vidrec.export.standalone"
# In this order: a part uses what stands above it.
_PARTS = ("decoding", "stamps", "frames", "clips", "motion", "recognizer")
# Not of Python itself.
_OTHERS = ("av", "cv2", "numpy")
_HEAD = '''\
"""Tells what happens in video files, by the network beside this file.

    python predict.py VIDEO... [--top 5] [--json]

It needs NumPy, PyAV (`av`), OpenCV, and what runs the network: TensorFlow,
ONNX Runtime, LiteRT (`ai-edge-litert`), OpenVINO or PyTorch. All that it does
stands in `bundle.json`: how frames are taken and resized, where snippets lie,
crops, flow, what is averaged, and the classes. From Python:

    recognizer = predict.Recognizer("directory of the export")
    probabilities = recognizer("video.mp4")  # of each of recognizer.classes

Exit status: 0, or 2 if something could not be read or is no such option.
"""
'''
_END = """\
if __name__ == "__main__":
    sys.exit(main())
"""


def text():
    """The file, the same for all exports: str."""
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
    """Title and body of a part; adds what it imports of others."""
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
