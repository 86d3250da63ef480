"""What Keras and TensorFlow ask anew for every layer that is built, and what
never changes: remembered, networks are built in about half the time."""

import functools
import inspect
import typing
import weakref

import keras
from keras.src.saving import saving_lib


def remember_signatures():
    """The parameters of a function, which Keras reads several times a layer."""
    read = inspect._signature_from_callable
    known = weakref.WeakKeyDictionary()

    def signature(function, *, globals=None, locals=None, **options):
        if not inspect.isfunction(function) or globals or locals:
            return read(function, globals=globals, locals=locals, **options)
        found = known.setdefault(function, {})
        key = tuple(sorted(options.items(), key=lambda item: item[0]))
        if key not in found:
            found[key] = read(function, **options)
        return found[key]

    inspect._signature_from_callable = signature


def remember_protocols():
    """Python 3.11 lists the attributes of a protocol, and looks whether all are
    functions, whenever `isinstance` asks whether a value has them; 3.12 does so
    once."""
    for name in ("_get_protocol_attrs", "_is_callable_members_only"):
        setattr(typing, name, functools.cache(getattr(typing, name)))


def remember_attributes():
    """Keras makes a layer for each one that it saves or loads, to know what
    attributes every layer has: it keeps them under another name than it looks
    for."""
    saving_lib.get_attr_skipset = functools.cache(saving_lib.get_attr_skipset)


def remember_plain_values():
    """Keras and TensorFlow ask of each value that a layer is given whether it
    is a variable, a layer, a metric or a collection of them: these never."""
    assign = keras.Layer.__setattr__
    plain = frozenset({bool, float, int, str, type(None)})

    def setattr_(layer, name, value):
        if type(value) in plain:
            object.__setattr__(layer, name, value)
        else:
            assign(layer, name, value)

    keras.Layer.__setattr__ = setattr_


def remember_kernels():
    """`keras.utils.clear_session` throws away what TensorFlow has prepared for
    its operations, of all networks."""
    from tensorflow.python.eager import context

    context.Context.clear_kernel_cache = lambda self: None
