"""Types: every public name says what it takes and gives, and the checkers of
users' programs read it."""

import ast
import configparser
import functools
import importlib
import inspect
import pathlib
import subprocess
import sys
import types
import typing

import pytest

import keras_vidrec

ROOT = pathlib.Path(keras_vidrec.__file__).parents[1]
# Methods with underscores that users call by what they write.
CALLED = {
    "__call__",
    "__enter__",
    "__exit__",
    "__getitem__",
    "__init__",
    "__iter__",
    "__len__",
}


def shown(module):
    """The names of a module that are for users."""
    if hasattr(module, "__all__"):
        return module.__all__
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    ]


def functions_of(kind):
    """The public functions of a class and of those it is derived from."""
    for base in kind.__mro__:
        for name, value in vars(base).items():
            if name.startswith("_") and name not in CALLED:
                continue
            if isinstance(value, property):
                value = value.fget
            elif isinstance(value, functools.cached_property):
                value = value.func
            yield getattr(value, "__func__", value)


def public(module, done):
    """Yields the functions that are shown, those of modules and classes that
    are shown among them."""
    if module in done:
        return
    done.add(module)
    for name in shown(module):
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            yield from public(value, done)
        elif inspect.isclass(value):
            yield from functions_of(value)
        else:
            yield value


def own(value):
    """A function of this package, without its decorators; else None."""
    found = inspect.unwrap(value) if callable(value) else None
    code = getattr(found, "__code__", None)
    written = code is not None and code.co_filename.startswith(
        str(ROOT / "keras_vidrec")
    )
    return found if written else None


FUNCTIONS = {
    (found.__module__, found.__qualname__): found
    for found in map(own, public(keras_vidrec, set()))
    if found is not None
}


def for_checkers(module):
    """What a module imports for type checkers alone."""
    tree = ast.parse(pathlib.Path(module.__file__).read_text("utf-8"))
    found = {}
    for block in tree.body:
        if (
            isinstance(block, ast.If)
            and ast.unparse(block.test) == "typing.TYPE_CHECKING"
        ):
            imports = ast.Module(block.body, [])
            exec(compile(imports, module.__file__, "exec"), found)
    return found


def test_everything_public_says_its_types():
    assert len(FUNCTIONS) > 500
    bare = []
    for (module, name), function in FUNCTIONS.items():
        signature = inspect.signature(function)
        if signature.return_annotation is inspect.Signature.empty:
            bare.append(f"{module}.{name}: what is returned")
        bare.extend(
            f"{module}.{name}: {parameter.name}"
            for parameter in signature.parameters.values()
            if parameter.annotation is inspect.Parameter.empty
            and parameter.name not in ("self", "cls")
        )
        home = importlib.import_module(module)
        typing.get_type_hints(function, localns=for_checkers(home))
    assert not bare


def test_checkers_are_told_of_the_types():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert (ROOT / "keras_vidrec" / "py.typed").is_file()
    assert "py.typed" in setup["options.package_data"]["keras_vidrec"]


RIGHT = """
import pathlib

import keras_vidrec

recognizer = keras_vidrec.Recognizer.from_run(pathlib.Path("run"))
for found in recognizer.predict("clips/*.mp4", top=3):
    print(found.video)
model = keras_vidrec.applications.TSN(classes=6, backbone="resnet50")
run = keras_vidrec.training.train("scratch", "run", data="videos")
names: tuple[str, ...] = recognizer.classes
share: float = recognizer.export("exported", format="onnx")
again = recognizer.fit("videos", out="run2", callbacks=[])
spec = keras_vidrec.ClipSpec(size=64).changed({"size": 32})
"""
WRONG = {
    'keras_vidrec.applications.TSN(consensus="mean")': "arg-type",
    'keras_vidrec.Recognizer.from_run("run").predict("a", top="3")': "arg-type",
    'keras_vidrec.training.train("scratch")': "call-arg",
    "keras_vidrec.videos.read_frames(3, [0])": "arg-type",
    'keras_vidrec.Recognizer.from_run("run").fit("videos")': "call-arg",
}


@pytest.mark.large
def test_users_programs_are_checked(tmp_path):
    """One program is right; of another one each line is wrong."""
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(RIGHT)
    wrong.write_text("\n".join(["import keras_vidrec", *WRONG]) + "\n")
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            f"--config-file={ROOT / 'setup.cfg'}",
            f"--cache-dir={tmp_path / 'cache'}",
            right,
            wrong,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    errors = [line for line in checked.stdout.splitlines() if "error:" in line]
    assert all("wrong.py" in line for line in errors), checked.stdout
    for number, kind in enumerate(WRONG.values(), 2):
        said = [line for line in errors if f"wrong.py:{number}:" in line]
        assert said and said[0].endswith(f"[{kind}]"), checked.stdout
