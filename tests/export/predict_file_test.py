"""`predict.py` is one file that stands alone."""

import ast
import sys

from keras_vidrec.export import predict_file


def test_it_needs_few_libraries_and_no_name_is_taken_twice():
    text = predict_file.text()
    tree = ast.parse(text)
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert imported - sys.stdlib_module_names == {
        *("av", "cv2", "numpy"),
        *("ai_edge_litert", "onnxruntime", "openvino", "tensorflow", "torch"),
    }
    names = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    names += [
        node.targets[0].id for node in tree.body if isinstance(node, ast.Assign)
    ]
    assert len(names) == len({*names}) > 30
    assert "keras_vidrec" not in text.replace("keras-vidrec", "")
    assert max(map(len, text.splitlines())) <= 80
    # The last thing is that it runs.
    assert text.endswith("    sys.exit(main())\n")
