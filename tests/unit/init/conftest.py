"""Tables of samples written as users write them, and what init makes of them."""

import re
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
import yaml

from poml_map.init import init_region

# Four places in a county, each sampled twice; kept small, so that a table can be read at one glance.
PLACES = {"a": (118.61, 30.62), "b": (118.75, 30.71), "c": (118.92, 30.83), "d": (119.04, 30.94)}
YEARS = (1985, 2005)


def plain(**more):
    """Rows of all places and years: id, lon, lat, year, soc_g_kg, and the columns of `more`."""
    rows = [
        {"id": name, "lon": x, "lat": y, "year": year, "soc_g_kg": 15.5 + at + (year > 1990)}
        for at, (name, (x, y)) in enumerate(PLACES.items())
        for year in YEARS
    ]
    return pd.DataFrame(rows).assign(**more)


def polygons(folder: Path, name="counties.geojson", crs=4326, **columns):
    """Three squares of one degree, from 118 E and from 30.4 N on, the first of which holds most samples."""
    shapes = [shapely.box(118 + west, 30.4, 119 + west, 31.4) for west in range(3)]
    columns = columns or {"name": ["West", "Mid", "East"], "adcode": ["341801", "341802", "341803"]}
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=4326).to_crs(crs)
    frame.to_file(folder / name)
    return folder / name


class Made:
    """What init wrote and said."""

    def __init__(self, folder: Path, lines: list[str]):
        self.folder, self.said = folder, "\n".join(lines)
        self.text = (folder / "region.yaml").read_text(encoding="utf-8")
        self.region = yaml.safe_load(self.text)
        self.catalog = yaml.safe_load((folder / "data_catalog.yaml").read_text(encoding="utf-8"))["sources"]

    @property
    def samples(self):
        return self.region["samples"]

    @property
    def columns(self):
        return self.samples["columns"]

    @property
    def missing(self):
        """Keys that the user has to write, as the command numbers them."""
        part = self.said.partition("ASSUMED")[0]
        return re.findall(r"^  \d+\. ([^:]+):", part.partition("MISSING,")[2], re.MULTILINE)

    @property
    def assumed(self):
        return re.findall(r"^  \d+\. ([^:]+):", self.said.partition("ASSUMED,")[2], re.MULTILINE)

    def fill_in(self, **values):
        """Write what is missing, in order of the file."""
        for key, value in values.items():
            self.text = re.sub(rf"(\b{key}: (\{{\w+: )?)MISSING", rf"\g<1>{value}", self.text, count=1)
        (self.folder / "region.yaml").write_text(self.text, encoding="utf-8")
        return self.folder / "region.yaml"


@pytest.fixture
def plain_table():
    """See `plain`."""
    return plain


@pytest.fixture
def write_polygons():
    """See `polygons`."""
    return polygons


@pytest.fixture
def init(tmp_path):
    """Runs init on a table (a frame, a text) or a file of this name."""

    def run(table, area=None, file="samples.csv", years=None, out="region", **options):
        if isinstance(table, pd.DataFrame) and not isinstance(table, gpd.GeoDataFrame):
            table = table.to_csv(index=False, **options)
        if isinstance(table, gpd.GeoDataFrame):
            table.to_file(tmp_path / file)
        elif table is not None:
            (tmp_path / file).write_text(table, encoding=options.get("encoding", "utf-8"))
        lines = init_region(tmp_path / file, area, tmp_path / out, years=years)
        return Made(tmp_path / out, lines)

    return run
