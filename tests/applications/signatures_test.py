"""One vocabulary: what two builders share has one name, default and meaning."""

import inspect
import pathlib
import re

import pytest

from keras_vidrec import applications
from keras_vidrec.applications.parts import table
from tests.applications.joined_streams import without_values

BUILDERS = {
    name: getattr(applications, name)
    for name in applications.__all__
    if name != "join"  # it joins what builders have made
}

# Defaults in which networks differ, and who set them.
OF_PAPERS = {
    "backbone": "every paper has its own",
    "classifier_activation": "every network has it",
    "direction": "STFN, table 2; ST-Multiplier, section 4.1",
    "dropout": "every paper has its own",
    "fc_units": "TS-LSTM, table 3; Temporal-Inception, table 8",
    "fusion": "Two-stream fusion, table 3; STFN, table 2",
    "name": "that of the network",
    "num_segments": "every paper has its own",
    "scores": "STFN, equation 1; the others' programs",
    "snippet_length": "TSN, section 3.2; the others' 10",
    "spatial_pooling": "ST-Multiplier, table 1; the others tell of none",
    "temporal_pooling": "STFN does not tell; the others have the maximum",
    "variant": "STFN, figure 4; Temporal-Inception, figure 4",
}
# What the papers call by names of their own.
GONE = (
    "batch_norm_mode",
    "flow_backbone",
    "num_chunks",
    "num_frames",
    "pooling_mode",
    "reduction_place",
    "rgb_backbone",
    "segments",
    "style",
    "temporal_backbone",
)
_ENTRY = re.compile(r"^        (\w+): (.*?)(?=^        \w+: |\Z)", re.M | re.S)


def defaults(builder):
    parameters = inspect.signature(builder).parameters.values()
    return {p.name: p.default for p in parameters}


def entries(builder):
    """What the docstring says of each argument, on one line."""
    text = inspect.cleandoc(builder.__doc__).split("Args:\n")[1]
    text = text.split("\nReturns:\n")[0]
    text = "\n".join(f"    {line}" for line in text.split("\n"))
    found = {name: " ".join(x.split()) for name, x in _ENTRY.findall(text)}
    return found


def meaning(entry):
    """What an entry says first, behind the type."""
    sentences = re.split(r"(?<=[\w`)])\. ", entry.split(" Defaults to ")[0])
    return sentences[1].rstrip(".")


def shared():
    """Pairs of builders by the arguments that both have."""
    found = {}
    for builder in BUILDERS.values():
        for name in defaults(builder):
            found.setdefault(name, []).append(builder)
    return {name: found[name] for name in found if len(found[name]) > 1}


@pytest.mark.parametrize("name", sorted(shared()))
def test_a_shared_argument_is_one(name):
    builders = shared()[name]
    values = {repr(defaults(builder)[name]) for builder in builders}
    assert len(values) == 1 or name in OF_PAPERS
    told = {
        meaning(entries(builder)[name])
        for builder in builders
        # STResNet refers to another's; TwoStreamConvNet takes but one value.
        if builder is not applications.STResNet
        and not entries(builder)[name].startswith("only ")
    }
    assert len(told) == 1, "\n".join(sorted(told))


def test_every_argument_is_told_of():
    for builder in BUILDERS.values():
        if builder is not applications.STResNet:
            assert list(entries(builder)) == list(defaults(builder))


def test_st_resnet_is_as_its_docstring_says():
    own = defaults(applications.STResNet)
    others = defaults(applications.SpatiotemporalMultiplier)
    own.pop("name")
    assert {**others, **own} == others
    told = inspect.getdoc(applications.STResNet).replace("\n", " ")
    for name in own:
        assert re.search(rf"\b{name}\b", told), name


def test_names_that_are_gone():
    for builder in BUILDERS.values():
        assert not {*GONE} & {*defaults(builder)}
    root = pathlib.Path(applications.__file__).parent
    for path in root.rglob("*.py"):
        for name in set(GONE) - {"segments", "style"}:
            assert not re.search(rf"\b{name}\b", path.read_text()), path


def test_the_table_has_what_the_signatures_say():
    assert {*table.BUILDERS} == {*BUILDERS} - {"LateFusion"}
    for name, builder in table.BUILDERS.items():
        assert builder is BUILDERS[name]
        assert dict(builder.defaults) == defaults(builder)
        first = list(inspect.signature(builder).parameters)
        assert tuple(first[: len(table.COMMON)]) == table.COMMON


BAD = {
    "classes": 0,
    "num_segments": 0,
    "snippet_length": -1,
    "spatial_pooling": 0,
    "dropout": 1.5,
    "classifier_stddev": 0,
    "weights": 5,
    "pooling": "mean",
    "backbone": "resnet51",
    "input_shape": (224, 224, 3),
}


@pytest.mark.parametrize(
    "name, argument",
    [
        (name, argument)
        for name, builder in table.BUILDERS.items()
        for argument in BAD
        if argument in builder.defaults
    ],
)
def test_a_bad_value_is_answered_with_its_argument(name, argument):
    value = BAD[argument]
    received = re.escape(f"{argument}={value!r}")
    with pytest.raises(ValueError, match=received):
        without_values(table.BUILDERS[name], **{argument: value})
