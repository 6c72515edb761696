"""One run of the tiny demo region serves all end-to-end tests."""

import shutil
from pathlib import Path

import pytest

from poml_map.demo import write_demo
from poml_map.pipeline.run import run_region


@pytest.fixture(scope="session")
def demo(built_once) -> Path:
    """Folder of a tiny demo region; tests that change it take a copy."""
    return built_once("e2e-demo", lambda folder: write_demo(folder / "demo", size="tiny")) / "demo"


@pytest.fixture(scope="session")
def finished(demo, built_once) -> Path:
    """Folder of its finished run; tests that change it take a copy."""
    return built_once("e2e-finished", lambda folder: run_region(demo / "region.yaml", folder / "run")) / "run"


@pytest.fixture(scope="session")
def with_intervals(demo, built_once) -> Path:
    """Folder of a finished run of the same region with the intervals of POML; tests that change it take a copy."""

    def build(folder: Path) -> None:
        region = shutil.copytree(demo, folder / "demo") / "region.yaml"
        region.write_text(_small(region.read_text()) + "\nintervals: {draws: 10}\n")
        run_region(region, folder / "run")

    return built_once("e2e-intervals", build) / "run"


def _small(text: str) -> str:
    """The settings with fewer trees: intervals grow ten forests more."""
    return text.replace("n_trees: 200", "n_trees: 40")


@pytest.fixture
def own(demo, tmp_path) -> Path:
    """A copy of the demo region that a test may break."""
    return shutil.copytree(demo, tmp_path / "own")
