"""Every table of every paper, rehearsed: an hour of an idle core."""

import pytest

from keras_vidrec.training.recipes import tables
from tests.cli.command import vidrec
from tests.cli.papers.reproduce_test import measured


@pytest.mark.large
@pytest.mark.parametrize("paper", tables.papers())
def test_all_tables_are_rehearsed(paper, tmp_path):
    out = tmp_path / "out"
    vidrec("reproduce", paper, "--tiny", "--out", out)
    for row in tables.rows(paper):
        found = measured(out, paper, row.table)[row.row, row.column]
        assert len(found["by_split"].split()) == len(row.splits), row
