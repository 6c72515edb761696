"""Real layers are not part of the repository: POML_MAP_SHARED names the folder whose `data/` holds them."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder with xuancheng/, hjh/ and fertilizer/."""
    if "POML_MAP_SHARED" not in os.environ:
        pytest.skip("needs real layers: set POML_MAP_SHARED to the folder whose data/ holds them")
    return Path(os.environ["POML_MAP_SHARED"]) / "data"
