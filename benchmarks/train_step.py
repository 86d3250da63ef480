"""Times TSN ResNet-50 in Keras, on any backend, against PyTorch, on CPU.

A training step and an inference step of the same network are timed: 2 videos of
3 segments of 224x224 pixels, ResNet-50 in PyTorch's style, scaling of the
pixels, dropout, classifier of 101 classes, mean over the segments,
cross-entropy, SGD with momentum. PyTorch runs with channels last, its faster
layout, in a process and an environment of its own:

    python3 -m venv .venv-torch
    .venv-torch/bin/pip install -r requirements/torch-cpu.txt
    python benchmarks/train_step.py

If torchvision can be imported there, its ResNet-50 is used, else the same
network as defined below. The runs alternate, so that other programs affect
both. The output is the median over rounds of the ratio of Keras to PyTorch
(below 1, Keras is faster). On a busy machine, use `--clock processors` to
compare processor time, best with `--threads 1`, because waiting threads also
take processor time.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

VIDEOS, SEGMENTS, SIZE, CLASSES = 2, 3, 224, 101
DROPOUT = 0.8
# A high rate on one fixed batch leads to denormal numbers, which are slow.
LEARNING_RATE = 1e-6
MODES = ("train", "inference")
CLOCKS = {"wall": time.perf_counter, "processors": time.process_time}
PYTHON = pathlib.Path(".venv-torch/bin/python")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--torch-python", type=pathlib.Path, default=PYTHON)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=2, help="in a round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=SIZE, help="pixels")
    parser.add_argument(
        "--backend",
        choices=("tensorflow", "jax", "torch"),
        default="tensorflow",
    )
    parser.add_argument(
        "--clock", choices=tuple(CLOCKS), default="wall", help="what is timed"
    )
    parser.add_argument("--serve-torch", action="store_true", help="internal")
    return parser.parse_args()


def seconds_of(step, count, clock):
    """Returns the mean seconds of `count` steps."""
    start = CLOCKS[clock]()
    for _ in range(count):
        step()
    return (CLOCKS[clock]() - start) / count


def limit_threads(backend, threads):
    """Sets the number of threads of a backend; for JAX by the processors that
    the process may use."""
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    elif backend == "torch":
        import torch

        torch.set_num_threads(threads)
    else:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def keras_steps(backend, size, threads):
    """Returns the two steps in Keras, by mode."""
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    limit_threads(backend, threads)
    import keras
    import numpy as np

    from keras_vidrec import applications
    from keras_vidrec.applications.parts import head
    from keras_vidrec.training.objectives import losses

    keras.utils.set_random_seed(0)
    model = applications.TSN(
        classes=CLASSES,
        classifier_activation=None,
        backbone="resnet50",
        input_shape=(SEGMENTS, size, size, 3),
        num_segments=SEGMENTS,
        dropout=DROPOUT,
    )
    # As `train` and `evaluate` do.
    model = head.clip_logits_model(model)
    losses.compile_logits(
        model, keras.optimizers.SGD(LEARNING_RATE, momentum=0.9)
    )
    rng = np.random.default_rng(0)
    shape = (VIDEOS, SEGMENTS, size, size, 3)
    pixels = rng.integers(0, 256, shape, "uint8")
    videos = keras.ops.convert_to_tensor(pixels)
    labels = keras.ops.convert_to_tensor(rng.integers(0, CLASSES, VIDEOS))

    def train():
        return model.train_on_batch(videos, labels)

    if backend == "torch":
        # `fit` builds the network once, `train_on_batch` in each step.
        train()

        def train():
            return float(model.train_function([(videos, labels)])["loss"])

    return {
        "train": train,
        "inference": lambda: model.predict_on_batch(videos),
    }


def torch_resnet50():
    """Returns torchvision's ResNet-50, or the same network without
    torchvision."""
    from torch import nn

    try:
        from torchvision.models import resnet50
    # A build of torchvision for another torch fails with other errors.
    except (ImportError, RuntimeError, OSError):
        return _resnet50(nn)
    return resnet50(weights=None)


def _resnet50(nn):
    def convolution(inputs, filters, size, stride=1):
        return nn.Conv2d(inputs, filters, size, stride, size // 2, bias=False)

    class Bottleneck(nn.Module):
        def __init__(self, inputs, filters, stride, project):
            super().__init__()
            self.conv1 = convolution(inputs, filters, 1)
            self.bn1 = nn.BatchNorm2d(filters)
            self.conv2 = convolution(filters, filters, 3, stride)
            self.bn2 = nn.BatchNorm2d(filters)
            self.conv3 = convolution(filters, 4 * filters, 1)
            self.bn3 = nn.BatchNorm2d(4 * filters)
            self.relu = nn.ReLU(inplace=True)
            self.downsample = None
            if project:
                self.downsample = nn.Sequential(
                    convolution(inputs, 4 * filters, 1, stride),
                    nn.BatchNorm2d(4 * filters),
                )

        def forward(self, x):
            shortcut = x if self.downsample is None else self.downsample(x)
            x = self.relu(self.bn1(self.conv1(x)))
            x = self.relu(self.bn2(self.conv2(x)))
            x = self.bn3(self.conv3(x))
            x += shortcut
            return self.relu(x)

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(
                convolution(3, 64, 7, 2),
                nn.BatchNorm2d(64),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(3, 2, 1),
            )
            units, inputs = [], 64
            for filters, count in zip((64, 128, 256, 512), (3, 4, 6, 3)):
                for unit in range(count):
                    stride = 2 if unit == 0 and filters > 64 else 1
                    units.append(Bottleneck(inputs, filters, stride, unit == 0))
                    inputs = 4 * filters
            self.units = nn.Sequential(*units)
            self.fc = nn.Linear(inputs, 1000)

        def forward(self, x):
            return self.fc(self.units(self.stem(x)).mean((2, 3)))

    network = ResNet()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(
                module.weight, mode="fan_out", nonlinearity="relu"
            )
    return network


def torch_steps(size, threads):
    """Returns the two steps in PyTorch, by mode."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network = torch_resnet50()
    parameters = sum(p.numel() for p in network.parameters())
    assert parameters == 25_557_032, parameters
    network.fc = torch.nn.Sequential(
        torch.nn.Dropout(DROPOUT), torch.nn.Linear(2048, CLASSES)
    )
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        network.parameters(), LEARNING_RATE, momentum=0.9
    )
    shape = (VIDEOS * SEGMENTS, 3, size, size)
    frames = torch.randint(0, 256, shape, dtype=torch.uint8)
    frames = frames.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (VIDEOS,))
    mean = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)

    def logits():
        scores = network((frames.float() - mean) / std)
        return scores.view(VIDEOS, SEGMENTS, CLASSES).mean(1)

    def train():
        network.train()
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits(), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    def inference():
        network.eval()
        with torch.inference_mode():
            return logits().tolist()

    return {"train": train, "inference": inference}


