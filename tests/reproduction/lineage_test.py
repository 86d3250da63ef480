from keras_vidrec.reproduction import make_plan
from keras_vidrec.reproduction.lineage import Lineage


def network(directory, part, content):
    """Writes the network of a training."""
    path = directory / "runs" / part.name / "model.keras"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_what_changed_since(tmp_path):
    plan = make_plan("ts_lstm", (3,))
    features = plan.features()[0]
    head = plan.figures[0].tests[1].training
    rgb, flow = features.networks.values()
    for part in (rgb, flow):
        network(tmp_path, part, b"first")
    made_from = {}
    lineage = Lineage(tmp_path, made_from)
    assert lineage.note(features) and lineage.note(head)
    assert made_from[features.name].keys() == {rgb.name, flow.name}
    assert made_from[features.name] == made_from[head.name]
    # Not begun: nothing of it is of an earlier network.
    network(tmp_path, flow, b"other")
    assert lineage.outdated(features) is None
    place = tmp_path / "features" / features.name
    place.mkdir(parents=True)
    assert not lineage.note(features)
    again = Lineage(tmp_path, made_from)
    reason = again.outdated(features)
    assert f"earlier network of {flow.name}; remove {place} to" in reason
    # Of a network that is gone nothing is known, as of any other part.
    (tmp_path / "runs" / flow.name / "model.keras").unlink()
    assert again.outdated(features) is None
    assert again.outdated(rgb) is None and again.outdated("given") is None
