"""bundle.json of an export: what must be known to answer from a video."""

import json
import logging

from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.export import predict_file
from keras_vidrec.export.standalone.recognizer import SCHEMA

logger = logging.getLogger("keras_vidrec")

FILE = "bundle.json"

# Of these methods of flow `predict.py` has programs.
_FLOWS = ("tvl1", "dis", "farneback")
# Crops whose size is that of the video.
_WHOLE = ("frame", "frame_and_mirror")


def of(model, description, name, form, file, endpoint, reduction=None):
    """What `bundle.json` says of an export, see docs/deploy.md.

    Args:
        model: keras.Model of this package.
        description: `Description` of it.
        name: str. What people call it.
        form: `forms.Form`.
        file: str. Of the network, in the directory.
        endpoint: `Endpoint` of clips.
        reduction: `None`, or `Reduction` of another precision than float32.
            Defaults to `None`.

    Returns:
        dict of plain data.
    """
    spec, test = description.clip_spec, description.test_protocol
    if spec is not None and test is not None:
        test, _ = protocols.of(model)
        if form.still and test.crops in _WHOLE:
            logger.warning(
                "The export takes clips of one size, and is shown the central "
                "crop. Its test shows the whole of each frame (%s)",
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
    """Writes `bundle.json`, and `predict.py` where it answers from videos."""
    text = json.dumps(values, indent=2, ensure_ascii=False)
    (directory / FILE).write_text(text + "\n", "utf-8")
    if answers:
        path = directory / predict_file.FILE
        path.write_text(predict_file.text(), "utf-8")


def obstacle(model):
    """Why an export of a network cannot answer from videos by a file of its
    own, in words; `None` if it can.

    Args:
        model: keras.Model of this package.
    """
    try:
        predictor = Predictor(model)
    except ValueError as error:
        return str(error)
    spec = protocols.clip_spec_of(model)
    if predictor.frame.deinterlace is not None:
        return f"it wants frames deinterlaced by {predictor.frame.deinterlace}"
    flows = {*spec.modalities} & {"flow", "warped_flow"}
    if flows and spec.flow.method not in _FLOWS:
        return f"its flow is made by {spec.flow.method}"
    return None
