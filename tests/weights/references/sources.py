"""Tensors of published networks, by the names of their layers."""

import collections

import numpy as np
import torch

# In the order of `torch.nn.functional.batch_norm`.
Normalization = collections.namedtuple(
    "Normalization", "mean variance gamma beta"
)


class Source:
    """The layers of a published network; the base of one class a library.

    Args:
        tensors: dict of arrays by name.
        prefix: str. What goes before the names of all layers, such as
            `"module.base_model."`. Defaults to `""`.

    Attributes:
        formats: tuple of str. Values of `Checkpoint.format` it reads.
        kernel: str. What goes between a layer's name and that of its kernel,
            and the latter.
    """

    formats = ()
    kernel = ""

    def __init__(self, tensors, prefix=""):
        self._tensors = tensors
        self._prefix = prefix

    def layers(self):
        """Names of the layers with kernels, a list of str."""
        return [
            name.removeprefix(self._prefix).removesuffix(self.kernel)
            for name in self._tensors
            if name.startswith(self._prefix) and name.endswith(self.kernel)
        ]

    def has(self, layer):
        """Whether there is a kernel of this layer."""
        return f"{self._prefix}{layer}{self.kernel}" in self._tensors

    def convolution(self, layer):
        """The kernel `(filters, channels, height, width)`, and the bias or
        `None`."""
        raise NotImplementedError

    def dense(self, layer, maps):
        """The kernel of a fully connected layer on maps of shape `(channels,
        height, width)` as that of a convolution, and the bias."""
        kernel, bias = self.convolution(layer)
        return kernel.reshape(-1, *maps), bias

    def normalization(self, layer):
        """The `Normalization` of a layer."""
        raise NotImplementedError

    def _get(self, name):
        name = self._prefix + name
        if name not in self._tensors:
            raise ValueError(
                "The published network does not run without all its tensors. "
                f"Expected {name!r} among them. Received: "
                f"{sorted(self._tensors)[:5]}..."
            )
        # A copy: PyTorch warns of arrays that cannot be written to.
        return torch.from_numpy(np.array(self._tensors[name])).to(
            torch.get_default_dtype()
        )

    def _bias(self, name):
        return self._get(name) if self._prefix + name in self._tensors else None

    def _vectors(self, names):
        return Normalization(*(self._get(name).flatten() for name in names))


class PyTorchSource(Source):
    """A state dict of PyTorch."""

    formats = ("pytorch", "safetensors")
    kernel = ".weight"

    def convolution(self, layer):
        return self._get(f"{layer}.weight"), self._bias(f"{layer}.bias")

    def normalization(self, layer):
        roles = ("running_mean", "running_var", "weight", "bias")
        return self._vectors([f"{layer}.{role}" for role in roles])


class CaffeSource(Source):
    """Blobs `<layer>:<index>` of a `.caffemodel`."""

    formats = ("caffe",)
    kernel = ":0"

    def convolution(self, layer):
        bias = self._bias(f"{layer}:1")
        return self._get(f"{layer}:0"), None if bias is None else bias.flatten()

    def normalization(self, layer):
        # The temporal segment networks' Caffe: slope, bias, mean, variance.
        if f"{self._prefix}{layer}:3" in self._tensors:
            return self._vectors([f"{layer}:{blob}" for blob in (2, 3, 0, 1)])
        # BVLC Caffe: sums of means and variances, the weight of the sums, and
        # a layer of its own for the affine part.
        scale = layer.replace("bn", "scale", 1)
        layers = (f"{layer}:0", f"{layer}:1", f"{scale}:0", f"{scale}:1")
        mean, variance, gamma, beta = self._vectors(layers)
        weight = self._get(f"{layer}:2").flatten()
        factor = 1 / weight if weight else 0
        return Normalization(mean * factor, variance * factor, gamma, beta)


class MatConvNetSource(Source):
    """Parameters of MatConvNet, as its conversion of SimpleNN names them:
    `<layer>f`, `<layer>b`, and `m`, `b`, `x` of a batch normalization. Fully
    connected layers are convolutions."""

    formats = ("matconvnet",)
    kernel, bias, slope, moments = "f", "b", "m", "x"
    # What all networks here add to a variance.
    _epsilon = 1e-5

    def convolution(self, layer):
        kernel = self._get(f"{layer}{self.kernel}").permute(3, 2, 0, 1)
        bias = self._bias(f"{layer}{self.bias}")
        return kernel, None if bias is None else bias.flatten()

    def normalization(self, layer):
        # Deviations, which are divided by as they are.
        mean, deviation = self._get(f"{layer}{self.moments}").T
        gamma, beta = (
            self._get(f"{layer}{end}").flatten()
            for end in (self.slope, self.bias)
        )
        variance = deviation**2 - self._epsilon
        return Normalization(mean, variance, gamma, beta)


class ImportedMatConvNetSource(MatConvNetSource):
    """The same, as its importer of Caffe networks names them."""

    kernel, bias = "_filter", "_bias"
    slope, moments = "_mult", "_moments"


class KerasSource(Source):
    """Variables `<layer>/<variable>` of a network of Keras."""

    formats = ("keras",)
    kernel = "/kernel"

    def convolution(self, layer):
        kernel = self._get(f"{layer}/kernel").permute(3, 2, 0, 1)
        return kernel, self._bias(f"{layer}/bias")

    def dense(self, layer, maps):
        channels, height, width = maps
        kernel = self._get(f"{layer}/kernel")
        kernel = kernel.reshape(height, width, channels, -1)
        return kernel.permute(3, 2, 0, 1), self._bias(f"{layer}/bias")

    def normalization(self, layer):
        roles = ("moving_mean", "moving_variance", "gamma", "beta")
        return self._vectors([f"{layer}/{role}" for role in roles])
