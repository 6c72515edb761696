"""One tiny demo region for all tests of this folder."""

import pytest

from poml_map.demo import write_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """Folder of a tiny demo region with the default seed."""
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder, size="tiny")
    return folder
