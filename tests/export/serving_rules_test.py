"""SavedModels under the rules of TensorFlow Serving: rows in JSON, batches of
several requests, messages of gRPC, encoded frames."""

import base64
import concurrent.futures
import json

import cv2
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from keras_vidrec.export import export_saved_model
from keras_vidrec.specs import ClipSpec
from tests.evaluation.mean_color_network import mean_color_network

pytestmark = pytest.mark.tensorflow_only

NAMES = ("jump", "laufen", "跳高", "a", "b", "c")


@pytest.fixture(scope="module")
def signatures(tmp_path_factory):
    """Those of a network of neighboring frames, two images a snippet."""
    spec = ClipSpec(("rgb_diff",), snippet_length=1, size=16)
    path = tmp_path_factory.mktemp("served") / "1"
    export_saved_model(mean_color_network(NAMES, clip_spec=spec), path)
    loaded = tf.saved_model.load(str(path))
    assert {*loaded.signatures} == {"serving_default", "serve_jpeg"}
    yield loaded.signatures


def smooth_frames(batch, number, height=20, width=24):
    y, x, t = np.mgrid[:height, :width, : batch * number * 3]
    waves = 120 + 60 * np.sin((x + 3 * t) / 7) + 40 * np.cos((y - t) / 5)
    frames = np.moveaxis(np.clip(waves, 0, 255).astype("uint8"), -1, 0)
    return np.moveaxis(frames.reshape(batch, number, 3, height, width), 2, -1)


def jpeg(frame):
    found, content = cv2.imencode(".jpg", frame[..., ::-1])
    assert found
    return content.tobytes()


def decoded(content):
    return cv2.imdecode(np.frombuffer(content, "uint8"), 1)[..., ::-1]


def inputs_of(name, batch):
    """The arguments of a signature for so many rows."""
    frames = smooth_frames(batch, 6)
    if name == "serve_jpeg":
        rows = [[jpeg(frame) for frame in row] for row in frames]
        return {"frames": np.array(rows, object)}
    pairs = frames.reshape(batch, 3, 2, *frames.shape[2:])
    clips = np.concatenate([pairs[:, :, 0], pairs[:, :, 1]], -1)
    return {"rgb_diff": clips}


def call(serve, inputs):
    outputs = serve(**{name: tf.constant(x) for name, x in inputs.items()})
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def from_rows(serve, instances):
    """The tensors that the server makes of the rows of a request: of each
    input one, of the type of the signature; bytes are in base 64."""
    specs = serve.structured_input_signature[1]
    if len(specs) == 1 and not isinstance(instances[0], dict):
        (only,) = specs
        instances = [{only: row} for row in instances]

    def plain(value):
        if isinstance(value, dict):
            assert {*value} == {"b64"}
            return base64.b64decode(value["b64"])
        return [plain(x) for x in value] if isinstance(value, list) else value

    inputs = {}
    for name, spec in specs.items():
        rows = [plain(row[name]) for row in instances]
        inputs[name] = tf.constant(rows, spec.dtype)
    return inputs


def to_rows(outputs):
    """What the server makes of the outputs: it refuses those whose first
    dimension is not the same, and puts strings that are not `_bytes` as
    text."""
    sizes = {name: x.shape[0] for name, x in outputs.items() if x.ndim}
    if {*sizes} != {*outputs} or len({*sizes.values()}) != 1:
        raise ValueError(f"inconsistent batch size: {sizes}")

    def plain(value):
        if isinstance(value, bytes):
            return value.decode("utf-8")
        if isinstance(value, list):
            return [plain(x) for x in value]
        return value

    (size,) = {*sizes.values()}
    return [
        {name: plain(x[row].tolist()) for name, x in outputs.items()}
        for row in range(size)
    ]


@pytest.mark.parametrize("name", ["serving_default", "serve_jpeg"])
def test_a_request_in_json(signatures, name):
    serve = signatures[name]
    inputs = inputs_of(name, 2)
    (rows,) = inputs.values()
    if name == "serve_jpeg":
        coded = [
            [{"b64": base64.b64encode(x).decode()} for x in row] for row in rows
        ]
    else:
        coded = rows.tolist()
    request = json.dumps({"instances": coded})
    tensors = from_rows(serve, json.loads(request)["instances"])
    predictions = to_rows(call(serve, tensors))
    answer = json.loads(json.dumps({"predictions": predictions}))
    expected = call(serve, inputs)
    assert len(answer["predictions"]) == 2
    for row, probabilities in zip(
        answer["predictions"], expected["probabilities"]
    ):
        best = np.argsort(-probabilities)[:5]
        assert row["classes"] == [NAMES[i] for i in best]
        np.testing.assert_allclose(row["scores"], probabilities[best])
        assert np.shape(row["snippet_logits"]) == (3, 6)


