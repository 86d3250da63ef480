"""What every command of `vidrec show` writes."""

from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.specs import Origin
from tests.cli.command import vidrec
from tests.cli.show.picture import check_picture
from tests.cli.show.picture import table
from tests.visualization.trained_fusion import trained_fusion

MARK = "1 of 9 videos of the test were trained on"


def test_a_picture_its_numbers_and_the_marks_of_the_network(tmp_path):
    model = trained_fusion()
    predictions_layer(model).origin = Origin("network", marks=(MARK,))
    network = tmp_path / "network.keras"
    model_file.save(model, network)
    out, numbers = tmp_path / "of.fusion.png", tmp_path / "of.fusion.csv"
    command = ("show", "fusion", network, "--most=2", "--out")
    said, err = vidrec(*command, out)
    assert not err and said.splitlines()[:2] == [
        f"Picture: {out}, its numbers: {numbers}",
        f"Mark of the network: {MARK}",
    ]
    check_picture(out)
    assert len(table(numbers)) == 1 + 2 * 6
    # Nothing is written that is no picture.
    _, err = vidrec(*command, tmp_path / "fusion.txt", status=1)
    assert "Cannot write a figure" in err and err.count("\n") == 1
    assert not [*tmp_path.glob("fusion*")]
