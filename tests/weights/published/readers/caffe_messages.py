"""Files of Caffe as the protobuf library writes them."""

import functools
import types

from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory

# The fields that matter of the messages of Caffe: name, number and type, with
# "*" for repeated values, "+" for those that new versions pack.
_MESSAGES = {
    "BlobShape": "dim 1 int64+",
    "BlobProto": (
        "num 1 int32, channels 2 int32, height 3 int32, width 4 int32, "
        "data 5 float+, diff 6 float+, shape 7 BlobShape, double_data 8 double+"
    ),
    "V0LayerParameter": "name 1 string, type 2 string, blobs 50 BlobProto*",
    "V1LayerParameter": (
        "layer 1 V0LayerParameter, bottom 2 string*, top 3 string*, "
        "name 4 string, type 5 int32, blobs 6 BlobProto*, blobs_lr 7 float*"
    ),
    "LayerParameter": (
        "name 1 string, type 2 string, bottom 3 string*, top 4 string*, "
        "loss_weight 5 float*, blobs 7 BlobProto*, phase 10 int32"
    ),
    "NetParameter": (
        "name 1 string, layers 2 V1LayerParameter*, input 3 string*, "
        "input_dim 4 int32*, force_backward 5 bool, layer 100 LayerParameter*"
    ),
    "SolverState": (
        "iter 1 int32, learned_net 2 string, history 3 BlobProto*, "
        "current_step 4 int32"
    ),
}


@functools.cache
def messages(packed=True):
    """The classes of messages by name, as attributes.

    Args:
        packed: bool. Whether numbers are stored together, or one by one as
            the first version of Caffe did. Defaults to `True`.
    """
    file = descriptor_pb2.FileDescriptorProto(name="caffe", syntax="proto2")
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, text in _MESSAGES.items():
        descriptor = file.message_type.add(name=message)
        for name, number, kind in map(str.split, text.split(", ")):
            field = descriptor.field.add(
                name=name,
                number=int(number),
                label=kinds.LABEL_REPEATED
                if kind[-1] in "*+"
                else kinds.LABEL_OPTIONAL,
            )
            field.options.packed = packed and kind[-1] == "+"
            kind = kind.rstrip("*+")
            if kind in _MESSAGES:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".{kind}"
            else:
                field.type = kinds.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return types.SimpleNamespace(
        **{
            name: message_factory.GetMessageClass(
                pool.FindMessageTypeByName(name)
            )
            for name in _MESSAGES
        }
    )


def network(layers, form="V2", packed=True, old_axes=False, values="data"):
    """A network with weights, among layers without.

    Args:
        layers: dict from names to pairs of a type (str, an int for `"V1"`)
            and a list of arrays.
        form: str. `"V0"`, `"V1"` or `"V2"`, the version of Caffe. Defaults
            to `"V2"`.
        packed: bool, see `messages`. Defaults to `True`.
        old_axes: bool. Whether shapes are stored as the four axes of old
            versions. Defaults to `False`.
        values: str. `"data"`, or `"double_data"` for float64. Defaults to
            `"data"`.

    Returns:
        Message `NetParameter`.
    """
    caffe = messages(packed)
    net = caffe.NetParameter(name="net", input=["data"], input_dim=[1, 3, 8, 8])
    kinds = {"Input": ("Input", []), **layers, "prob": ("Softmax", [])}
    for name, (kind, arrays) in kinds.items():
        if form == "V2":
            layer = net.layer.add(
                bottom=["data"], top=[name], loss_weight=[1.0, 2.0]
            )
        else:
            layer = net.layers.add(
                bottom=["data"], top=[name], blobs_lr=[1.0, 2.0]
            )
        if form == "V0":
            layer = layer.layer
        layer.name = name
        if form == "V1":
            kind = kind if isinstance(kind, int) else 20
        layer.type = kind
        for array in arrays:
            blob = layer.blobs.add()
            _set_shape(blob, array.shape, old_axes)
            getattr(blob, values).extend(array.ravel())
            blob.diff.extend([0.5] * 3)
    return net


def write(path, message):
    """Writes a message to a file and returns the file's path."""
    path.write_bytes(message.SerializeToString())
    return path


def _set_shape(blob, shape, old_axes):
    if not old_axes:
        blob.shape.dim.extend(shape)
        return
    axes = (1,) * (4 - len(shape)) + shape
    blob.num, blob.channels, blob.height, blob.width = axes
