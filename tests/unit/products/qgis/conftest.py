"""A project of a small run, and its XML."""

import zipfile
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from poml_map.products.qgis import write_qgis


@pytest.fixture(scope="session")
def read_project():
    """The root of the project of a run folder."""

    def read(folder):
        with zipfile.ZipFile(folder / "qgis" / "region.qgz") as file:
            return ET.fromstring(file.read("region.qgs"))

    return read


@pytest.fixture(scope="session")
def made(write_run_folder, write_samples, read_project, tmp_path_factory):
    """A run with all that a run can have, in t/ha, and its project."""
    folder = tmp_path_factory.mktemp("qgis") / "run"
    write_run_folder(folder, years=range(1980, 1985), unit="t/ha", notes=["Stand-in: clay <of> 2010 & later"])
    write_samples(folder, [1980, 1984])
    written = write_qgis(folder)
    root = read_project(folder)
    layers = {layer.findtext("id"): layer for layer in root.iter("maplayer")}
    return SimpleNamespace(folder=folder, written=written, root=root, layers=layers)
