"""Runs functional networks on PyTorch without the overhead of Keras' layers."""

import functools

import keras

from keras_vidrec.applications.parts import channels_last
from keras_vidrec.layers import BatchNormalization

if keras.backend.backend() == "torch":
    import torch


# Private attributes of PyTorch modules, which Keras' layers are here.
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks")


def run_directly(model):
    """Makes a network and its inner networks call PyTorch's operations directly
    instead of Keras' layers.

    This saves the overhead of each call of a Keras layer, copies of maps and
    kernels to another order of axes and back, memory for the results of
    padding, sums and ReLU (which are computed in place where possible), and
    memory for maps that are no longer needed. It applies to convolutions, batch
    normalization, ReLU, sums, padding and maximum pooling. Other layers, and
    layers with a replaced `call` or with PyTorch hooks, are called as usual.
    The results are the same.

    Args:
        model: functional keras.Model. It is changed in place; on other backends
            it is not changed.

    Returns:
        `model`.
    """
    if keras.backend.backend() != "torch":
        return model
    for layer in model.layers:
        if isinstance(layer, keras.Model) and hasattr(layer, "operations"):
            run_directly(layer)
        elif _padding(layer) is not None:
            channels_last.lay_out([layer.kernel])
    if "call" not in vars(model):
        run = TorchRun(model)
        model.call = functools.partial(_call, model, model.call, run)
    return model


def of_function(function):
    """Returns the `TorchRun` of a part of a network, or `None` on other
    backends than PyTorch."""
    if keras.backend.backend() != "torch":
        return None
    return TorchRun(function)


def _call(model, plain, run, inputs, training=None, mask=None, **options):
    """Replaces `call` of a model, which is `plain`."""
    if mask is not None or options:
        return plain(inputs, training=training, mask=mask, **options)
    # A private method, which Keras' own `call` uses.
    found = run(model._standardize_inputs(inputs), training)
    found = dict(zip(map(id, model.outputs), found))
    return keras.tree.map_structure(lambda one: found[id(one)], model.output)


class TorchRun:
    """A functional network as a list of steps, to be called like a function.

    Args:
        function: keras.Model or `keras.Function`.

    Call arguments:
        inputs: sequence of tensors, one for each of `function.inputs`.
        training: bool or `None`.

    Returns:
        List of tensors, one for each of `function.outputs`.
    """

    def __init__(self, function):
        self._inputs = [id(tensor) for tensor in function.inputs]
        self._outputs = [id(tensor) for tensor in function.outputs]
        self._steps = _steps(function)

    def __call__(self, inputs, training=None):
        tensors = _Tensors(zip(self._inputs, inputs))
        for step in self._steps:
            if not step.run_directly(tensors, training):
                for node in step.nodes:
                    _by_keras(node, tensors, training)
            for name in step.last_uses:
                tensors.drop(name)
        return [tensors.value(name) for name in self._outputs]


class _Tensors:
    """The tensors of a call, by the id of their symbolic tensors. Each has a
    value with Keras' order of axes, or a map with PyTorch's order of axes
    (channels first, but stored with channels last in memory), or both, which
    share memory."""

    def __init__(self, values):
        self._values = dict(values)
        self._maps = {}

    def value(self, name):
        """Returns a tensor with Keras' order of axes."""
        if name not in self._values:
            self._values[name] = self._maps[name].permute(0, 2, 3, 1)
        return self._values[name]

    def map(self, name):
        """Returns a tensor with PyTorch's order of axes, or `None` if it does
        not have four axes."""
        found = self._maps.get(name)
        if found is None:
            found = self._values[name]
            found = found.permute(0, 3, 1, 2) if found.ndim == 4 else None
        return found

    def is_own(self, name):
        """Whether a tensor is the output of a direct step, and no Keras layer
        has used it."""
        return name in self._maps and name not in self._values

    def set_value(self, name, value):
        self._values[name] = value

    def set_map(self, name, found):
        self._maps[name] = found

    def drop(self, name):
        self._values.pop(name, None)
        self._maps.pop(name, None)


