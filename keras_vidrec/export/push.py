"""Exports on a hub, where others find them: `hf://` and `kaggle://`."""

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
# What Kaggle calls those of the formats that are written here; it takes an
# unknown one as late as when all files are there.
_FRAMEWORKS = ("keras", "onnx", "other", "pyTorch", "tensorFlow2", "tfLite")
_CARD = "README.md"
# What `load` looks for behind an address.
_NETWORK = "model.keras"
_TAGS = ("keras-vidrec", "video-classification", "action-recognition")


def hub(address: str) -> "Hub":
    """The place of an address on a hub. The hub is not asked yet.

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
        "hf://USER/NAME or kaggle://OWNER/MODEL/FRAMEWORK/VARIATION, as of a "
        "repository of models",
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
    """A place on a hub that one may write to.

    Args:
        address: str. As the user wrote it.
        name: str. As the hub knows it.
    """

    # The library that the hub is reached with, and how to log in.
    package: str
    advice: str

    def __init__(self, address, name):
        self.address = address
        self._name = name

    def check(self) -> None:
        """What can be known before there is anything to push.

        Raises:
            ImportError: naming the extra to install, if the library of the hub
                is missing.
            OSError: if you are not logged in, the hub cannot be reached, or the
                network is forbidden.
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
        """Brings an export to the hub: its files, its model card with what the
        hub wants to know at the front, and the network as `model.keras`, so
        that `keras_vidrec.load` takes the address. Files of the same names are
        replaced, others that are there stay. What is new is private until its
        owner shows it on the hub's page.

        Args:
            directory: path of the export.
            model: keras.Model that was exported.
            format: str. Of the export, for those who look for one.

        Returns:
            str, the address of the page.

        Raises:
            OSError: if the hub does not take it; the export stays.
        """
        directory = pathlib.Path(directory)
        with tempfile.TemporaryDirectory() as place:
            staged = pathlib.Path(place) / directory.name
            shutil.copytree(directory, staged, copy_function=_link)
            card = (staged / _CARD).read_text("utf-8")
            (staged / _CARD).unlink()  # it is the export's own
            (staged / _CARD).write_text(_front(format) + card, "utf-8")
            model_file.save(model, staged / _NETWORK)
            try:
                return self._send(staged)
            # Theirs are of many kinds, from one release to the next.
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
        "Who writes there is logged in by `hf auth login`, or by HF_TOKEN, "
        "with a token that may write"
    )

    def _check_login(self):
        import huggingface_hub
        import huggingface_hub.constants

        if huggingface_hub.constants.HF_HUB_OFFLINE:
            raise self._failed("HF_HUB_OFFLINE is set")
        if huggingface_hub.get_token() is None:
            raise self._failed("you are not logged in")
        api = self._api()
        # It would try for half a minute.
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
    """A variation of a model of Kaggle: a new one, or a new version of it."""

    package = "kagglehub"
    advice = (
        "Who writes there is logged in by KAGGLE_USERNAME and KAGGLE_KEY, by "
        "KAGGLE_API_TOKEN, or by ~/.kaggle/kaggle.json"
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


def _words(error):
    lines = [one.strip() for one in str(error).splitlines() if one.strip()]
    text = checks.shorten(" ".join(lines)) or type(error).__name__
    return text.rstrip(".")


def _chatter():
    """kagglehub says what it does where results belong."""
    return contextlib.redirect_stdout(sys.stderr)


def _link(source, target):
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _front(format):
    """What a hub reads of a card."""
    tags = "".join(f"- {tag}\n" for tag in (*_TAGS, format))
    return (
        "---\n"
        "library_name: keras\n"
        "pipeline_tag: video-classification\n"
        "license: unknown\n"  # see the card's own last section
        f"tags:\n{tags}"
        "---\n\n"
    )