def test_the_rule_can_fail(signatures):
    outputs = call(
        signatures["serving_default"], inputs_of("serving_default", 2)
    )
    with pytest.raises(ValueError, match="inconsistent batch size"):
        to_rows({**outputs, "class_names": np.array(NAMES)})
    with pytest.raises(ValueError, match="inconsistent batch size"):
        to_rows({**outputs, "temperature": np.float32(1)})


@pytest.mark.parametrize("name", ["serving_default", "serve_jpeg"])
def test_requests_are_batched(signatures, name):
    """As by `--enable_batching`: rows of several requests go together, and
    each gets its own back."""
    serve = signatures[name]
    inputs = inputs_of(name, 3)
    (argument,) = inputs
    keys, sizes = [*serve.structured_outputs], []

    def run(rows):
        sizes.append(tf.shape(rows)[0])
        outputs = serve(**{argument: rows})
        return [outputs[key] for key in keys]

    batched = tf.nondifferentiable_batch_function(
        num_batch_threads=1,
        max_batch_size=3,
        batch_timeout_micros=10_000_000,
        allowed_batch_sizes=[3],
    )(run)
    one = tf.function(lambda rows: batched(rows))
    expected = call(serve, inputs)
    rows = [tf.constant(inputs[argument][i : i + 1]) for i in range(3)]
    one.get_concrete_function(tf.TensorSpec.from_tensor(rows[0]))
    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        answers = [*threads.map(one, rows)]
    for row, answer in enumerate(answers):
        for key, tensor in zip(keys, answer):
            assert tensor.shape[0] == 1
            if tensor.dtype == tf.string:
                assert tensor.numpy().tolist() == [expected[key][row].tolist()]
                continue
            np.testing.assert_allclose(tensor[0], expected[key][row], atol=1e-5)


@pytest.mark.parametrize("name", ["serving_default", "serve_jpeg"])
def test_messages_of_grpc(signatures, name):
    serve = signatures[name]
    inputs = inputs_of(name, 2)
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = name
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    request = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    received = {
        key: tf.make_ndarray(value) for key, value in request.inputs.items()
    }
    outputs = call(serve, received)
    response = predict_pb2.PredictResponse()
    for key, value in outputs.items():
        response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
    response = predict_pb2.PredictResponse.FromString(
        response.SerializeToString()
    )
    expected = call(serve, inputs)
    assert {*response.outputs} == {*expected}
    for key, value in response.outputs.items():
        np.testing.assert_array_equal(tf.make_ndarray(value), expected[key])


def test_encoded_frames_give_the_numbers_of_their_pixels(signatures):
    inputs = inputs_of("serve_jpeg", 2)
    pixels = np.array(
        [[decoded(x) for x in row] for row in inputs["frames"].tolist()]
    )
    pairs = pixels.reshape(2, 3, 2, *pixels.shape[2:])
    clips = np.concatenate([pairs[:, :, 0], pairs[:, :, 1]], -1)
    expected = call(signatures["serving_default"], {"rgb_diff": clips})
    found = call(signatures["serve_jpeg"], inputs)
    assert np.ptp(expected["probabilities"]) > 0.05
    np.testing.assert_allclose(
        found["snippet_logits"], expected["snippet_logits"], atol=1e-4
    )
    np.testing.assert_allclose(
        found["probabilities"], expected["probabilities"], atol=1e-4
    )


def test_wrong_frames_are_one_clear_error(signatures):
    serve = signatures["serve_jpeg"]
    frames = inputs_of("serve_jpeg", 1)["frames"]
    for wrong, problem in (
        (frames[:, :5], "Expected `frames` of 2 images a snippet"),
        (np.where(np.arange(6) == 2, b"no picture", frames), "image"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=problem):
            call(serve, {"frames": wrong})