class _Step:
    """The call of a layer, or of padding and the layer after it.

    Args:
        nodes: list of Keras' nodes: calls of layers.
        operation: `None`, or function of the direct call, see `_operation`.
            Defaults to `None`.
        free: collection of the ids of inputs that may be overwritten. Defaults
            to none.

    Attributes:
        nodes: as given.
        inputs: list of the ids of its symbolic inputs.
        last_uses: list of the ids of symbolic tensors that are not needed after
            this step.
    """

    def __init__(self, nodes, operation=None, free=()):
        self.nodes = nodes
        self.last_uses = []
        self.inputs = [id(tensor) for tensor in nodes[0].input_tensors]
        self._operation = operation
        self._output = id(nodes[-1].outputs[0])
        self._layers = [node.operation for node in nodes]
        self._free = free

    def run_directly(self, tensors, training):
        """Runs the step without Keras. Returns whether that was possible."""
        if self._operation is None:
            return False
        maps = []
        for name in self.inputs:
            found = tensors.map(name)
            if found is None:
                return False
            maps.append(found)
        for layer in self._layers:
            if not _is_plain(layer, maps):
                return False
        # Maps that this step may overwrite.
        own = [
            name in self._free and tensors.is_own(name) for name in self.inputs
        ]
        found = self._operation(*maps, own=own, training=training)
        if found is None:
            return False
        tensors.set_map(self._output, found)
        return True


def _is_plain(layer, maps):
    """Whether calling a layer only calls the `call` of its class: it has no
    hooks, no `call` of its own, and needs no conversion of types."""
    if "call" in vars(layer) or any(map(layer.__dict__.get, _HOOKS)):
        return False
    dtype = layer.compute_dtype
    return all(str(one.dtype) == f"torch.{dtype}" for one in maps)


def _by_keras(node, tensors, training):
    """Calls a layer by Keras."""
    for symbol in node.input_tensors:
        tensors.value(id(symbol))
    args, kwargs = node.arguments.fill_in(tensors._values)
    if isinstance(node.operation, keras.Layer):
        kwargs = {**kwargs, "training": training}
    found = node.operation(*args, **kwargs)
    for symbol, value in zip(node.outputs, keras.tree.flatten(found)):
        tensors.set_value(id(symbol), value)


def _steps(function):
    """Returns the steps of a network, in Keras' order."""
    # A private attribute, because the public `operations` does not distinguish
    # several calls of a layer.
    by_depth = function._nodes_by_depth
    nodes = [
        node
        for depth in sorted(by_depth, reverse=True)
        for node in by_depth[depth]
        if not node.is_input
    ]
    makers = {id(out): node for node in nodes for out in node.outputs}
    users = {}
    for node in nodes:
        for symbol in node.input_tensors:
            users.setdefault(id(symbol), []).append(node)
    kept = {id(tensor) for tensor in function.outputs}

    def only_user(symbol):
        found = users.get(id(symbol), ())
        return found[0] if len(found) == 1 and id(symbol) not in kept else None

    steps, joined = [], set()
    for node in nodes:
        if id(node) in joined:
            continue
        pads, node_after = _margin(node), only_user(node.outputs[0])
        operation = None
        if pads is not None and node_after is not None:
            after_relu = _is_relu(makers.get(id(node.input_tensors[0])))
            operation = _operation(node_after, pads, after_relu)
        if operation is not None:
            joined.add(id(node_after))
            steps.append(_Step([node, node_after], operation))
            continue
        # A map may only be overwritten if PyTorch does not need it for
        # gradients.
        free = {
            id(symbol)
            for symbol in node.input_tensors
            if only_user(symbol) is node and _is_overwritable(makers, symbol)
        }
        steps.append(_Step([node], _operation(node), free))
    last = {}
    for step in steps:
        last.update((name, step) for name in step.inputs)
    for name, step in last.items():
        if name not in kept:
            step.last_uses.append(name)
    return steps


def _is_overwritable(makers, symbol):
    """Whether the layer that computes a map does not need its value for
    gradients. `makers` is a dict of nodes by the id of their outputs."""
    maker = makers.get(id(symbol))
    if maker is None:
        return False
    layer = maker.operation
    if isinstance(layer, keras.layers.Conv2D):
        return layer.activation is keras.activations.linear
    return type(layer) in (BatchNormalization, keras.layers.Add)


