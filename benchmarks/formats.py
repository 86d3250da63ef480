r"""TSN on ResNet-50 in the formats it is exported in, beside PyTorch.

    python benchmarks/formats.py [--rounds 20] [--segments 3] [--threads 1]

A clip of frames of 224 pixels to 101 scores: what `vidrec export` writes for
ONNX Runtime, LiteRT and OpenVINO, in float32 and in int8 whose ranges are those
of generated clips; and PyTorch on the same network in channels-last layout
(torchvision's, or its equal). Weights are random, so that times alone mean
something: what int8 costs in accuracy `vidrec export` measures on a run's own
videos. All in one process, in turn, so that other work meets all of them.
Printed are the processors' and the wall time of a clip, the least and the
median of the rounds, and the medians of the ratios of the processors' times
within a round: to PyTorch, and of int8 to float32 of the same format. It needs
the extras `onnx`, `litert` and `openvino`, and `requirements/torch-cpu.txt`.
"""

import argparse
import os
import pathlib
import statistics
import tempfile
import time

import numpy as np

SIZE = 224
CLASSES = 101
CALIBRATION = 8
# The target of the export of each format.
TARGETS = {"onnx": "server", "litert": "phone", "openvino": "server"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--segments", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def network(segments):
    from keras_vidrec.applications import TSN

    model = TSN(backbone="resnet50", classes=CLASSES)
    layer = model.get_layer("predictions")
    layer.clip_spec = layer.clip_spec.replace(num_segments=segments, size=SIZE)
    return model


def clips_for(endpoint, segments):
    """Returns generated clips, and one to measure with: dicts of arrays."""
    from keras_vidrec.export import parity

    (name,) = [tensor.name for tensor in endpoint.inputs]
    (waves,) = parity.generated_clips(endpoint).values()
    waves = np.resize(waves, (1, segments, *waves.shape[2:]))
    rng = np.random.default_rng(0)
    found = []
    for _ in range(CALIBRATION):
        gain, shift = rng.uniform(0.3, 1), rng.uniform(-60, 60)
        clip = np.clip(waves * gain + shift, 0, 255).astype("uint8")
        found.append({name: clip})
    return found


def written(format, model, segments, directory):
    """Returns the paths of the files in float32 and int8."""
    from keras_vidrec.applications.parts.head import describe
    from keras_vidrec.export import endpoint as endpoints
    from keras_vidrec.export import litert
    from keras_vidrec.export import onnx
    from keras_vidrec.export import openvino

    endpoint = endpoints.of_clips(model, TARGETS[format] == "phone")
    clips = clips_for(endpoint, segments)
    paths = []
    for precision in ("float32", "int8"):
        folder = directory / f"{format}_{precision}"
        folder.mkdir()
        room = {"onnx": onnx, "litert": litert, "openvino": openvino}[format]
        paths.append(folder / room.FILE)
    plain, reduced = paths
    if format == "litert":
        litert._write(endpoint, plain)
        litert._write(endpoint, reduced, "int8", clips)
    elif format == "onnx":
        onnx._write(endpoint, describe(model), plain)
        onnx._reduce(plain, reduced, clips)
    else:
        openvino._write(endpoint, plain)
        openvino._reduce(plain, reduced, clips)
    return clips[0], paths


def of_onnx(path, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Busy waiting must not be counted as processor time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    return lambda clip: session.run(["probabilities"], clip)[0]


def of_litert(path, threads):
    from ai_edge_litert.interpreter import Interpreter

    serve = Interpreter(str(path), num_threads=threads).get_signature_runner()
    return lambda clip: serve(**clip)["probabilities"]


def of_openvino(path, threads):
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
    }
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)
    return lambda clip: compiled(clip)["probabilities"]


def of_torch(threads):
    """Returns a function that computes the same as the exports: it scales
    frames and averages scores."""
    import torch
    from train_step import torch_resnet50

    torch.set_num_threads(threads)
    plain = torch_resnet50()
    plain.fc = torch.nn.Linear(2048, CLASSES)
    plain = plain.eval().to(memory_format=torch.channels_last)
    mean = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)

    @torch.inference_mode()
    def run(clip):
        (frames,) = clip.values()
        # Channels last, as they lie.
        frames = torch.from_numpy(frames[0]).permute(0, 3, 1, 2)
        scores = plain((frames.float() - mean) / std)
        return torch.softmax(scores.mean(0, keepdim=True), -1).numpy()

    return run


def timed(run, clip):
    """Returns milliseconds of processor time and of wall-clock time."""
    cpu, wall = time.process_time(), time.perf_counter()
    run(clip)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return 1e3 * cpu, 1e3 * wall


def main():
    options = arguments()
    runners = {
        "onnx": of_onnx,
        "litert": of_litert,
        "openvino": of_openvino,
    }
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        model, sides, sizes = network(options.segments), {}, {}
        sides["torch float32"] = of_torch(options.threads)
        for format, runner in runners.items():
            clip, paths = written(format, model, options.segments, directory)
            for precision, path in zip(("float32", "int8"), paths):
                name = f"{format} {precision}"
                sides[name] = runner(path, options.threads)
                sizes[name] = sum(
                    file.stat().st_size for file in path.parent.iterdir()
                )
            print(f"{format} is written", flush=True)
        spent = {name: [] for name in sides}
        # The first round warms up.
        for turn in range(options.rounds + 1):
            for name, run in sides.items():
                figures = timed(run, clip)
                if turn:
                    spent[name].append(figures)
    for name, times in spent.items():
        show(name, times, spent, sizes.get(name, 0))


def show(name, times, spent, size):
    cpu, wall = zip(*times)
    text = (
        f"{name:18} cpu {min(cpu):7.1f} {statistics.median(cpu):7.1f} ms   "
        f"wall {min(wall):7.1f} {statistics.median(wall):7.1f} ms   "
        f"cpu / PyTorch's {ratio(times, spent['torch float32']):.2f}"
    )
    plain = name.replace("int8", "float32")
    if plain != name:
        text += f", / float32's {ratio(times, spent[plain]):.2f}"
    print(text + (f"   {size / 1e6:.1f} MB" if size else ""), flush=True)


def ratio(times, others):
    """Returns the median over rounds of the ratio of processor times."""
    return statistics.median(
        own[0] / other[0] for own, other in zip(times, others)
    )


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main()
