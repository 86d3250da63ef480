"""A user's own network, cut at the names of its layers."""

import keras
import numpy as np
import pytest

from keras_vidrec.backbones import ModelWalk


def own(name="own"):
    images = keras.Input((8, 8, 3))
    x = images
    for number, filters in enumerate((4, 5, 6), 1):
        x = keras.layers.Conv2D(filters, 3, padding="same", name=f"c{number}")(
            x
        )
    short = keras.layers.Conv2D(6, 1, name="in_block")(x)
    x = keras.layers.Add(name="block")([x, short])
    return keras.Model(images, x, name=name)


def test_a_walk_through_a_model():
    """In two parts it is the model itself, with its weights."""
    model = own()
    walk = ModelWalk(model)
    assert walk.endpoint == "images" and not walk.fully_connected
    parts = []
    for endpoint in ("c2", "block", None):
        parts.append(walk.part(endpoint, name=f"to_{endpoint}"))
        assert walk.endpoint == endpoint or endpoint is None
        walk.put(parts[-1].output)
    first, second, rest = parts
    assert first.name == "to_c2" and len(rest.layers) == 1
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3))
    np.testing.assert_array_equal(second(first(x)), model(x))
    assert first.get_layer("c1") is model.get_layer("c1")


def test_cuts_that_a_model_does_not_have():
    with pytest.raises(ValueError, match="'own', one of .*Received.*='c9'"):
        ModelWalk(own()).part("c9", name="tower")
    walk = ModelWalk(own())
    walk.part("in_block", name="tower")
    with pytest.raises(ValueError, match="from 'in_block' to 'its end'"):
        walk.part(name="rest")
    walk = ModelWalk(own())
    walk.part("c2", name="tower")
    with pytest.raises(ValueError, match="from 'c2' to 'c1'"):
        walk.part("c1", name="back")
    walk = ModelWalk(own())
    walk.part("c2", name="tower")
    walk.put(keras.KerasTensor((None, 8, 8, 10)))
    with pytest.raises(ValueError, match=r"'own'.*Received: \(8, 8, 10\)"):
        walk.part(name="rest")
    with pytest.raises(ValueError, match=r"\(8, 8, 3\). Received: .*20"):
        walk = ModelWalk(own())
        walk.put(keras.KerasTensor((None, None, None, 20)))
        walk.part("c1", name="tower")

    class Subclassed(keras.Model):
        pass

    with pytest.raises(ValueError, match="Expected a functional"):
        ModelWalk(Subclassed(name="own"))
