"""Gradient checkpointing: activations computed once more instead of kept."""

import math

import keras

from keras_vidrec.applications.parts import torch_run


def rematerialize(model):
    """Makes training keep only some of the activations of the backbones, and
    compute the others once more in the backward pass.

    The graph of each backbone is cut into about as many pieces as a piece has
    layers, where nothing but the main path has to be kept: between residual
    units and inception blocks. Gradients, the statistics of batch normalization
    and dropout masks are not changed, and testing and saving are not affected.
    A network whose backbones are no models of their own, such as the
    multiplier, is cut as a whole.

    `keras.RematScope` around the building of such a network does not serve:
    it wraps single layers, whose outputs are kept then as the inputs of the
    next ones, and fails on layers with a `training` argument.

    Args:
        model: functional keras.Model, the one that `fit` is called on. It is
            changed.

    Returns:
        int, the number of pieces.

    Raises:
        ValueError: if there is nothing to cut.

    Reference:
        - [Chen et al., 2016](https://arxiv.org/abs/1604.06174), section 4
    """
    nested = _innermost_models(model)
    num_pieces = 0
    for part in nested or [model]:
        pieces = _cut(part)
        if len(pieces) > 1:
            part.call = _calling(part, pieces)
            num_pieces += len(pieces)
    if not num_pieces:
        raise ValueError(
            "Expected a network with a backbone, whose activations can be "
            f"recomputed. Received: rematerialize=True for {model.name!r}"
        )
    return num_pieces


class Piece(keras.Layer):
    """Some layers of a functional model, in their order, in training."""

    def __init__(self, inputs, outputs):
        # The layers inside cast what they take.
        super().__init__(autocast=False)
        self.function = keras.Function(inputs, outputs)
        self._run = torch_run.of_function(self.function)
        self.parts = [
            operation
            for operation in self.function.operations
            if isinstance(operation, keras.Layer)
        ]
        self.built = True

    def call(self, tensors):
        if self._run is not None:
            return self._run(tensors, training=True)
        # Keras' own runner, by no public name: `Function.call` would keep
        # the layers in the mode that they had when the graph was made.
        return self.function._run_through_graph(
            tensors, operation_fn=_in_training
        )


class Checkpoint(keras.Layer):
    """A piece in training: what is inside is computed twice, what it changes
    is changed once."""

    def __init__(self, piece):
        super().__init__(autocast=False)
        self.piece = piece
        self.built = True

    def call(self, tensors):
        weights = self.piece.trainable_variables
        state = self.piece.non_trainable_variables
        # Both times from the same state, so a copy: the second time must drop
        # out what the first one did.
        values = [keras.ops.copy(variable) for variable in state]

        def run(*arguments):
            given = [*zip(weights, arguments), *zip(state, values)]
            with keras.StatelessScope(state_mapping=given) as scope:
                outputs = self.piece(list(arguments[len(weights) :]))
            changed = [scope.get_current_value(variable) for variable in state]
            return (*outputs, *changed)

        results = keras.remat(run)(
            *(keras.ops.copy(variable) for variable in weights),
            *tensors,
        )
        outputs = results[: len(results) - len(state)]
        for variable, value in zip(state, results[len(outputs) :]):
            variable.assign(value)
        return list(outputs)


def _in_training(operation):
    if not isinstance(operation, keras.Layer):
        return operation

    def call(*args, **kwargs):
        return operation(*args, **{**kwargs, "training": True})

    return call


def _calling(model, pieces):
    """What `model.call` is replaced by."""
    plain = model.call
    checkpoints = [Checkpoint(Piece(*ends)) for ends in pieces]

    def call(inputs, training=None, mask=None):
        if not training:
            return plain(inputs, training=training, mask=mask)
        known = dict(zip(map(id, model.inputs), keras.tree.flatten(inputs)))
        for (sources, targets), checkpoint in zip(pieces, checkpoints):
            tensors = checkpoint([known[id(source)] for source in sources])
            known.update(zip(map(id, targets), tensors))
        return keras.tree.map_structure(
            lambda symbol: known[id(symbol)], model.output
        )

    return call


def _cut(model):
    """Pairs of the inputs and the outputs of the pieces of a model."""
    operations = [
        (
            keras.tree.flatten(operation.input),
            keras.tree.flatten(operation.output),
        )
        for operation in model.operations
        if not isinstance(operation, keras.layers.InputLayer)
    ]
    last_use = {}
    for position, (inputs, _) in enumerate(operations):
        last_use.update((id(tensor), position) for tensor in inputs)
    ends = {id(tensor) for tensor in model.outputs}

    pieces, begin, live = [], 0, {id(tensor) for tensor in model.inputs}
    for position, (_, outputs) in enumerate(operations):
        live.update(map(id, outputs))
        live = {name for name in live if last_use.get(name, -1) > position}
        long_enough = position + 1 - begin >= math.sqrt(len(operations))
        is_last = position + 1 == len(operations)
        if is_last or (long_enough and len(live) <= len(model.inputs)):
            pieces.append(_ends(operations[begin : position + 1], live | ends))
            begin = position + 1
    return pieces


def _ends(operations, wanted):
    """What a piece takes, and what of its tensors are wanted after it."""
    made = {
        id(tensor): tensor for _, outputs in operations for tensor in outputs
    }
    taken = {
        id(tensor): tensor
        for inputs, _ in operations
        for tensor in inputs
        if id(tensor) not in made
    }
    left = [tensor for name, tensor in made.items() if name in wanted]
    return list(taken.values()), left


def _innermost_models(model):
    """Functional models inside that hold no others."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model) and hasattr(layer, "operations"):
            found.extend(_innermost_models(layer) or [layer])
    return found
