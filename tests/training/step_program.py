"""Trains a small network for a step on the backend that the environment names.

    python -m tests.training.step_program MODEL.keras RESULT.npz

The weights are those of the file; the loss of each step, and the weights and
their averages after the last one go into the result.
"""

import sys

import numpy as np

from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import model_file
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.optimizers.section import build
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Optimizer


def main(path, result):
    network = model_file.load(path)
    model = head.clip_logits_model(network)
    section = Optimizer(
        name="sgd_torch",
        learning_rate=0.01,
        weight_decay=0.001,
        batch_size=4,
        accumulate=2,
        clip_norm=0.5,
        ema=0.5,
        learning_rate_multipliers={"head": 5, "bias": 2},
    )
    optimizer = build(section, Schedule(epochs=1), 4, network)
    losses.compile_logits(model, optimizer)
    rng = np.random.default_rng(0)
    found = {}
    for step in range(2):
        clips = rng.integers(0, 256, (4, 3, 32, 32, 3), "uint8")
        loss, _ = model.train_on_batch(clips, np.arange(4) % 3)
        found[f"loss{step}"] = np.asarray(loss, "float64")
    found |= {f"weight{i}": w for i, w in enumerate(network.get_weights())}
    optimizer.swap_averages()
    found |= {f"average{i}": w for i, w in enumerate(network.get_weights())}
    np.savez(result, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
