"""The house: two branches and a trunk, read from the syntax trees."""

import ast
import pathlib
import subprocess
import sys

import keras
import pytest

import keras_vidrec

ROOT = pathlib.Path(keras_vidrec.__file__).parent

# Who may import whom. A room may always import from itself.
LEAVES = {"clip_spec", "files", "version"}
PIXELS = LEAVES | {"flow"}
NETWORKS = LEAVES | {"flow.tvl1", "flow.codec"}
BELOW = LEAVES | {
    "applications",
    "backbones",
    "data",
    "flow",
    "layers",
    "weights",
}
TRUNK = BELOW | {"evaluation", "export", "training", "visualization"}
MAY_IMPORT = {
    "": TRUNK,  # keras_vidrec/__init__.py, the face
    "__main__": {"cli"},
    "version": set(),
    "clip_spec": set(),
    "files": set(),
    "flow": LEAVES,
    "data": PIXELS,
    "layers": NETWORKS,
    "backbones": NETWORKS | {"layers"},
    "weights": NETWORKS | {"layers", "backbones"},
    "applications": NETWORKS | {"layers", "backbones", "weights"},
    "training": TRUNK,
    "evaluation": TRUNK,
    "visualization": TRUNK,
    "export": TRUNK,
    "cli": TRUNK,
}
MAY_NEED_TENSORFLOW = ("data", "training", "export")
FUSED_KERNEL = "layers/batch_normalization.py"

MODULES = sorted(ROOT.rglob("*.py"))


def room(path):
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports(path):
    """Yields `(module, whether at the top level)` of absolute imports."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        top = node in tree.body
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, top
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", top


def is_allowed(target, allowed):
    """`target` such as "flow.tvl1.tvl1_flow", `allowed` such as "flow"."""
    return any(f"{target}.".startswith(f"{name}.") for name in allowed)


@pytest.mark.parametrize(
    "path", MODULES, ids=[str(p.relative_to(ROOT)) for p in MODULES]
)
def test_imports_follow_the_design(path):
    own = room(path)
    for module, top in imports(path):
        package, _, target = module.partition(".")
        if package == "keras_vidrec":
            assert is_allowed(target, MAY_IMPORT[own] | {own}), (
                f"{path}: {own} must not import {target}"
            )
        if package == "tensorflow" and top:
            relative = path.relative_to(ROOT).as_posix()
            assert own in MAY_NEED_TENSORFLOW, f"{relative}: tensorflow"
        assert not module.startswith("keras.src"), path


def test_every_module_is_in_a_known_room():
    assert {room(path) for path in MODULES} <= set(MAY_IMPORT)


def test_the_rules_can_fail():
    assert not is_allowed("videos.video", MAY_IMPORT["layers"] | {"layers"})
    assert not is_allowed("training.train", MAY_IMPORT["data"] | {"data"})
    assert not is_allowed("flow.camera", MAY_IMPORT["layers"])
    assert is_allowed("flow.tvl1.tvl1_flow", MAY_IMPORT["layers"])


def test_registered_names_are_unique():
    """Two classes of one name would overwrite each other silently."""
    names = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and any(
                "register_keras_serializable" in ast.unparse(decorator)
                for decorator in node.decorator_list
            ):
                names.append((node.name, room(path)))
    assert names and len(dict(names)) == len(names)
    for name, own in names:
        if own != "training":  # which the face does not import
            assert keras.saving.get_registered_object(f"keras_vidrec>{name}")


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow",
    reason="asks whether another backend does without TensorFlow",
)
def test_no_tensorflow_on_another_backend():
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "import keras_vidrec\n"
        "m = keras_vidrec.applications.TSN(backbone='tiny', classes=2)\n"
        "import numpy as np\n"
        "m.predict(np.zeros((1, 3, 32, 32, 3), 'uint8'), verbose=0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_does_not_import_keras():
    code = (
        "import sys; sys.argv[0] = 'vidrec'\n"
        "import keras_vidrec.cli.main\n"
        "heavy = {'keras', 'tensorflow', 'numpy', 'cv2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
