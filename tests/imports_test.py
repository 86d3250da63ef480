"""The house: rooms in an order, read from the syntax trees and held to the
table of docs/design.md."""

import ast
import pathlib
import re
import subprocess
import sys

import keras
import pytest

import keras_vidrec

ROOT = pathlib.Path(keras_vidrec.__file__).parent
DESIGN = ROOT.parent / "docs" / "design.md"

# Modules that lie beside the rooms; `lazy` and `version` need no other one.
FACE = {"__init__", "__main__", "lazy", "version"}
FOR_ALL = {"lazy", "version"}

MAY_NEED_TENSORFLOW = ("data", "training", "export")

# What these show in their `__init__` is for users; the rooms after them go to
# the module that has what they need. All other folders that show names are
# entered by these alone.
FOR_USERS = {
    "applications",
    "backbones",
    "data",
    "evaluation",
    "flow",
    "layers",
    "reporting",
    "training",
    "training.recipes",
    "videos",
    "visualization",
    "weights",
}

# Sizes that can be kept in mind: of the package, of a room (a folder without
# those in it), of a file.
MOST_FILES = 504
MOST_LINES = 80_310
MOST_FILES_OF_A_ROOM = 22
MOST_LINES_OF_A_FILE = 500

MODULES = sorted(ROOT.rglob("*.py"))


def read_table():
    """Room to what it may import, in the order of the design.

    A row is `room`, what it stands on, what it holds.
    """
    rows = re.findall(
        r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", DESIGN.read_text("utf-8"), re.M
    )
    table = {}
    for room, stands_on in rows:
        below = set(re.findall(r"`([\w.]+)`", stands_on))
        for target in [*below]:
            below |= table[target.partition(".")[0]]
        table[room] = below
    return table


ROOMS = read_table()


def room(path):
    """The room that a file lies in; of the face, its own name."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


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


def own_imports(path):
    """Yields what a file imports of this package, as "flow.codec.encode"."""
    for module, _ in imports(path):
        package, _, target = module.partition(".")
        if package == "keras_vidrec":
            yield target


def is_inside(target, folder):
    """`target` such as "flow.tvl1.flow", `folder` such as "flow"."""
    return f"{target}.".startswith(f"{folder}.")


def may_import(own, target):
    if own in ("__init__", "__main__"):
        return True
    if own in FACE:
        return False
    allowed = ROOMS[own] | {own} | FOR_ALL
    return any(is_inside(target, folder) for folder in allowed)


def test_the_table_of_the_design_has_every_room_and_an_order():
    assert set(ROOMS) | FACE == {room(path) for path in MODULES}
    # What a room stands on is read before it: there is no circle.
    assert not any("cli" in allowed for allowed in ROOMS.values())
    assert set(ROOMS) - {"cli"} == {
        target for target in ROOMS["cli"] if "." not in target
    }


def test_imports_follow_the_design():
    wrong = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in MODULES
        for target in own_imports(path)
        if not may_import(room(path), target)
    ]
    assert not wrong


def test_the_rules_can_fail():
    assert not may_import("layers", "videos.video")
    assert not may_import("data", "training.trainer")
    assert not may_import("layers", "flow.camera")
    assert not may_import("evaluation", "visualization.figures")
    assert not may_import("lazy", "specs")
    assert may_import("layers", "flow.tvl1.flow")
    assert may_import("visualization", "evaluation.timeline")
    assert shows({"files", "Origin"}, "files.write_text")
    assert shows({"files", "Origin"}, "origin.Origin")
    assert shows({"files", "Origin"}, "Origin")
    assert not shows({"files", "Origin"}, "origin.digest")
    assert not shows({"files", "Origin"}, "origin")


def doors():
    """Folder to the names that its `__init__` shows, where it shows some."""
    found = {}
    for path in ROOT.rglob("__init__.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and "__all__" in ast.unparse(
                node.targets[0]
            ):
                folder = ".".join(path.parent.relative_to(ROOT).parts)
                called = isinstance(node.value, ast.Call)
                shown = node.value.args[1] if called else node.value
                found[folder] = set(ast.literal_eval(shown))
    return found


def shows(shown, inside):
    """Whether a door shows a name, or the module that it is in."""
    parts = inside.split(".")
    return parts[0] in shown or parts[-1] in shown


def test_rooms_are_entered_by_the_door():
    closed = {
        folder: shown
        for folder, shown in doors().items()
        if folder and folder not in FOR_USERS
    }
    assert {"specs", "export"} <= set(closed)
    wrong = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in MODULES
        for target in own_imports(path)
        for folder, shown in closed.items()
        if is_inside(target, folder)
        and target != folder
        and not path.is_relative_to(ROOT.joinpath(*folder.split(".")))
        and not shows(shown, target.removeprefix(f"{folder}."))
    ]
    assert not wrong


def test_tensorflow_and_keras_own_modules_are_kept_out():
    for path in MODULES:
        for module, top in imports(path):
            if module.partition(".")[0] == "tensorflow" and top:
                assert room(path) in MAY_NEED_TENSORFLOW, path
            assert not module.startswith("keras.src"), path


def test_the_house_can_be_kept_in_mind():
    lines = {p: len(p.read_text("utf-8").splitlines()) for p in MODULES}
    assert len(MODULES) < MOST_FILES
    assert sum(lines.values()) <= MOST_LINES
    for path in MODULES:
        assert lines[path] <= MOST_LINES_OF_A_FILE, path
        assert len(list(path.parent.glob("*.py"))) <= MOST_FILES_OF_A_ROOM, path


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
        "import sys, keras_vidrec.cli.main\n"
        "heavy = {'keras', 'tensorflow', 'numpy', 'cv2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
