import pytest

from tests.videos.encodings import Encodings


@pytest.fixture(scope="session")
def encodings(tmp_path_factory):
    """Files of many encodings, by name."""
    return Encodings(tmp_path_factory.mktemp("encodings"))
