"""Downloads of `.keras` networks from hubs: `hf://` and `kaggle://`."""

import contextlib
import logging
import os
import pathlib
import re
import sys

from keras_vidrec.specs import checks
from keras_vidrec.weights.downloads import web

logger = logging.getLogger("keras_vidrec")

EXTRA = "hub"
_SAVED = ".keras"
# The name of the network that training saves.
_MODEL = "model.keras"
_HUB = "https://huggingface.co"
_KAGGLE_MODELS = "https://www.kaggle.com/models"

_NAME = r"[\w-][\w.-]*"
_FILE = rf"(?:/(?P<file>(?:{_NAME}/)*{_NAME}\.keras))?"
_HUGGING_FACE = re.compile(
    rf"hf://(?P<repo>{_NAME}/{_NAME})(?:@(?P<revision>{_NAME}))?{_FILE}"
)
_KAGGLE = re.compile(
    rf"kaggle://(?P<handle>{_NAME}(?:/{_NAME}){{3}}(?P<version>/\d+)?){_FILE}"
)


def is_on_hub(address: object) -> bool:
    """Whether it is a str that begins like an address of `fetch_saved`."""
    return isinstance(address, str) and address.startswith(
        ("hf://", "kaggle://")
    )


def fetch_saved(address: str) -> pathlib.Path:
    """Returns the local path of a `.keras` network from a hub, downloaded if
    needed.

    The hub's own library downloads it into its cache, with the user's login if
    there is one. If Hugging Face cannot be reached, the file in the cache is
    used. The owner of the address may replace the file, unless a commit or a
    version is given.

    Args:
        address: str. `hf://ORG/NAME`, `hf://ORG/NAME@REVISION` with a branch,
            a tag or a commit, or `kaggle://OWNER/MODEL/FRAMEWORK/VARIATION`,
            optionally followed by `/VERSION`. `/FILE.keras` may be added.
            Without it, the file is `model.keras`, or the only `.keras` file.

    Returns:
        Path of the file.

    Raises:
        ValueError: if it is not such an address, or there are several files.
        ImportError: naming the extra to install, if the library is missing.
        OSError: if it cannot be downloaded, or `VIDREC_OFFLINE` is set and it
            is not in the cache.
    """
    for pattern, bring in (
        (_HUGGING_FACE, _from_hugging_face),
        (_KAGGLE, _from_kaggle),
    ):
        found = pattern.fullmatch(address)
        if found:
            return bring(address, **found.groupdict())
    raise checks.ArgumentError(
        "address",
        "hf://ORG/NAME[@REVISION][/FILE.keras] or "
        "kaggle://OWNER/MODEL/FRAMEWORK/VARIATION[/VERSION][/FILE.keras]",
        address,
    )


def _from_hugging_face(address, repo, revision, file):
    try:
        import huggingface_hub
        import huggingface_hub.constants
    except ImportError:
        raise _missing(address, "huggingface_hub") from None
    offline = web.is_offline() or huggingface_hub.constants.HF_HUB_OFFLINE
    of = {"revision": revision}
    where = {"endpoint": os.environ.get("HF_ENDPOINT")}
    reason = None
    if not offline:
        # The library would try to connect for half a minute.
        host = where["endpoint"] or huggingface_hub.constants.ENDPOINT
        reason = web.why_unreachable(host)
    if reason is not None:
        offline = True
        logger.warning("%s: %s. The cache is used.", host, reason)
    try:
        if file is None and offline:
            folder = huggingface_hub.snapshot_download(
                repo, **of, local_files_only=True
            )
            names = _names(folder)
        elif file is None:
            api = huggingface_hub.HfApi(**where)
            names = api.list_repo_files(repo, **of)
        else:
            names = [file]
        path = huggingface_hub.hf_hub_download(
            repo, _choice(address, names), **of, **where,
            local_files_only=offline,
        )  # fmt: skip
    except checks.ArgumentError:
        raise
    # The types of the library's errors differ between its releases.
    except Exception as error:
        advice = (
            f"Is there {_HUB}/{repo}? What is private or gated takes `hf auth "
            "login` or HF_TOKEN; HF_ENDPOINT names a mirror"
        )
        if offline:
            error, forbidden = reason or error, reason is None
            raise _failed(address, error, advice, forbidden) from None
        raise _failed(address, error, advice) from error
    return pathlib.Path(path)


def _from_kaggle(address, handle, version, file):
    if version is None and file is not None:
        raise checks.ArgumentError(
            "address", "a version before the name of a file", address
        )
    if web.is_offline():
        raise OSError(
            "Expected the path of a file, as VIDREC_OFFLINE is set: kagglehub "
            f"asks the network. Received: {address}"
        )
    # The library prints its progress to stdout.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            import kagglehub
        except ImportError:
            raise _missing(address, "kagglehub") from None
        try:
            found = pathlib.Path(kagglehub.model_download(handle, path=file))
        except Exception as error:
            owner, model, *_ = handle.split("/")
            advice = (
                f"Is there {_KAGGLE_MODELS}/{owner}/{model}? What is private "
                "takes KAGGLE_USERNAME and KAGGLE_KEY, or ~/.kaggle/kaggle.json"
            )
            raise _failed(address, error, advice) from error
    if file is not None:
        return found
    return found / _choice(address, _names(found))


def _names(folder: str | os.PathLike[str]) -> list[str]:
    paths = pathlib.Path(folder).rglob(f"*{_SAVED}")
    return [path.relative_to(folder).as_posix() for path in paths]


def _choice(address: str, names: list[str]) -> str:
    saved = sorted(name for name in names if name.endswith(_SAVED))
    if _MODEL in saved:
        return _MODEL
    if len(saved) != 1:
        raise checks.ArgumentError(
            "address",
            f"one with {_MODEL} or a single .keras file, or ending with "
            f"/FILE.keras for one of its {len(saved)} files"
            + "".join(f", {name}" for name in saved[:20]),
            address,
        )
    return saved[0]


def _missing(address: str, package: str) -> ImportError:
    return ImportError(
        f"{address} needs the package {package}: "
        f"`{checks.how_to_install(EXTRA)}`"
    )


def _failed(address, error, advice, forbidden=False):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = checks.shorten(" ".join(lines)) or type(error).__name__
    why = ", offline as the environment says" if forbidden else ""
    return OSError(
        f"Cannot get {address}{why}. Received: {text}. {advice}; or get the "
        ".keras file otherwise and pass its path"
    )
