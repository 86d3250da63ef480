"""The facts that travel with networks, datasets and files.

Plain, frozen data of the standard library: `to_dict()` and `from_dict()` carry
them through JSON and YAML.
"""

from keras_vidrec.specs.blueprint import Blueprint
from keras_vidrec.specs.clip_spec import ClipSpec
from keras_vidrec.specs.clip_spec import FlowSpec
from keras_vidrec.specs.origin import Origin
from keras_vidrec.specs.test_protocol import TestProtocol

__all__ = ["Blueprint", "ClipSpec", "FlowSpec", "Origin", "TestProtocol"]
