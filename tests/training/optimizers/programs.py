"""The solvers of the papers' programs in NumPy, float64, each in the order of
its program, on a network of two layers.

Each takes the clips of an update as its program deals them out, and gives the
weights after all updates.
"""

import numpy as np

SHAPES = {
    "hidden/kernel": (6, 5),
    "hidden/bias": (5,),
    "logits/kernel": (5, 3),
    "logits/bias": (3,),
}
MOMENTUM = 0.9


def start():
    """Numbers that float32 has."""
    rng = np.random.default_rng(0)
    return {
        name: (rng.normal(size=shape) / 4).astype("float32").astype("float64")
        for name, shape in SHAPES.items()
    }


def clips(number):
    """Inputs of very different sizes, so that some gradients are large."""
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(number, 6)) * 10.0 ** rng.uniform(
        -1, 1, (number // 64, 1)
    ).repeat(64, axis=0)
    return inputs.astype("float32"), rng.integers(3, size=number)


def gradient(weights, inputs, labels):
    """Of the sum of the cross-entropies."""
    inputs = inputs.astype("float64")
    hidden = np.tanh(inputs @ weights["hidden/kernel"] + weights["hidden/bias"])
    logits = hidden @ weights["logits/kernel"] + weights["logits/bias"]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = shares / shares.sum(axis=1, keepdims=True)
    error[np.arange(len(labels)), labels] -= 1
    below = (error @ weights["logits/kernel"].T) * (1 - hidden**2)
    return {
        "hidden/kernel": inputs.T @ below,
        "hidden/bias": below.sum(axis=0),
        "logits/kernel": hidden.T @ error,
        "logits/bias": error.sum(axis=0),
    }


def updates(data, size):
    inputs, labels = data
    for i in range(0, len(labels), size):
        yield inputs[i : i + size], labels[i : i + size]


def added(parts):
    return {name: sum(part[name] for part in parts) for name in SHAPES}


def scaled(grads, factor):
    return {name: factor * grad for name, grad in grads.items()}


def norm(grads):
    return np.sqrt(sum((grad**2).sum() for grad in grads.values()))


def rate_multiplier(name):
    return 2 if name.endswith("bias") else 1


def decay_multiplier(name):
    return 0 if name.endswith("bias") else 1


def caffe(data, size, rates, decay, bound, workers, iter_size):
    """The authors' Caffe on several workers: each adds up the gradients of
    its `iter_size` batches, which `SyncGradient` averages; then `ApplyUpdate`
    clips, normalizes, regularizes. Tells, too, how many it clipped."""
    weights, history = start(), dict.fromkeys(SHAPES, 0.0)
    clipped = 0
    for (inputs, labels), rate in zip(updates(data, size), rates):
        batch = size // (workers * iter_size)
        diffs = [
            added(
                [
                    scaled(gradient(weights, *part), 1 / batch)
                    for part in updates(
                        (inputs[worker::workers], labels[worker::workers]),
                        batch,
                    )
                ]
            )
            for worker in range(workers)
        ]
        diff = scaled(added(diffs), 1 / workers)
        if norm(diff) > bound:
            clipped += 1
            diff = scaled(diff, bound / norm(diff))
        for name in SHAPES:
            grad = diff[name] / iter_size
            grad = grad + decay * decay_multiplier(name) * weights[name]
            local_rate = rate * rate_multiplier(name)
            history[name] = MOMENTUM * history[name] + local_rate * grad
            weights[name] = weights[name] - history[name]
    return weights, clipped


def matconvnet(data, size, rates, decay, sub_batches, epoch):
    """`cnn_train_dag.m` of two-stream fusion: the momentum is made anew for
    each epoch of so many updates, or never (`None`) in that of ST-ResNet."""
    weights = start()
    momentum = dict.fromkeys(SHAPES, 0.0)
    for t, (batch, rate) in enumerate(zip(updates(data, size), rates)):
        if epoch and t % epoch == 0:
            momentum = dict.fromkeys(SHAPES, 0.0)
        inputs, labels = batch
        der = added(
            [
                gradient(
                    weights, inputs[s::sub_batches], labels[s::sub_batches]
                )
                for s in range(sub_batches)
            ]
        )
        for name in SHAPES:
            momentum[name] = (
                MOMENTUM * momentum[name]
                - decay * decay_multiplier(name) * weights[name]
                - der[name] / size
            )
            local_rate = rate * rate_multiplier(name)
            weights[name] = weights[name] + local_rate * momentum[name]
    return weights


def tsn_pytorch(data, size, rates, decay, bound):
    """`clip_grad_norm` of PyTorch, then its SGD with groups of weights."""
    weights, buffers = start(), {}
    for batch, rate in zip(updates(data, size), rates):
        grads = scaled(gradient(weights, *batch), 1 / size)
        grads = scaled(grads, min(1, bound / (norm(grads) + 1e-6)))
        for name in SHAPES:
            grad = grads[name] + decay * decay_multiplier(name) * weights[name]
            if name in buffers:
                buffers[name] = MOMENTUM * buffers[name] + grad
            else:
                buffers[name] = grad
            local_rate = rate * rate_multiplier(name)
            weights[name] = weights[name] - local_rate * buffers[name]
    return weights


def torch7_sgd(data, size, rates, decay):
    """`optim.sgd` with Nesterov's momentum and no dampening, all weights as
    one vector."""
    weights, state = start(), {}
    for batch, rate in zip(updates(data, size), rates):
        grads = scaled(gradient(weights, *batch), 1 / size)
        for name in SHAPES:
            grad = grads[name] + decay * weights[name]
            state[name] = MOMENTUM * state.get(name, 0) + grad
            weights[name] = weights[name] - rate * (
                grad + MOMENTUM * state[name]
            )
    return weights


def torch7_adam(data, size, rates, decay, clamp):
    """The gradient clamped in the closure, then `optim.adam`."""
    weights = start()
    m, v = dict.fromkeys(SHAPES, 0.0), dict.fromkeys(SHAPES, 0.0)
    for t, (batch, rate) in enumerate(zip(updates(data, size), rates), 1):
        grads = scaled(gradient(weights, *batch), 1 / size)
        step = rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        for name in SHAPES:
            grad = np.clip(grads[name], -clamp, clamp) + decay * weights[name]
            m[name] = 0.9 * m[name] + 0.1 * grad
            v[name] = 0.999 * v[name] + 0.001 * grad**2
            weights[name] = weights[name] - step * m[name] / (
                np.sqrt(v[name]) + 1e-8
            )
    return weights


def rmsprop(data, size, rates, decay):
    weights, mean_squares = start(), dict.fromkeys(SHAPES, 0.0)
    for batch, rate in zip(updates(data, size), rates):
        grads = scaled(gradient(weights, *batch), 1 / size)
        for name in SHAPES:
            grad = grads[name] + decay * decay_multiplier(name) * weights[name]
            mean_squares[name] = 0.9 * mean_squares[name] + 0.1 * grad**2
            weights[name] = weights[name] - rate * grad / np.sqrt(
                mean_squares[name] + 1e-7
            )
    return weights
