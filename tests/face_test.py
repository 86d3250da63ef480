"""What a user sees of the package: its rooms, and what is in them."""

import ast
import copy
import doctest
import importlib
import inspect
import os
import pathlib
import pickle
import pkgutil
import subprocess
import sys

import keras
import pytest

import keras_vidrec
from keras_vidrec.specs import checks
from tests.applications.own_towers import own_towers

ROOMS = sorted(
    module.name
    for module in pkgutil.iter_modules(keras_vidrec.__path__)
    if module.ispkg and module.name != "cli"
)
FACES = ["keras_vidrec", *(f"keras_vidrec.{room}" for room in ROOMS)]


def public_packages(name):
    """Those that a package shows, and those that these show."""
    package = importlib.import_module(name)
    for shown in package.__all__:
        value = getattr(package, shown)
        if hasattr(value, "__path__"):
            yield value.__name__
            yield from public_packages(value.__name__)


PUBLIC = sorted({"keras_vidrec", *public_packages("keras_vidrec")})


def run(code, *arguments, **where):
    """In a process of its own, which has imported nothing yet."""
    subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], check=True, **where
    )


def for_type_checkers(module):
    """The names that a module imports where no program runs it."""
    tree = ast.parse(pathlib.Path(module.__file__).read_text("utf-8"))
    return {
        alias.asname: f"{imported.module}.{alias.name}"
        for block in tree.body
        if isinstance(block, ast.If)
        and ast.unparse(block.test) == "typing.TYPE_CHECKING"
        for imported in block.body
        for alias in imported.names
    }


def test_every_room_is_in_the_face():
    assert set(ROOMS) <= set(keras_vidrec.__all__)


def test_every_package_that_is_public_is_tested():
    assert set(FACES) < set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_room_shows_what_is_for_users(name):
    room = importlib.import_module(name)
    shown = {name for name in dir(room) if not name.startswith("__")}
    assert shown and shown == set(room.__all__)
    assert all(getattr(room, name) is not None for name in shown)
    # Loading them shows no more.
    assert shown == {name for name in dir(room) if not name.startswith("__")}
    with pytest.raises(AttributeError, match=f"{name!r}.* no .*'nothing'"):
        _ = room.nothing