def serve_torch(args):
    """Answers each line `[mode, count]` on stdin with the seconds per step."""
    steps = torch_steps(args.size, args.threads)
    for line in sys.stdin:
        mode, count = json.loads(line)
        sys.stdout.write(f"{seconds_of(steps[mode], count, args.clock)}\n")
        sys.stdout.flush()


class TorchPeer:
    """The PyTorch process, controlled through its stdin and stdout."""

    def __init__(self, args):
        python = args.torch_python
        if not python.exists():
            sys.exit(
                f"{python} not found: create it as --help says.\n{__doc__}"
            )
        self._process = subprocess.Popen(
            [
                *(python, __file__, "--serve-torch"),
                *("--threads", str(args.threads)),
                *("--size", str(args.size), "--clock", args.clock),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, mode, count):
        self._process.stdin.write(json.dumps([mode, count]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit("The PyTorch process ended; its error is above.")
        return float(answer)

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def main():
    args = arguments()
    if args.serve_torch:
        serve_torch(args)
        return
    peer = TorchPeer(args)
    steps = keras_steps(args.backend, args.size, args.threads)
    for mode in MODES:
        # The first steps trace, compile and allocate.
        seconds_of(steps[mode], 2, args.clock)
        peer.seconds(mode, 2)
        pairs = [
            (
                seconds_of(steps[mode], args.steps, args.clock),
                peer.seconds(mode, args.steps),
            )
            for _ in range(args.rounds)
        ]
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        ratios = sorted(ours / theirs for ours, theirs in pairs)
        sys.stdout.write(
            f"{mode:9} Keras {ours:.3f} s, PyTorch {theirs:.3f} s, ratio "
            f"{statistics.median(ratios):.2f} "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})\n"
        )
        sys.stdout.flush()
    peer.close()


if __name__ == "__main__":
    main()
