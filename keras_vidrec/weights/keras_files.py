"""The files of ImageNet's weights of `keras.applications`."""

import types

from keras_vidrec.weights.downloads import PublishedFile

_ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications"
_NAME = "_weights_tf_dim_ordering_tf_kernels"


def _file(folder, name, md5, include_top=False):
    name = f"{name}{_NAME}{'' if include_top else '_notop'}.h5"
    address = f"{_ADDRESS}/{folder}/{name}"
    return PublishedFile(name, (address,), None, None, md5)


# By builder, and by whether fully connected layers are in it. The MD5 is what
# Keras publishes.
FILES = types.MappingProxyType(
    {
        ("ResNet50", False): _file(
            "resnet", "resnet50", "4d473c1dd8becc155b73f8504c6f6626"
        ),
        ("ResNet101", False): _file(
            "resnet", "resnet101", "88cf7a10940856eca736dc7b7e228a21"
        ),
        ("ResNet152", False): _file(
            "resnet", "resnet152", "ee4c566cf9a93f14d82f913c2dc6dd0c"
        ),
        ("InceptionV3", False): _file(
            "inception_v3", "inception_v3", "bcbd6486424b2319ff4ef7d526e38f63"
        ),
        ("VGG16", False): _file(
            "vgg16", "vgg16", "6d6bbae143d832006294945121d1f1fc"
        ),
        ("VGG16", True): _file(
            "vgg16", "vgg16", "64373286793e3c8b2b4e3219cbf3544b", True
        ),
    }
)