@pytest.mark.parametrize(
    "room, name, near",
    [
        ("keras_vidrec", "traning", "training"),
        ("keras_vidrec.layers", "ConsensusLayr", "ConsensusLayer"),
        ("keras_vidrec.layers", "consensuslayer", "ConsensusLayer"),
        ("keras_vidrec.applications", "TSm", "TSN"),
        ("keras_vidrec.training", "trian", "train"),
        ("keras_vidrec.specs", "ClipSpek", "ClipSpec"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(room, name, near):
    module = importlib.import_module(room)
    with pytest.raises(AttributeError) as refused:
        getattr(module, name)
    assert str(refused.value) == (
        f"module {room!r} has no attribute {name!r}. Did you mean {near!r}?"
    )
    with pytest.raises(ImportError) as refused:
        exec(f"from {room} import {name}")
    assert str(refused.value) == (
        f"cannot import name {name!r} from {room!r}. Did you mean {near!r}?"
    )
    assert refused.value.name == room
    assert not hasattr(module, name)


def test_python_suggests_nothing_beside_it():
    done = subprocess.run(
        [sys.executable, "-c", "import keras_vidrec; keras_vidrec.traning"],
        capture_output=True,
        text=True,
    )
    assert done.stderr.count("Did you mean") == 1


@pytest.mark.parametrize("name", FACES)
def test_programs_that_look_into_a_room(name, monkeypatch):
    room = importlib.import_module(name)

    def wanted(*_):
        raise AssertionError("No user misspelled it.")

    monkeypatch.setattr(checks, "hint", wanted)
    for probed in ("__wrapped__", "__test__", "_repr_html_", "__deepcopy__"):
        assert not hasattr(room, probed)
    assert inspect.getmodule(room) is room
    assert inspect.unwrap(room) is room
    assert doctest.DocTestFinder().find(room, name) is not None
    inspect.getmembers(room)
    for shown in room.__all__:
        value = getattr(room, shown)
        if inspect.isclass(value):
            assert copy.deepcopy(value) is value
            assert pickle.loads(pickle.dumps(value)) is value
    # What is no name of the room may still be one of its modules.
    modules = [one.name for one in pkgutil.iter_modules(room.__path__)]
    for module in [one for one in modules if one != "__main__"][:3]:
        exec(f"from {name} import {module}")
        assert pkgutil.resolve_name(f"{name}.{module}") is not None


def test_an_import_that_fails_inside_a_module_says_why(monkeypatch):
    """It is not taken for a module that does not exist."""
    monkeypatch.delitem(sys.modules, "keras_vidrec.flow.camera", raising=False)
    monkeypatch.delattr(keras_vidrec.flow, "camera", raising=False)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ModuleNotFoundError, match="cv2"):
        exec("from keras_vidrec.flow import camera")


@pytest.mark.parametrize("name", FACES)
def test_type_checkers_see_the_same(name):
    room = importlib.import_module(name)
    for_checkers = for_type_checkers(room)
    # What is there at once is seen by all.
    assert set(for_checkers) <= set(room.__all__)
    for shown in room.__all__:
        value = getattr(room, shown)
        if shown in for_checkers:
            module, _, own = for_checkers[shown].rpartition(".")
            assert value is getattr(importlib.import_module(module), own)


@pytest.mark.parametrize("name", FACES)
def test_no_module_takes_the_place_of_a_lazy_name(name):
    """Whoever imports a module puts it into the package under its name."""
    room = importlib.import_module(name)
    modules = {module.name for module in pkgutil.iter_modules(room.__path__)}
    for shown, origin in for_type_checkers(room).items():
        assert shown not in modules or origin == f"{name}.{shown}"


def test_nothing_heavy_is_imported():
    run(
        "import sys, keras_vidrec\n"
        "keras_vidrec.ClipSpec, keras_vidrec.data, keras_vidrec.flow\n"
        "keras_vidrec.training, keras_vidrec.evaluation, keras_vidrec.export\n"
        "heavy = {'keras', 'numpy', 'cv2', 'tensorflow', 'jax', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )


REGISTERED = """
name = "keras_vidrec>ClassScores"
assert keras.saving.get_registered_object(name)
# Keras was imported as without this package, and is not waited for.
assert keras.__spec__.loader.get_source("keras")
assert "exec_module" not in vars(keras.__spec__.loader)
assert not any(
    type(finder).__module__.startswith("keras_vidrec")
    for finder in sys.meta_path
)
"""


def test_layers_are_registered_where_keras_is_imported_first():
    """As it is by all tests."""
    exec(REGISTERED, {"sys": sys, "keras": keras})


def test_layers_are_registered_where_keras_is_imported_by_a_layer():
    run(
        f"import sys\nimport keras_vidrec.layers, keras\n{REGISTERED}",
        env={**os.environ, "KERAS_BACKEND": "numpy"},
    )


def test_keras_reads_saved_networks_where_it_is_imported_last(tmp_path):
    keras_vidrec.applications.TSN(
        backbone=own_towers(rgb=3)["rgb"],
        classes=2,
        input_shape=(1, 32, 32, 3),
    ).save(tmp_path / "network.keras")
    run(
        "import importlib.util, sys, keras_vidrec\n"
        # Some programs look for Keras before they import it.
        "importlib.util.find_spec('keras')\n"
        "import keras\n"
        f"{REGISTERED}\n"
        "network = keras.models.load_model('network.keras')\n"
        "assert keras_vidrec.describe(network).clip_spec.num_segments == 1",
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": "numpy"},
    )


def test_a_script_may_be_called_like_the_program(tmp_path):
    for name in ("vidrec", "vidrec.py"):
        (tmp_path / name).write_text(
            "import keras_vidrec\n"
            "assert 'applications' in dir(keras_vidrec)\n"
            "keras_vidrec.ClipSpec, keras_vidrec.evaluation.Scores\n"
        )
        subprocess.run([sys.executable, name], cwd=tmp_path, check=True)
