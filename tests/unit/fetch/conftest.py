"""One synthetic raster and one climate, published in every layout, on a loopback server that can misbehave."""

import io
import tarfile
import zipfile
from types import SimpleNamespace

import netCDF4
import numpy as np
import pytest
import rasterio
from affine import Affine

from poml_map.catalog import Source
from poml_map.catalog_entry import Entry
from poml_map.cube.area import Area
from poml_map.fetch import remote
from poml_map.fetch.bring import Bringer
from poml_map.fetch.cache import Cache
from poml_map.fetch.client import Client
from poml_map.fetch.job import Job
from poml_map.fetch.patience import Patience
from poml_map.files import sha256_of_file
from poml_map.grid import Grid
from poml_map.pipeline.fetch_place import RegionPlace
from tests.published.server import PublishedServer

HOST = "data.example.org"
# West and north edge, size of a cell [degree], cells a side of the whole and of a tile.
WEST, NORTH, CELL, SIDE, TILE = 116.0, 34.0, 0.05, 120, 20
AREA = (118.32, 30.21, 119.68, 31.79)

TIFF = {"driver": "GTiff", "crs": "EPSG:4326", "tiled": True, "blockxsize": 16, "blockysize": 16,
        "compress": "deflate"}  # fmt: skip


def write_tif(path, numbers, west=WEST, north=NORTH, cell=CELL, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = numbers if numbers.ndim == 3 else numbers[None]
    profile = TIFF | {"count": len(numbers), "height": numbers.shape[1], "width": numbers.shape[2],
                      "dtype": numbers.dtype, "nodata": -9999}  # fmt: skip
    profile["transform"] = Affine(cell, 0, west, 0, -cell, north)
    point = options.pop("point", False)
    with rasterio.open(path, "w", **(profile | options)) as data:
        data.write(numbers)
        data.scales = (0.5,) * len(numbers)
        if point:
            data.update_tags(AREA_OR_POINT="Point")
    return path


def tile_name(row, col, side=TILE):
    return f"N{round(NORTH - (row + side) * CELL):02}E{round(WEST + col * CELL):03}"


def truth():
    """Shape (120, 120), int16, a number for each cell."""
    return (np.arange(SIDE * SIDE, dtype="int16") - 3000).reshape(SIDE, SIDE)


def write_rasters(folder):
    numbers = truth()
    write_zip(
        folder / "zips/dem.zip", {"dem/whole.tif": write_tif(folder / "whole.tif", numbers).read_bytes()}
    )
    tiles = {}
    for row in range(0, SIDE, TILE):
        for col in range(0, SIDE, TILE):
            part = numbers[row : row + TILE, col : col + TILE]
            corner = (WEST + col * CELL, NORTH - row * CELL)
            tiles[row, col] = write_tif(folder / f"tiles/dem_{tile_name(row, col)}.tif", part, *corner)
            write_tif(folder / f"list/parts/dem_{row}_{col}.tif", part, *corner)
    (folder / "list/dem.vrt").write_text(vrt_text())
    for row in range(0, SIDE, 2 * TILE):
        for col in range(0, SIDE, 2 * TILE):
            write_tar(
                folder / f"archives/dem_{tile_name(row, col, 2 * TILE)}.tar.gz",
                [tiles[r, c] for r in (row, row + TILE) for c in (col, col + TILE)],
            )


def write_tar(path, files, mode="w:gz"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for file in files:
            archive.add(file, arcname=f"dem/{file.name}")


def write_zip(path, members, **facts):
    """A zip archive of names and bytes; `facts` are keys of every member's `zipfile.ZipInfo`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"compress_type": zipfile.ZIP_DEFLATED, "external_attr": 0o644 << 16} | facts
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            for key, value in facts.items():
                setattr(info, key, value)
            archive.writestr(info, data)
    return path


def add_member(archive, name, data=b"", **facts):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for key, value in facts.items():
        setattr(member, key, value)
    archive.addfile(member, io.BytesIO(data))


def vrt_text(**changes):
    """A list as gdalbuildvrt writes it."""
    source = """
    <ComplexSource>
      <SourceFilename relativeToVRT="{relative}">{name}</SourceFilename>
      <SourceBand>1</SourceBand>
      <SrcRect xOff="0" yOff="0" xSize="{size}" ySize="20" /><DstRect xOff="{col}" yOff="{row}" xSize="20" ySize="20" />
      <NODATA>-9999</NODATA>
    </ComplexSource>"""
    facts = {"relative": 1, "size": 20, "dtype": "Int16"} | changes
    sources = "".join(
        source.format(**({"name": f"parts/dem_{row}_{col}.tif", "row": row, "col": col} | facts))
        for row in range(0, SIDE, TILE)
        for col in range(0, SIDE, TILE)
    )
    return f"""<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}">
  <SRS dataAxisToSRSAxisMapping="2,1">EPSG:4326</SRS>
  <GeoTransform>{WEST}, {CELL}, 0.0, {NORTH}, 0.0, -{CELL}</GeoTransform>
  <VRTRasterBand dataType="{facts["dtype"]}" band="1"><NoDataValue>-9999</NoDataValue><Scale>0.5</Scale>{sources}
  </VRTRasterBand>
</VRTDataset>
"""


def write_climate(path, name="ppt", cell=2.0, ascending=False, from_zero=False, year=1990, packed=True):
    """Twelve months of the globe as packed integers; returns the stored numbers, shape (12, rows, columns)."""
    rows, cols = round(180 / cell), round(360 / cell)
    lat = 90 - cell * (np.arange(rows) + 0.5)
    lon = (0 if from_zero else -180) + cell * (np.arange(cols) + 0.5)
    lat = lat[::-1] if ascending else lat
    numbers = (np.arange(12 * rows * cols) % 30011).astype("int16").reshape(12, rows, cols)
    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w") as data:
        data.title = "synthetic climate"
        for dim, values in {"time": np.arange(12.0) * 30 + 15, "lat": lat, "lon": lon}.items():
            data.createDimension(dim, len(values))
            data.createVariable(dim, "f8", (dim,))[:] = values
        data["time"].units, data["time"].calendar = f"days since {year}-01-01", "standard"
        data["lat"].units, data["lon"].units = "degrees_north", "degrees_east"
        crs = data.createVariable("crs", "i4", ())
        crs.grid_mapping_name = "latitude_longitude"
        options = {"zlib": True, "chunksizes": (1, 30, 30)} if packed else {"contiguous": True}
        ppt = data.createVariable(name, "i2", ("time", "lat", "lon"), fill_value=-32768, **options)
        ppt.set_auto_maskandscale(False)
        ppt.scale_factor, ppt.add_offset, ppt.units, ppt.grid_mapping = 0.1, 5.0, "mm", "crs"
        ppt[:] = numbers
    return numbers


TILES_1 = {"degrees": 1, "name": "{NS}{lat:02}{EW}{lon:03}"}
LAYOUTS = {
    "file": {"url": f"https://{HOST}/whole.tif"},
    "tiles": {"url": f"https://{HOST}/tiles/dem_{{tile}}.tif", "layout": "tiles", "tiles": TILES_1},
    "vrt": {"url": f"https://{HOST}/list/dem.vrt", "layout": "vrt"},
    "archives": {"url": f"https://{HOST}/archives/dem_{{tile}}.tar.gz", "layout": "archives",
                 "tiles": TILES_1 | {"degrees": 2}},
    "members": {"url": f"https://{HOST}/zips/dem.zip", "layout": "members", "member": "whole.tif"},
}  # fmt: skip


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """``HOST/...`` of every layout, written once; tests that change files copy them."""
    folder = tmp_path_factory.mktemp("published")
    write_rasters(folder / HOST)
    write_climate(folder / HOST / "ppt_1990.nc")
    (folder / HOST / "counties.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    return folder


@pytest.fixture
def server(published):
    with PublishedServer(published) as running:
        yield running


@pytest.fixture
def place():
    return place_of(AREA)


def place_of(bounds, resolution=4000, crs="EPSG:32650"):
    area = Area("EPSG:4326", bounds)
    change = rasterio.warp.transform_bounds("EPSG:4326", crs, *bounds, densify_pts=21)
    return RegionPlace(area, Grid.from_bounds(change, resolution, crs))


@pytest.fixture
def world(tmp_path, server, place, monkeypatch):
    """What a test of one file needs: `world.bring(entry)`, the cache, the waits, and whether all is clean."""
    monkeypatch.setattr(remote, "BLOCK", 1024)  # many small requests even for small files
    waits = []
    patience = Patience(tries=4, draw=lambda: 1.0, sleep=waits.append)
    root = tmp_path / "region"
    root.mkdir()
    with Client(server.url, patience, silence=0.4) as client:
        cache = Cache(tmp_path / "cache")
        here = SimpleNamespace(
            server=server, client=client, cache=cache, waits=waits, root=root, place=place, patience=patience
        )

        def source(fetch=LAYOUTS["file"], uri="dem.tif", **entry):
            facts = {"driver": "raster", "role": "elevation", "unit": "m", "uri": uri} | entry
            return Source("dem", Entry(**facts, fetch=fetch), "data_catalog.yaml", 7, root, (root,))

        def job(*args, place=None, file=("", None, None), **entry):
            return Job(source(*args, **entry), file, place or here.place)

        def bring(*args, refresh=False, **entry):
            return Bringer(client, cache, refresh).make(job(*args, **entry))[0]

        here.source, here.job, here.bring = source, job, bring
        yield here
        assert_clean(cache)


def assert_clean(cache):
    """Objects are what their names say, nothing half-made is left but parts that can be gone on from."""
    for path in (cache.folder / "objects").rglob("*"):
        assert not path.is_file() or sha256_of_file(path) == path.name
    assert not list((cache.folder / "work").iterdir())
    parts = {path.suffix for path in (cache.folder / "parts").iterdir()}
    assert parts <= {".part", ".json"}


def read_tif(path):
    with rasterio.open(path) as data:
        return SimpleNamespace(
            numbers=data.read(1), transform=data.transform, nodata=data.nodata, scales=data.scales, crs=data.crs,
            dtype=data.dtypes[0], tags=data.tags(),
        )  # fmt: skip


def assert_is_cut_of_truth(path, area=AREA):
    """The numbers of the cut are those of the whole raster at its place, and it covers the area."""
    found = read_tif(path)
    row, col = round((NORTH - found.transform.f) / CELL), round((found.transform.c - WEST) / CELL)
    height, width = found.numbers.shape
    np.testing.assert_array_equal(found.numbers, truth()[row : row + height, col : col + width])
    assert (found.nodata, found.scales, found.dtype) == (-9999, (0.5,), "int16")
    assert found.transform.c <= area[0]
    assert found.transform.c + width * CELL >= area[2]
    assert height * width < SIDE * SIDE
    return found
