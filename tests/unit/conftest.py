"""A small region file and its catalog as text, to be changed in one place by each test."""

import pytest

from poml_map.errors import InputError

CATALOG = """\
version: 1
sources:
  dem: {driver: raster, role: elevation, uri: dem.tif, unit: m, derive: [SLP, SPI]}
  tmp: {driver: netcdf, role: air_temperature, uri: "t_{variable}_{year}.nc", variables: [tmin, tmax], \
expression: (tmin + tmax) / 2, unit: degC, years: [1960, 2000]}
  ppt: {driver: netcdf, role: precipitation, uri: "p_{year}.nc", variable: ppt, unit: mm/month, years: [1960, 2000]}
  pet: {driver: netcdf, role: pet, uri: "e_{year}.nc", variable: pet, unit: mm/month, years: [1960, 2000]}
  ndvi: {driver: raster, role: ndvi, uri: "n_{year}_{month}.tif", unit: "1", scale: 0.0001, years: [1982, 2000]}
  clay: {driver: raster, role: clay, uri: clay.tif, unit: g/kg}
  bd: {driver: constant, role: bulk_density, value: 1.3, unit: g/cm3, stand_in: true}
  cf: {driver: constant, role: coarse_fragments, value: 5, unit: "%"}
  counties: {driver: vector, role: zones, uri: counties.gpkg, key: code}
  fert: {driver: table, role: fertilizer, uri: fert.csv, unit: kg/ha, zones: counties, key: code, year: year, \
value: kg, years: [1980, 2000]}
  crop: {driver: raster, role: mask, uri: crop.tif, classes: [1]}
  land: {driver: raster, role: land_use, uri: land.tif}
  npp: {driver: raster, role: npp, uri: "npp_{year}.tif", unit: g C/m2/year, years: [1980, 2000]}
  dung: {driver: raster, role: manure, uri: dung.tif, unit: t C/ha}
  straw: {driver: raster, role: covariate, column: STRAW, uri: straw.tif, unit: t/ha}
  plants: {driver: raster, role: dpm_rpm, uri: ratio.tif, unit: "1"}
"""

REGION = """\
name: small
sources: [dem, tmp, ppt, pet, ndvi, clay, bd, cf, counties, fert, crop]
area:
  bounds: [119.2, 29.9, 121.2, 31.2]
  mask: crop
grid: {crs: "EPSG:32651", resolution: 500}
years: 1980-2000
spinup_years: 1960-1979
fill: {ndvi: climatology}
samples:
  file: samples.csv
  columns: {site: site, x: lon, y: lat, year: year, soc: soc}
  units: {soc: g/kg}
  bulk_density: BD
  coarse_fragments: CF
hybrid:
  w_p: 0.5
validation: {folds: 5}
rothc:
  cover_ndvi: 0.4
"""


def replaced(text, changes):
    """`text` with each (old, new) pair replaced once; an old part that is not there is a mistake in the test."""
    for old, new in changes:
        assert text.count(old) == 1, f"{text.count(old)} times in the text: {old!r}"
        text = text.replace(old, new)
    return text


@pytest.fixture
def region_file(tmp_path, monkeypatch):
    """Writes region.yaml and data_catalog.yaml, each with changes, and returns the name of the first."""
    monkeypatch.chdir(tmp_path)

    def write(*changes, catalog=()):
        (tmp_path / "region.yaml").write_text(replaced(REGION, changes), encoding="utf-8")
        (tmp_path / "data_catalog.yaml").write_text(replaced(CATALOG, catalog), encoding="utf-8")
        return "region.yaml"

    return write


@pytest.fixture
def problems_of():
    """The lines of the InputError that a call raises."""

    def call(function, *arguments, **options):
        with pytest.raises(InputError) as refusal:
            function(*arguments, **options)
        lines = str(refusal.value).split("\n")
        assert len(lines) == len(refusal.value.problems), "a message of more than one line"
        return lines

    return call
