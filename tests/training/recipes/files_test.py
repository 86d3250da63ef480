"""The files of the recipes: whole, in order, and with sources."""

import re

import pytest
import yaml

from keras_vidrec.training import recipes

NAMES = [*recipes.RECIPES]
ORDER = (
    "name",
    "summary",
    "network",
    "clip",
    "initialization",
    "augmentation",
    "loss",
    "optimizer",
    "schedule",
    "validation",
    "test",
    "fusion",
    "reported",
)
# A section or table of the paper, a file of its authors' program, or a choice
# and why.
SOURCE = re.compile(
    r"(paper (table )?\d[\d.]*|([\w-]+ )?[\w./-]+\.(m|prototxt|lua|cpp|py|md))"
    r"(: \S.*)?|choice: \S.*"
)
# By the beginning of a source of figures.
TEXTS = {
    "TSN": "tsn",
    "Two-stream fusion": "two_stream_fusion",
    "ST-Multiplier": "st_multiplier",
    "ST-ResNet, as ST-Multiplier": "st_multiplier",
    "TS-LSTM and Temporal-Inception": "ts_lstm_temporal_inception",
    "STFN": "stfn",
}
TABLES = {
    path.parent.name: {"ts_lstm": "ts_lstm_temporal_inception"}.get(
        path.parent.name, path.parent.name
    )
    for path in recipes.FOLDER.glob("*/tables.yaml")
}


def head(text):
    """What is said above the recipe, by key."""
    comments = re.match("(#.*\n)+", text)[0]
    joined = re.sub("\n#   ", " ", comments)
    return dict(line[2:].split(": ", 1) for line in joined.splitlines())


def values(text):
    """Yields `(section, line, what stands beside it)` of all values."""
    section = None
    for line in text.splitlines():
        if re.match(r"\w", line):
            section = line.partition(":")[0]
        elif line.startswith(" ") and section not in ("summary", "reported"):
            value, _, beside = line.partition("  # ")
            if not value.endswith(":"):
                yield section, value, beside


@pytest.mark.parametrize("name", NAMES)
def test_what_a_file_says(name):
    text, recipe = recipes.text(name), recipes.get(name)
    sections = re.findall(r"^(\w+):", text, re.M)
    assert sections == [key for key in ORDER if key in sections]
    assert recipe.name == name and recipe.summary
    assert {"network", "optimizer", "schedule", "test"} <= set(sections)
    said = head(text)
    assert [*said] == ["Reproduces", "Starts from", "Command", "Quoted"]
    assert said["Command"].startswith(f"vidrec train {name} --data ")
    assert " --out " in said["Command"]
    if recipe.reported:
        first = recipe.reported[0]
        accuracy, _, rest = said["Quoted"].partition(" % on ")
        assert float(accuracy) == first.accuracy
        assert rest == f"{first.dataset} ({first.source})"
    else:
        assert said["Quoted"] == "nothing"
    # What must be given is in the command.
    missing = recipe.initialization.weights
    if isinstance(missing, dict) and len(missing) > 1:
        assert all(f"{stream}: " in said["Command"] for stream in missing)
    elif isinstance(missing, dict):
        assert "initialization.weights=" in said["Command"]
    start = recipe.initialization
    named = start.weights == "imagenet"
    if (start.frozen or start.partial_batch_norm) and not named:
        assert "initialization.weights=" in said["Command"]


@pytest.mark.parametrize("name", NAMES)
def test_every_value_has_its_source_beside_it(name):
    found = [*values(recipes.text(name))]
    assert len(found) > 10
    wrong = [
        (section, value, beside)
        for section, value, beside in found
        if not SOURCE.fullmatch(beside)
    ]
    assert not wrong


def test_a_value_without_source_is_found():
    text = "optimizer:\n  name: sgd\n  momentum: 0.9  # somewhere\n"
    assert [beside for _, _, beside in values(text)] == ["", "somewhere"]
    assert not any(map(SOURCE.fullmatch, ("", "somewhere", "choice")))
    for beside in (
        "paper 4.1",
        "paper table 3",
        "cnn_ucf101_temporal.m",
        "tsn-pytorch README.md",
        "choice: small",
    ):
        assert SOURCE.fullmatch(beside), beside


@pytest.fixture
def papers(real_data):
    """Text of the papers that figures are quoted from, by name."""
    folder = real_data.parent / "papers"
    if not folder.is_dir():
        pytest.skip("needs the texts of the papers beside VIDREC_TEST_DATA")
    return {
        path.stem: re.sub(
            r"(\d) \.(\d)", r"\1.\2", re.sub("</?b>", "", path.read_text())
        )
        for path in folder.glob("*.txt")
    }


# Papers whose text has the rows of a table as lines, but for these rows.
ONE_LINE = {
    "tsn": {"Performance"},
    "ts_lstm": set(),
    "stfn": {"3 Res-Inc blocks", "4 Res-Inc blocks"},
}


def occurs(number, text):
    return re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", text)


def stand_in_order(figures, text):
    """Whether a line has the figures of a row from left to right."""
    some = r"(?![\d]).*?(?<![\d.])".join(map(re.escape, figures))
    return re.search(rf"(?<![\d.]){some}(?![\d])", text)


def test_every_quoted_figure_is_in_its_paper(papers):
    quoted = 0
    for name in NAMES:
        text = recipes.text(name)
        figures = yaml.load(text, yaml.BaseLoader).get("reported", [])
        for figure in figures:
            begin = max(filter(figure["source"].startswith, TEXTS), key=len)
            paper, accuracy = papers[TEXTS[begin]], figure["accuracy"]
            line = re.search(rf"accuracy: {accuracy}(  # .*)?$", text, re.M)
            error = re.search(r"an error of ([\d.]+)", line[0])
            if error:
                assert f"{100 - float(error[1]):.2f}" == accuracy
                accuracy = error[1]
            assert occurs(accuracy, paper), (name, figure)
            quoted += 1
    assert quoted > 40
    for folder, name in TABLES.items():
        path = recipes.FOLDER / folder / "tables.yaml"
        for table in yaml.load(path.read_text("utf-8"), yaml.BaseLoader):
            for row in (*table["rows"], *table.get("quoted", ())):
                kinds = ("accuracy", "error", "drop")
                (kind,) = [kind for kind in kinds if kind in row]
                figures = [one for one in row[kind] if one != "null"]
                for figure in figures:
                    assert occurs(figure, papers[name]), (folder, row)
                    quoted += 1
                if row["row"] in ONE_LINE.get(folder, {row["row"]}):
                    continue
                if figures:
                    assert stand_in_order(figures, papers[name]), (folder, row)
    assert quoted > 500
    assert stand_in_order(["1.5", "3"], "1.5 2 3\n") and occurs("3", "1.5 2 3")
    assert not stand_in_order(["3", "1.5"], "1.5 2 3\n")
    assert not occurs("85.7", "385.7 and 85.71")
