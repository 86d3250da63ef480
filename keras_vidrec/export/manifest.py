"""bundle.json of an export: how to predict the classes of a video with it."""

import json
import logging

from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.export import predict_file
from keras_vidrec.export.standalone.recognizer import SCHEMA

logger = logging.getLogger("keras_vidrec")

FILE = "bundle.json"

# The methods of flow that `predict.py` can compute.
_FLOWS = ("tvl1", "dis", "farneback")
# Crops whose size depends on the size of the video.
_WHOLE = ("frame", "frame_and_mirror")


def of(model, description, name, form, file, endpoint, reduction=None):
    """Returns the contents of `bundle.json`, see docs/deploy.md.

    Args:
        model: keras.Model of this package.
        description: `Description` of the model.
        name: str. Display name of the network.
        form: `forms.Form`.
        file: str. Name of the network's file in the directory.
        endpoint: `Endpoint` that takes clips.
        reduction: `None`, or the `Reduction` of a precision other than
            float32. Defaults to `None`.

    Returns:
        dict of values that JSON can hold.
    """
    spec, test = description.clip_spec, description.test_protocol
    if spec is not None and test is not None:
        test, _ = protocols.of(model)
        if form.still and test.crops in _WHOLE:
            logger.warning(
                "The export takes clips of one fixed size, so `predict.py` "
                "uses the center crop. The network's test uses whole frames "
                "(%s)",
                test.crops,
            )
            test = test.replace(crops="center")
    thresholds = description.thresholds
    number = predictions_layer(model).output.shape[-1]
    return {
        "schema": SCHEMA,
        "name": name,
        "network": {
            "format": form.format,
            "file": file,
            "inputs": [
                {"name": tensor.name, "modality": endpoint.modality(tensor)}
                for tensor in endpoint.inputs
            ],
            "output": endpoint.scores,
            "segments": endpoint.inputs[0].shape[1],
            "batch": endpoint.inputs[0].shape[0],
            "precision": form.precision,
            "target": form.target,
            "reduction": None if reduction is None else reduction._asdict(),
        },
        "classes": list(description.class_names or map(str, range(number))),
        "activation": "sigmoid" if description.multi_label else "softmax",
        "temperature": description.temperature,
        "thresholds": None if thresholds is None else list(thresholds),
        "clip": None if spec is None else spec.to_dict(),
        "test": None if test is None else test.to_dict(),
    }


def write(values, directory, answers):
    """Writes `bundle.json`, and `predict.py` if it can be used.

    Args:
        values: dict returned by `of`.
        directory: pathlib.Path of the export.
        answers: bool. Whether `predict.py` can predict classes of videos.
    """
    text = json.dumps(values, indent=2, ensure_ascii=False)
    (directory / FILE).write_text(text + "\n", "utf-8")
    if answers:
        path = directory / predict_file.FILE
        path.write_text(predict_file.text(), "utf-8")


def obstacle(model):
    """Returns why `predict.py` cannot be used with a network.

    Args:
        model: keras.Model of this package.

    Returns:
        str, the reason; or `None` if it can be used.
    """
    try:
        predictor = Predictor(model)
    except ValueError as error:
        return str(error)
    spec = protocols.clip_spec_of(model)
    if predictor.frame.deinterlace is not None:
        return (
            "the network takes frames deinterlaced by "
            f"{predictor.frame.deinterlace}"
        )
    flows = {*spec.modalities} & {"flow", "warped_flow"}
    if flows and spec.flow.method not in _FLOWS:
        return f"the network takes flow made by {spec.flow.method}"
    return None
