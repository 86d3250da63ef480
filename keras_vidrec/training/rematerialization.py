"""Gradient checkpointing: activations are recomputed instead of stored."""

import math

import keras

from keras_vidrec.applications.parts import torch_run


def rematerialize(model):
    """Changes a model so that training stores only some of the activations of
    its backbones, and recomputes the others in the backward pass.

    The graph of a backbone with n operations is cut into about sqrt(n) pieces,
    at places where only one tensor has to be stored: between residual units or
    inception blocks. Gradients, the statistics of batch normalization and
    dropout masks stay the same, and testing and saving are not affected. A
    network whose backbones are not nested models, such as the multiplier, is
    cut as a whole.

    `keras.RematScope` does not help here: it wraps single layers, whose outputs
    are still stored as the inputs of the next ones, and it fails on layers with
    a `training` argument.

    Args:
        model: functional keras.Model that `fit` is called on. It is changed in
            place.

    Returns:
        int, the number of pieces.

    Raises:
        ValueError: if nothing can be cut.

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
    """Some successive layers of a functional model, in training mode.

    Args:
        inputs: list of symbolic tensors that the first layers take.
        outputs: list of symbolic tensors that the piece returns.

    Call arguments:
        tensors: list of tensors, the values of `inputs`.
    """

    def __init__(self, inputs, outputs):
        # The layers inside cast their inputs.
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
        # There is no public method for this: `Function.call` would use the
        # `training` argument with which the graph was made.
        return self.function._run_through_graph(
            tensors, operation_fn=_in_training
        )


class Checkpoint(keras.Layer):
    """Runs a `Piece` with rematerialization: its layers are computed twice, and
    their non-trainable variables are updated once.

    Args:
        piece: `Piece`.

    Call arguments:
        tensors: list of tensors, as for the piece.
    """

    def __init__(self, piece):
        super().__init__(autocast=False)
        self.piece = piece
        self.built = True

    def call(self, tensors):
        weights = self.piece.trainable_variables
        state = self.piece.non_trainable_variables
        # Both computations start from a copy of the state, so that dropout has
        # the same mask in both.
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
    """The operation as a function that, for a layer, sets `training=True`."""
    if not isinstance(operation, keras.Layer):
        return operation

    def call(*args, **kwargs):
        return operation(*args, **{**kwargs, "training": True})

    return call


def _calling(model, pieces):
    """The function that replaces `model.call`."""
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
    """The tensors that a piece takes as inputs, and those of its tensors that
    are used after it (their ids are in `wanted`)."""
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


def _innermost_models(model: keras.Model) -> list[keras.Model]:
    """The nested functional models that contain no other functional model."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model) and hasattr(layer, "operations"):
            found.extend(_innermost_models(layer) or [layer])
    return found
