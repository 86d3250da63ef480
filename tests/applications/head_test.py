import keras
import pytest

import keras_vidrec
from keras_vidrec.applications import TSN
from keras_vidrec.applications.head import clip_logits_model
from keras_vidrec.applications.head import snippet_logits_model


def test_names_of_the_head_are_fixed():
    model = TSN(backbone="tiny", classes=2)
    assert [layer.name for layer in model.layers[-4:]] == [
        "dropout",
        "logits",
        "consensus",
        "predictions",
    ]


def test_surgery_shares_the_weights():
    model = TSN(backbone="tiny", classes=2)
    for part in (clip_logits_model(model), snippet_logits_model(model)):
        assert {id(w) for w in part.weights} == {id(w) for w in model.weights}


@pytest.mark.parametrize(
    "function",
    [keras_vidrec.describe, clip_logits_model, snippet_logits_model],
)
def test_foreign_models_are_refused(function):
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(2)(x), name="mine")
    with pytest.raises(ValueError, match="Received: model='mine'"):
        function(model)
