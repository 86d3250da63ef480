"""Uploads exports to a hub, Hugging Face or Kaggle: `hf://`, `kaggle://`."""

import contextlib
import os
import pathlib
import re
import shutil
import sys
import tempfile

from keras_vidrec.applications.parts import model_file
from keras_vidrec.specs import checks
from keras_vidrec.weights import downloads

_NAME = r"[A-Za-z0-9_][\w.-]*"
_HUGGING_FACE = re.compile(rf"hf://({_NAME}/{_NAME})", re.ASCII)
_KAGGLE = re.compile(rf"kaggle://({_NAME}/{_NAME}/({_NAME})/{_NAME})", re.ASCII)
# Kaggle's names of the formats that this package writes. They are checked here
# because Kaggle refuses an unknown name only after all files are uploaded.
_FRAMEWORKS = ("keras", "onnx", "other", "pyTorch", "tensorFlow2", "tfLite")
_CARD = "README.md"
# The file that `keras_vidrec.load` reads at an address of a hub.
_NETWORK = "model.keras"
_TAGS = ("keras-vidrec", "video-classification", "action-recognition")


def hub(address: str) -> "Hub":
    """Returns the repository at an address, without a request to the hub.

    Args:
        address: str. `"hf://USER/NAME"`, or
            `"kaggle://OWNER/MODEL/FRAMEWORK/VARIATION"`.

    Returns:
        `Hub`.

    Raises:
        ValueError: if it is no such address.
    """
    text = address if isinstance(address, str) else ""
    found = _HUGGING_FACE.fullmatch(text)
    if found:
        return HuggingFace(address, found[1])
    found = _KAGGLE.fullmatch(text)
    name, framework = found.groups() if found else ("", "")
    checks.check(
        found,
        "push",
        "hf://USER/NAME or kaggle://OWNER/MODEL/FRAMEWORK/VARIATION, the "
        "address of a repository of models",
        address,
    )
    checks.check(
        framework in _FRAMEWORKS,
        "push",
        f"a FRAMEWORK of Kaggle, one of {_FRAMEWORKS}",
        address,
    )
    return Kaggle(address, name)


class Hub:
    """A repository on a hub.

    Args:
        address: str. The address as the user wrote it.
        name: str. The name of the repository on the hub.
    """

    # The client library of the hub, and how to log in.
    package: str
    advice: str

    def __init__(self, address, name):
        self.address = address
        self._name = name

    def check(self) -> None:
        """Checks, before the export, whether it could be uploaded.

        Raises:
            ImportError: naming the extra to install, if the library of the hub
                is missing.
            OSError: if you are not logged in, the hub cannot be reached, or
                the environment variable `VIDREC_OFFLINE` (for Hugging Face
                also `HF_HUB_OFFLINE`) is set.
        """
        if downloads.is_offline():
            raise self._failed("VIDREC_OFFLINE is set")
        try:
            self._check_login()
        except ImportError as error:
            raise ImportError(
                f"{self.address} needs the package {self.package}: "
                f"`{checks.how_to_install('hub')}`"
            ) from error

    def push(self, directory, model, format: str) -> str:
        """Uploads an export: its files, its model card with metadata for the
        hub, and the network as `model.keras`, which `keras_vidrec.load` reads
        from the address. On Hugging Face, existing files with the same names
        are replaced and others are kept; Kaggle makes a new version. A new
        repository is private until its owner publishes it on the hub's page.

        Args:
            directory: path of the export.
            model: keras.Model that was exported.
            format: str. Format of the export, a tag on the hub.

        Returns:
            str, the address of the page.

        Raises:
            OSError: if the upload fails. The export in `directory` is kept.
        """
        directory = pathlib.Path(directory)
        with tempfile.TemporaryDirectory() as place:
            staged = pathlib.Path(place) / directory.name
            shutil.copytree(directory, staged, copy_function=_link)
            card = (staged / _CARD).read_text("utf-8")
            # It may be a hard link to the card of the export.
            (staged / _CARD).unlink()
            (staged / _CARD).write_text(_front(format) + card, "utf-8")
            model_file.save(model, staged / _NETWORK)
            try:
                return self._send(staged)
            # The client libraries raise errors of many classes, which change
            # between releases.
            except Exception as error:
                raise self._failed(
                    error, f"The export stays in {directory}. "
                ) from error

    def _check_login(self):
        raise NotImplementedError

    def _send(self, folder) -> str:
        raise NotImplementedError

    def _failed(self, error, more=""):
        text = _words(error)
        if isinstance(error, Exception) and error.__cause__ is not None:
            text = f"{text}: {_words(error.__cause__)}"
        return OSError(
            f"Cannot push to {self.address}. Received: {text}. {more}"
            f"{self.advice}"
        )


class HuggingFace(Hub):
    """A repository of models of Hugging Face, or of the hub that `HF_ENDPOINT`
    names."""

    package = "huggingface_hub"
    advice = (
        "To write there, log in with `hf auth login`, or set HF_TOKEN to a "
        "token that may write"
    )

    def _check_login(self):
        import huggingface_hub
        import huggingface_hub.constants

        if huggingface_hub.constants.HF_HUB_OFFLINE:
            raise self._failed("HF_HUB_OFFLINE is set")
        if huggingface_hub.get_token() is None:
            raise self._failed("you are not logged in")
        api = self._api()
        # Otherwise the client would retry for half a minute.
        reason = downloads.why_unreachable(api.endpoint)
        if reason is not None:
            raise self._failed(f"{api.endpoint} {reason}")
        try:
            api.whoami()
        except Exception as error:
            raise self._failed(error) from error

    def _send(self, folder):
        api = self._api()
        api.create_repo(self._name, private=True, exist_ok=True)
        api.upload_folder(
            repo_id=self._name,
            folder_path=folder,
            commit_message="Network exported by keras-vidrec",
        )
        return f"{api.endpoint}/{self._name}"

    def _api(self):
        import huggingface_hub

        return huggingface_hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))


class Kaggle(Hub):
    """A variation of a model on Kaggle. Uploading makes a new variation, or a
    new version of an existing one."""

    package = "kagglehub"
    advice = (
        "To write there, set KAGGLE_USERNAME and KAGGLE_KEY, or "
        "KAGGLE_API_TOKEN, or create ~/.kaggle/kaggle.json"
    )

    def _check_login(self):
        with _chatter():
            import kagglehub

            try:
                kagglehub.whoami(verbose=False)
            except Exception as error:
                raise self._failed(error.__cause__ or error) from error

    def _send(self, folder):
        with _chatter():
            import kagglehub

            kagglehub.model_upload(
                self._name,
                str(folder),
                version_notes="Network exported by keras-vidrec",
            )
        return f"https://www.kaggle.com/models/{self._name}"


def _words(error: object) -> str:
    """Returns the text of an error in one line."""
    lines = [one.strip() for one in str(error).splitlines() if one.strip()]
    text = checks.shorten(" ".join(lines)) or type(error).__name__
    return text.rstrip(".")


def _chatter():
    """Redirects what kagglehub prints from stdout, which is for results, to
    stderr."""
    return contextlib.redirect_stdout(sys.stderr)


def _link(source, target):
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _front(format: str) -> str:
    """Returns the metadata at the start of a model card, for the hub."""
    tags = "".join(f"- {tag}\n" for tag in (*_TAGS, format))
    return (
        "---\n"
        "library_name: keras\n"
        "pipeline_tag: video-classification\n"
        "license: unknown\n"  # see the section "License" of the card
        f"tags:\n{tags}"
        "---\n\n"
    )