def _is_relu(node):
    return (
        node is not None
        and type(node.operation) is keras.layers.Activation
        and node.operation.activation is keras.activations.relu
    )


def _operation(node, margin=(0, 0), after_relu=False):
    """Returns the function that computes a node by PyTorch, or `None` if there
    is none.

    Args:
        node: Keras' node.
        margin: tuple of int. Zeros to add on both sides of height and width,
            from the padding layer before it. Defaults to `(0, 0)`.
        after_relu: bool. Whether the padded maps come from a ReLU. Defaults to
            `False`.

    Returns:
        `None`, or function from maps, with the arguments `own` (which maps may
        be overwritten) and `training`, to a map, or to `None` if it cannot
        compute it.
    """
    layer = node.operation
    if not isinstance(layer, keras.Layer):
        return None
    if any(value is not None for value in node.arguments.kwargs.values()):
        return None
    if layer.activity_regularizer is not None:
        return None
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return None
    if type(layer) is keras.layers.Conv2D:
        padding = _padding(layer)
        if padding is None or (any(margin) and any(padding)):
            return None
        padding = tuple(map(max, padding, margin))
        return functools.partial(_convolve, layer, padding)
    if type(layer) is keras.layers.MaxPooling2D:
        small = all(2 * n <= size for n, size in zip(margin, layer.pool_size))
        if layer.padding == "valid" and small:
            # PyTorch pads with minus infinity instead of zeros. After a ReLU
            # the maximum is the same.
            if after_relu or not any(margin):
                return functools.partial(_pool, layer, margin)
        return None
    if any(margin):
        return None
    if type(layer) is BatchNormalization:
        return functools.partial(_normalize, layer)
    if _is_relu(node):
        return _relu
    if type(layer) is keras.layers.Add and len(node.input_tensors) == 2:
        return _add
    return None


def _margin(node):
    """Returns the numbers of zeros that a layer adds on both sides of height
    and width; `None` if it is not such a layer."""
    layer = node.operation
    if (
        type(layer) is keras.layers.ZeroPadding2D
        and layer.data_format == "channels_last"
        and all(before == after for before, after in layer.padding)
    ):
        return tuple(before for before, _ in layer.padding)
    return None


def _padding(layer):
    """Returns the padding of a convolution on both sides of height and width;
    `None` if the sides differ, or it is not a convolution that PyTorch's
    operation can compute."""
    if type(layer) is not keras.layers.Conv2D or (
        layer.data_format != "channels_last"
        or layer.activation
        not in (keras.activations.linear, keras.activations.relu)
    ):
        return None
    if layer.padding == "valid":
        return (0, 0)
    reach = [
        dilation * (size - 1)
        for dilation, size in zip(layer.dilation_rate, layer.kernel_size)
    ]
    if layer.padding != "same" or any(n % 2 for n in reach):
        return None
    return tuple(n // 2 for n in reach) if {*layer.strides} == {1} else None


def _convolve(layer, padding, maps, own, training):
    kernel = layer.kernel
    kernel = getattr(kernel, "value", kernel).permute(3, 2, 0, 1)
    bias = layer.bias.value.to(maps.dtype) if layer.use_bias else None
    found = torch.nn.functional.conv2d(
        maps.contiguous(memory_format=torch.channels_last),
        kernel.to(maps.dtype).contiguous(memory_format=torch.channels_last),
        bias,
        stride=tuple(layer.strides),
        padding=padding,
        dilation=tuple(layer.dilation_rate),
        groups=layer.groups,
    )
    if layer.activation is keras.activations.relu:
        return torch.relu_(found)
    return found


def _pool(layer, padding, maps, own, training):
    return torch.nn.functional.max_pool2d(
        maps, tuple(layer.pool_size), tuple(layer.strides), padding
    )


def _normalize(layer, maps, own, training):
    return layer.normalize_maps(maps, training)


def _relu(maps, own, training):
    return torch.relu_(maps) if own[0] else torch.relu(maps)


def _add(first, second, own, training):
    if first.shape != second.shape:
        return None
    if own[1]:
        return second.add_(first)
    return first.add_(second) if own[0] else first + second
