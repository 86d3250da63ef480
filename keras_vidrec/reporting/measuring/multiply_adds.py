"""Counts the multiply-adds of a network from the graph of the backend."""

import math

import keras
import numpy as np


def count(model: keras.Model, inputs) -> int:
    """Counts the multiply-adds of convolutions and products of matrices, as
    papers do. Biases, normalization and pooling are not counted, nor is TV-L1
    flow, whose number of iterations depends on the images.

    Args:
        model: keras.Model, of any layers.
        inputs: the inputs of the model as arrays. On PyTorch the model is
            called with them; on other backends only their shapes are used.

    Returns:
        int, for the whole batch.

    Raises:
        ValueError: if shapes in the graph are unknown.
    """
    backend = keras.backend.backend()
    counted = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend]
    return int(counted(model, inputs))


def _tensorflow(model, inputs):
    import tensorflow as tf

    def spec(x):
        return tf.TensorSpec(x.shape, x.dtype)

    @tf.function(autograph=False)
    def traced(*arguments):
        return model.stateless_call(*arguments, training=False)

    concrete = traced.get_concrete_function(*_specs(model, inputs, spec))
    graph = concrete.graph.as_graph_def(add_shapes=True)
    functions = {one.signature.name: one for one in graph.library.function}
    try:
        return _of_nodes(graph.node, {}, functions)
    except (IndexError, KeyError) as error:
        raise _unknown(model) from error


def _unknown(model):
    return ValueError(
        "Multiply-adds are counted from shapes. Expected a network in which "
        "the shapes of the inputs determine all other shapes. Received: "
        f"{model.name!r}"
    )


def _specs(model, inputs, spec):
    """Returns the specs of the arguments of `stateless_call`. With shapes
    instead of values, a network without weights can be counted too."""
    variables = model.trainable_variables, model.non_trainable_variables
    return [
        *([spec(one) for one in some] for some in variables),
        keras.tree.map_structure(spec, inputs),
    ]


def _of_nodes(nodes, shapes, functions):
    """Counts the multiply-adds of the nodes of a TensorFlow graph, or of a
    function in it.

    Args:
        nodes: nodes of the graph or function.
        shapes: dict of the shapes of the arguments of the function by name,
            each a list of one list of int.
        functions: dict of the functions of the graph by name.
    """
    shapes = dict(shapes)
    for node in nodes:
        found = node.attr["_output_shapes"].list.shape
        shapes[node.name] = [[d.size for d in one.dim] for one in found]
    total = 0
    for node in nodes:
        if node.op in _OF_NODES:
            seen = [_shape(shapes, name) for name in node.input[:2]]
            (made,) = shapes[node.name]
            if any(-1 in shape for shape in (*seen, made)):
                raise KeyError(node.name)
            total += _OF_NODES[node.op](node, *seen, made)
        elif node.op in ("PartitionedCall", "StatefulPartitionedCall"):
            function = functions[node.attr["f"].func.name]
            arguments = function.signature.input_arg
            given = {
                argument.name: [_shape(shapes, name)]
                for argument, name in zip(arguments, node.input)
            }
            total += _of_nodes(function.node_def, given, functions)
    return total


def _shape(shapes, name):
    """Returns the shape of an input of a node. `name` is `"node"`, `"node:2"`,
    or, in functions, `"node:output:2"`."""
    node, *place = name.split(":")
    return shapes[node][int(place[-1]) if place else 0]


def _of_convolution(node, images, kernel, made):
    """Each output value is a sum over all axes of the kernel but the last."""
    return math.prod(made) * math.prod(kernel[:-1])


def _of_depthwise(node, images, kernel, made):
    return math.prod(made) * math.prod(kernel[:2])


def _of_product(node, first, second, made):
    flipped = node.attr["transpose_a"].b or node.attr["adj_x"].b
    return math.prod(made) * first[-2 if flipped else -1]


def _of_einsum(node, first, second, made):
    """Returns the product of the sizes of all indices of the equation."""
    sizes = {}
    terms = node.attr["equation"].s.decode().split("->")[0].split(",")
    rest = 1
    for term, shape in zip(terms, (first, second)):
        before, dots, after = term.partition("...")
        middle = shape[len(before) : len(shape) - len(after)] if dots else []
        rest = max(rest, math.prod(middle))
        ends = [*shape[: len(before)], *shape[len(shape) - len(after) :]]
        sizes.update(zip(before + after, ends if dots else shape))
    return math.prod(sizes.values()) * rest


_OF_NODES = {
    "Conv2D": _of_convolution,
    "Conv3D": _of_convolution,
    "DepthwiseConv2dNative": _of_depthwise,
    "MatMul": _of_product,
    "BatchMatMul": _of_product,
    "BatchMatMulV2": _of_product,
    "Einsum": _of_einsum,
}


def _jax(model, inputs):
    import jax

    def spec(x):
        return jax.ShapeDtypeStruct(tuple(x.shape), np.dtype(x.dtype))

    def traced(*arguments):
        return model.stateless_call(*arguments, training=False)

    specs = _specs(model, inputs, spec)
    return _of_equations(jax.make_jaxpr(traced)(*specs).jaxpr)


def _of_equations(jaxpr):
    total = 0
    for equation in jaxpr.eqns:
        name, parameters = equation.primitive.name, equation.params
        made = math.prod(equation.outvars[0].aval.shape)
        if name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape
            filters = kernel[parameters["dimension_numbers"].rhs_spec[0]]
            total += made * math.prod(kernel) // filters
        elif name == "dot_general":
            (summed, _), _ = parameters["dimension_numbers"]
            first = equation.invars[0].aval.shape
            total += made * math.prod(first[axis] for axis in summed)
        elif name != "while":
            for inner in parameters.values():
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    total += _of_equations(inner)
    return total


def _torch(model, inputs):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(inputs, training=False)
    # PyTorch counts a multiplication and an addition as two operations.
    return counter.get_total_flops() // 2
