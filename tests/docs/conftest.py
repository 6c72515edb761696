"""A folder for each page with everything that its commands name."""

import shutil

import geopandas as gpd
import pytest
import yaml

from poml_map.demo import write_demo
from poml_map.pipeline.run import run_region
from tests.docs.blocks import ROOT, blocks
from tests.docs.tables import write_for


@pytest.fixture(scope="session")
def demo(built_once):
    """Folder of a tiny demo region, the one of the end-to-end tests."""
    return built_once("e2e-demo", lambda folder: write_demo(folder / "demo", size="tiny")) / "demo"


@pytest.fixture(scope="session")
def finished(demo, built_once):
    """Folder of its finished run."""
    return built_once("e2e-finished", lambda folder: run_region(demo / "region.yaml", folder / "run")) / "run"


@pytest.fixture
def place(demo, finished, tmp_path, monkeypatch):
    """Makes the folder that a page is read in, and goes there: `place(page)`.

    In it are the tiny demo in `demo/`, its finished run in `run/`, the same region under the names that pages use, and
    the files that the page itself shows.
    """

    def make(page):
        folder = tmp_path / "place"
        shutil.copytree(demo, folder)
        for copy in ("demo", "regions"):
            shutil.copytree(demo, folder / copy)
        shutil.copytree(finished, folder / "run")
        region = yaml.safe_load((folder / "region.yaml").read_text(encoding="utf-8"))
        for name in ("province", "north", "south"):
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(region | {"name": name}), encoding="utf-8")
        gpd.read_file(folder / "sources" / "counties.gpkg").to_file(folder / "area.geojson")
        write_for(page.relative_to(ROOT).as_posix(), folder)
        for block in blocks(page, "yaml"):
            if block.file_name and "not run" not in block.marks:
                (folder / block.file_name).write_text(block.text, encoding="utf-8")
        monkeypatch.chdir(folder)
        return folder

    return make
