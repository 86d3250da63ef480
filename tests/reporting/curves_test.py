import math
from xml.etree import ElementTree

import pytest

from keras_vidrec.reporting import curves

HEADER = (
    "epoch,flow_loss,learning_rate,loss,predictions_accuracy,val_flow_loss,"
    "val_loss,val_clips_per_second\n"
)


def chosen(path, rows):
    path.write_text(HEADER + rows)
    return curves.choose(curves.read(path))


def test_several_outputs_and_epochs_without_validation(tmp_path):
    loss, accuracy, rate = chosen(
        tmp_path / "log.csv",
        "4,2,0.1,3,0.5,NA,NA,NA\n5,1,0.01,2,0.75,nan,4,NA\n6,1,0.",
    )
    assert loss.table.header == ("epoch", "loss", "flow_loss", "val_loss")
    first, second = loss.table.rows
    assert first[:3] == (5, 3, 2) and math.isnan(first[3])
    assert second == (6, 2, 1, 4)
    assert accuracy.table.header == ("epoch", "predictions_accuracy")
    assert rate.name == "learning_rate"


def test_drawing(tmp_path):
    loss, *_ = chosen(tmp_path / "log.csv", "0,2,0.1,3,0.5,NA,5,NA\n" * 3)
    drawing = ElementTree.fromstring(curves.draw(loss))
    words = "Loss by epoch: loss from 3 to 3, flow loss from 2 to 2, val loss"
    assert drawing.get("aria-label").startswith(words)
    written = {text.text.strip() for text in drawing.iter("text")}
    assert {"epoch", "loss", "flow loss", "val loss"} <= written
    names = [node.get("id") for node in drawing.iter() if node.get("id")]
    assert len({*names}) == len(names)
    assert all(name.startswith("loss-") for name in names)
    for node in drawing.iter("use"):
        assert node.get("href")[1:] in names


@pytest.mark.parametrize(
    "text",
    ["", HEADER, HEADER + "0,1", "loss\n1\n", "epoch,loss\nx,1\n0,inf\n"],
)
def test_nothing_to_draw(tmp_path, text):
    path = tmp_path / "log.csv"
    assert curves.choose(curves.read(path)) == []
    path.write_text(text)
    assert curves.choose(curves.read(path)) == []
