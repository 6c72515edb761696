"""The checker of run folders finds what was done to one, and nothing in one that is whole."""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio

MAP = "maps/SOCS_POML_1980.tif"


@pytest.fixture
def run(finished_run, tmp_path) -> Path:
    """A copy of a finished run to damage."""
    return shutil.copytree(finished_run, tmp_path / "run")


def _cut(name, share=0.9):
    def do(run):
        content = (run / name).read_bytes()
        (run / name).write_bytes(content[: int(share * len(content))])

    return do


def _flip(name, share=0.5):
    def do(run):
        content = bytearray((run / name).read_bytes())
        content[int(share * len(content))] ^= 0xFF
        (run / name).write_bytes(bytes(content))

    return do


def _truthful(change):
    """Do something to the run, and let the manifest promise what there is then: only the content gives it away."""

    def do(run):
        change(run)
        manifest = json.loads((run / "manifest.json").read_text())
        for name in manifest["outputs"]:
            manifest["outputs"][name] = hashlib.sha256((run / name).read_bytes()).hexdigest()
        (run / "manifest.json").write_text(json.dumps(manifest))

    return do


def _swap(one, other):
    def do(run):
        (run / one).rename(run / "aside")
        (run / other).rename(run / one)
        (run / "aside").rename(run / other)

    return do


def _written_again(change=lambda values: values, unit=None, **profile):
    def do(run):
        with rasterio.open(run / MAP) as file:
            old, values, tags = file.profile | {"driver": "GTiff"}, file.read(1), file.tags()
            band, units = file.descriptions, file.units
        (run / MAP).unlink()
        with rasterio.open(run / MAP, "w", **(old | profile)) as file:
            file.write(change(values), 1)
            file.update_tags(**(tags | ({"POML_MAP_UNIT": unit} if unit else {})))
            file.descriptions, file.units = band, units

    return do


def _first_value(value):
    def change(values):
        values = values.copy()
        values[tuple(np.argwhere(values != -9999)[0])] = value
        return values

    return change


def _never_written(run):
    """As a writer leaves it that was killed: the file opens, and reads as nodata."""
    with rasterio.open(run / MAP) as file:
        profile, tags = file.profile, file.tags()
    (run / MAP).unlink()
    with rasterio.open(run / MAP, "w", **profile, sparse_ok=True) as file:
        file.update_tags(**tags)


def _empty_project(run):
    with zipfile.ZipFile(run / "qgis/region.qgz", "w") as archive:
        archive.writestr("readme.txt", "nothing")


SPOILT = {
    "a map cut short": (_cut(MAP), "not whole"),
    "a map without its last byte": (_cut(MAP, 0.9999), "not whole"),
    "an empty map": (_cut(MAP, 0), "not whole"),
    "a byte of a map": (_flip(MAP), "not whole"),
    "a byte of its tags": (_flip(MAP, 0.1), "not the bytes"),
    "a map whose blocks were never written": (_truthful(_never_written), "is not in the file"),
    "a missing map": (lambda run: (run / MAP).unlink(), "not there"),
    "a map too many": (lambda run: shutil.copy(run / MAP, run / "maps/SOCS_POML_1979.tif"), "not in the manifest"),
    "a model swapped": (_truthful(_swap(MAP, "maps/SOCS_ML_1980.tif")), "tag MODEL is ML"),
    "a stock of another run": (_truthful(_written_again(_first_value(3.21))), "other values than maps.zarr"),
    "an impossible stock": (_truthful(_written_again(_first_value(-0.5))), "values from -0.5"),
    "a hole": (_truthful(_written_again(_first_value(-9999))), "at other pixels"),
    "another type": (_truthful(_written_again(dtype="float64")), "dtype float64"),
    "another CRS": (_truthful(_written_again(crs="EPSG:32650")), "crs EPSG:32650"),
    "another place": (_truthful(_written_again(transform=rasterio.Affine(500, 0, 0, 0, -500, 0))), "transform"),
    "another unit": (_truthful(_written_again(unit="t C ha-1")), "unit t C ha-1"),
    "a leftover": (lambda run: (run / "maps/.part-SOCS_POML_1981.tif").touch(), "leftover"),
    "a folder of a killed run": (lambda run: (run / ".unfinished-77").mkdir(), "leftover"),
    "a project without a project": (_truthful(_empty_project), "no project"),
    "a manifest cut short": (_cut("manifest.json", 0.5), "manifest.json"),
    "a chunk cut short": (_cut("maps.zarr/POML/0.0.0", 0.5), "maps.zarr/POML"),
    "a chunk lost": (lambda run: (run / "maps.zarr/POML/0.0.0").unlink(), "other values than maps.zarr"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_what_was_done_to_a_run_is_found(run, checker, name):
    spoil, words = SPOILT[name]
    spoil(run)
    complaints = checker.check_run(run)
    assert any(words in complaint for complaint in complaints), complaints


def test_nothing_is_found_in_a_whole_run(finished_run, checker):
    assert checker.check_run(finished_run) == []


CUT = {
    "sites.csv": 0.5, "SOCS_POML.gif": 0.5, "first_and_last_year.png": 0.5, "report.html": 0.99,
    "stac/catalog.json": 0.5, "zones.gpkg": 0.5, "qgis/region.qgz": 0.9, "forest_ml.npz": 0.9, "report.md": 0,
}  # fmt: skip


def test_files_of_every_kind_that_are_cut_are_found_without_a_checksum(run, checker):
    for name, share in CUT.items():
        _cut(name, share)(run)
    _flip("forest_poml.npz")(run)
    (run / "manifest.json").unlink()
    found = {complaint.split(": not whole")[0] for complaint in checker.whole_files_only(run)}
    assert found == {*CUT, "forest_poml.npz"}


def test_maps_of_two_years_under_each_others_names_are_found(run, checker):
    _truthful(_swap("maps/SOCS_PO_1980.tif", "maps/SOCS_PO_1981.tif"))(run)
    assert "maps/SOCS_PO_1980.tif: tag YEAR is 1981, expected 1980" in checker.check_run(run)


def test_temporaries_may_be_allowed_and_their_content_is_not_looked_at(run, checker):
    (run / ".unfinished-77").mkdir()
    (run / ".unfinished-77" / "half.tif").write_bytes(b"II*")
    assert checker.check_run(run, temporaries=True) == []
    assert checker.whole_files_only(run) == []


def test_files_of_a_run_that_was_stopped_are_whole_without_a_manifest(run, checker):
    (run / "manifest.json").unlink()
    (run / MAP).unlink()
    assert checker.whole_files_only(run) == []
    _cut("maps/SOCS_ML_1980.tif")(run)
    (complaint,) = checker.whole_files_only(run)
    assert complaint.startswith("maps/SOCS_ML_1980.tif: not whole")


def test_pixels_have_a_digest_that_knows_one_of_them_and_no_tag(run, checker):
    before = checker.digest_of_pixels(run)
    _written_again(unit="t C ha-1")(run)
    assert checker.digest_of_pixels(run) == before
    _written_again(_first_value(3.21))(run)
    changed = checker.digest_of_pixels(run)
    assert [name for name in before if changed[name] != before[name]] == [MAP]
