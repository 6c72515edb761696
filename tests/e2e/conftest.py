"""One run of the tiny demo region serves all end-to-end tests of a worker."""

import shutil
from pathlib import Path

import pytest

from poml_map.demo import write_demo
from poml_map.pipeline.run import run_region


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Path:
    """Folder of a tiny demo region; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("e2e") / "demo"
    write_demo(folder, size="tiny")
    return folder


@pytest.fixture(scope="session")
def finished(demo, tmp_path_factory) -> Path:
    """Folder of its finished run."""
    out = tmp_path_factory.mktemp("e2e") / "run"
    run_region(demo / "region.yaml", out)
    return out


@pytest.fixture(scope="session")
def with_intervals(demo, tmp_path_factory) -> Path:
    """Folder of a finished run of the same region with the intervals of POML."""
    folder = tmp_path_factory.mktemp("e2e")
    region = shutil.copytree(demo, folder / "demo") / "region.yaml"
    region.write_text(_small(region.read_text()) + "\nintervals: {draws: 10}\n")
    run_region(region, folder / "run")
    return folder / "run"


def _small(text: str) -> str:
    """The settings with fewer trees: intervals grow ten forests more."""
    return text.replace("n_trees: 200", "n_trees: 40")


@pytest.fixture
def own(demo, tmp_path) -> Path:
    """A copy of the demo region that a test may break."""
    return shutil.copytree(demo, tmp_path / "own")
