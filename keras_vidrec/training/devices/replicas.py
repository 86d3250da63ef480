"""What the replicas of a `tf.distribute.Strategy` do together in a step."""

import tensorflow as tf


def summed(gradients):
    """The gradients summed over all replicas.

    Args:
        gradients: list of tensors, with `None` for what has no gradient.

    Returns:
        list of the same form; the same tensors without a strategy.
    """
    present = [gradient for gradient in gradients if gradient is not None]
    if not present or not tf.distribute.has_strategy():
        return gradients
    context = tf.distribute.get_replica_context()
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, present))
    return [None if gradient is None else next(sums) for gradient in gradients]


def update(function, variables, tensors):
    """Changes variables by what every replica knows.

    Args:
        function: callable that gets a variable and the tensors that belong to
            it. What it assigns lies on one device.
        variables: list of `keras.Variable`.
        tensors: list of tuples of tensors, one for each variable. Every
            replica must have the same values.
    """
    if not tf.distribute.has_strategy():
        for variable, arguments in zip(variables, tensors, strict=True):
            function(variable, *arguments)
        return

    def on_all_devices(strategy, tensors):
        for variable, arguments in zip(variables, tensors, strict=True):
            strategy.extended.update(
                variable.value, function, args=arguments, group=False
            )

    tf.distribute.get_replica_context().merge_call(
        on_all_devices, args=(tensors,)
    )
