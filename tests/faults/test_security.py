"""Files of a stranger: none runs code, leads out of the data roots, opens the network or takes more memory than stated.

Each is made here as somebody would make it on purpose. `docs/security.md` states the rules.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import sqlite3
import threading
import tracemalloc
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import h5py
import numpy as np
import pyogrio
import pytest
import rasterio
import xarray as xr

from poml_map import cli, limits
from poml_map.config import load_region
from poml_map.crs import known_crs
from poml_map.cube import chunkcheck, region_grid, tiffblocks
from poml_map.cube.arrayfile import ArrayFiles
from poml_map.cube.container import check_chunks, check_container
from poml_map.errors import InputError, RefusedFileError
from poml_map.expression import check_expression
from poml_map.hybrid import load_forest
from poml_map.npz import read_npz
from poml_map.pipeline.known_truth import found_truth
from poml_map.pipeline.publish import report_run
from poml_map.products.foreign import refuse_foreign
from poml_map.rasterfile import check_raster, open_raster
from poml_map.sites import read_samples
from poml_map.vectorcheck import check_layer, check_vector


class Listener:
    """A server that answers nobody and knows whether somebody came."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.called = False
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def heard(self) -> bool:
        """Whether a connection waits."""
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def hang_up(self) -> None:
        """Wait for somebody, and end the call."""
        self._socket.setblocking(True)
        self._socket.accept()[0].close()
        self.called = True

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener(monkeypatch):
    """Of the program's two ways to stay offline only the first is at work: nothing that leads out is opened."""
    monkeypatch.setattr(cli, "_OFFLINE", {})
    for name in ("CPL_VSIL_CURL_ALLOWED_FILENAME", "GDAL_HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "1")  # of a request that should not have been made
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def secret(tmp_path) -> Path:
    """A raster, and what else there is, outside the region's folder."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.csv").write_text("site,lon,lat,year,soc_g_kg\n", encoding="utf-8")
    (folder / "secret.bin").write_bytes(bytes(64))
    return folder


def _vrt(source: str, flags: str = "") -> str:
    return (
        f'<VRTDataset rasterXSize="8" rasterYSize="8">{flags}<VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{source}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )


def _mask_flags() -> str:
    return '<Metadata><MDI key="INTERNAL_MASK_FLAGS_1">2</MDI></Metadata>'


def _geojson(**more) -> str:
    point = {
        "type": "Feature",
        "properties": {"code": "1"},
        "geometry": {"type": "Point", "coordinates": [1, 2]},
    }
    return json.dumps({"type": "FeatureCollection", **more, "features": [point]})


def _write(demo, name: str, text: str, entry: str = "", **changes) -> None:
    (demo.sources / name).write_text(text, encoding="utf-8")
    if entry:
        demo.entry(entry, uri=f"sources/{name}", **changes)


def _link(demo, name: str, target: Path) -> None:
    (demo.sources / name).unlink(missing_ok=True)
    (demo.sources / name).symlink_to(target)


def _samples(demo, path: str) -> None:
    demo.settings(samples={"file": path})


def _shapefile(demo, secret: Path) -> None:
    polygons = gpd.read_file(demo.sources / "counties.gpkg")
    polygons.to_file(demo.sources / "counties.shp")
    shutil.move(demo.sources / "counties.dbf", secret / "counties.dbf")
    _link(demo, "counties.DBF", secret / "counties.dbf")
    demo.entry("counties", uri="sources/counties.shp")


def _sql(demo, *statements: str) -> None:
    with sqlite3.connect(demo.sources / "counties.gpkg") as data:
        for statement in statements:
            data.execute(statement)
    data.close()


def _tag(demo, url: str) -> None:
    with rasterio.open(demo.sources / "clay.tif", "r+") as data:
        data.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"/vsicurl/{url}/o.tif")


def _aux(demo, url: str) -> None:
    _write(
        demo, "clay.tif.aux.xml",
        '<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW&#95;FILE">'
        f"/vsicurl/{url}/o.tif</MDI></Metadata></PAMDataset>",
    )  # fmt: skip


def _polygons(demo, text: str, name: str = "counties.geojson") -> None:
    _write(demo, name, text, "counties", layer=None)


_OGR_VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/vsicurl/{}/a.gpkg</SrcDataSource></OGRVRTLayer>'
)

# How the region is spoiled, given the address of a server and a folder outside, and words of the one line about it.
LEADS_ELSEWHERE = {
    "raster: VRT named .tif": (lambda d, url, out: _write(d, "clay.tif", _vrt(f"/vsicurl/{url}/a.tif")), "clay.tif"),
    "raster: mask that is a VRT": (
        lambda d, url, out: _write(d, "clay.tif.msk", _vrt(f"/vsicurl/{url}/a.tif", _mask_flags())),
        "clay.tif.msk", "no TIFF"),
    "raster: mask in capitals": (
        lambda d, url, out: _write(d, "CLAY.TIF.MSK", _vrt(f"/vsicurl/{url}/a.tif", _mask_flags())), "no TIFF"),
    "raster: overviews that are a VRT": (
        lambda d, url, out: _write(d, "clay.tif.ovr", _vrt(str(out / "secret.bin"))), "clay.tif.ovr", "no TIFF"),
    "raster: overviews by a tag": (lambda d, url, out: _tag(d, url), "clay.tif", "OVERVIEW_FILE"),
    "raster: overviews by a text beside": (lambda d, url, out: _aux(d, url), "clay.tif", "OVERVIEW_FILE"),
    "raster: a link beside it": (
        lambda d, url, out: _link(d, "clay.tif.aux.xml", out / "secret.csv"), "clay.tif.aux.xml", "data_roots"),
    "raster: a server": (
        lambda d, url, out: d.entry("clay", uri=f"/vsicurl/{url}/a.tif"), "clay.uri", "path of a local file"),
    "raster: an archive": (lambda d, url, out: d.entry("clay", uri="/vsizip/a.zip/a.tif"), "path of a local file"),
    "raster: a virtual path below the root": (
        lambda d, url, out: d.entry("clay", uri="sources//vsicurl/a.tif"), "'clay'", "no such file"),
    "raster: a pipe": (
        lambda d, url, out: ((d.sources / "clay.tif").unlink(), os.mkfifo(d.sources / "clay.tif")),
        "clay.tif", "no ordinary file"),
    "catalog: its root": (
        lambda d, url, out: d.text("data_catalog.yaml", "root: .", f"root: {out}"), "outside", "data_roots"),
    "samples: upwards": (lambda d, url, out: _samples(d, "../outside/secret.csv"), "secret.csv", "data_roots"),
    "samples: an absolute path": (lambda d, url, out: _samples(d, str(out / "secret.csv")), "data_roots"),
    "samples: a link": (
        lambda d, url, out: (_link(d, "s.csv", out / "secret.csv"), _samples(d, "sources/s.csv")), "data_roots"),
    "samples: a server": (lambda d, url, out: _samples(d, f"/vsicurl/{url}/a.gpkg"), "samples.file", "a local file"),
    "samples: an address": (lambda d, url, out: _samples(d, f"{url}/a.gpkg"), "samples.file", "a local file"),
    "samples: an archive": (lambda d, url, out: _samples(d, "/vsizip/a.zip"), "samples.file", "a local file"),
    "polygons: a text that leads on": (
        lambda d, url, out: _polygons(d, _OGR_VRT.format(url), "counties.gpkg"), "leads to other files"),
    "polygons: the same after blanks": (
        lambda d, url, out: _polygons(d, " " * 3000 + _OGR_VRT.format(url)), "counties.geojson"),
    "polygons: the same inside a comment": (
        lambda d, url, out: _polygons(d, f"<!--{' ' * 5000}-->{_OGR_VRT.format(url)}"), "leads to other files"),
    "polygons: the CRS of a link": (
        lambda d, url, out: _polygons(d, _geojson(crs={"type": "link", "properties": {"href": url}})), "CRS of type"),
    "polygons: the CRS of an address, in escapes": (
        lambda d, url, out: _polygons(d, _geojson(crs={"type": "url", "properties": {"url": url}})
            .replace('"crs"', '"\\u0063rs"')), "CRS of type"),
    "polygons: two types of a CRS": (
        lambda d, url, out: _polygons(d, _geojson(crs={"type": "link", "properties": {"href": url}})
            .replace('"type": "link"', '"type": "name", "type": "link"')), "CRS of type"),
    "polygons: a command of GDAL": (
        lambda d, url, out: _polygons(d, json.dumps({"type": "gdal_streamed_alg",
            "command_line": f"gdal vector pipeline ! read /vsicurl/{url}/a.gpkg"}), "c.gdalg.json"), "no GeoJSON"),
    "polygons: GML with a schema": (
        lambda d, url, out: _polygons(d, f'<gml xsi:schemaLocation="a {url}/a.xsd"/>', "c.gml"), "other files"),
    "polygons: a view": (
        lambda d, url, out: _sql(d, "CREATE VIEW v AS SELECT ogr_geocode('a')"), "'v', a view"),
    "polygons: a virtual table": (lambda d, url, out: _sql(d, "CREATE VIRTUAL TABLE v USING fts4(a)"), "'v', a view"),
    "polygons: an archive by its name": (
        lambda d, url, out: _polygons(d, _geojson(), "a.zip!c.geojson"), "'!'"),
    "polygons: a link beside a shapefile": (lambda d, url, out: _shapefile(d, out), "counties.DBF", "data_roots"),
    "crs: a grid file": (
        lambda d, url, out: d.entry("clay", crs=f"+proj=longlat +ellps=intl +nadgrids={out}/secret.bin"), "known CRS"),
    "crs: an address": (lambda d, url, out: d.settings(samples={"crs": url}), "samples.crs"),
    "netcdf: an address": (
        lambda d, url, out: d.entry("clay", driver="netcdf", uri=url, variable="v"), "clay.uri", "a local file"),
}  # fmt: skip


@pytest.mark.parametrize("name", LEADS_ELSEWHERE)
def test_what_leads_elsewhere_is_refused_and_nobody_is_called(demo, call, listener, secret, name):
    spoil, *words = LEADS_ELSEWHERE[name]
    spoil(demo, listener.url, secret)

    call(demo, "check").assert_explained(*words)

    assert not listener.heard()


def test_the_listener_hears_gdal_when_it_is_let_in(tmp_path, listener):
    """Without this the test above would pass whatever happened."""
    path = tmp_path / "a.geojson"
    path.write_text(_geojson(crs={"type": "link", "properties": {"href": listener.url}}), encoding="utf-8")

    answer = threading.Thread(target=listener.hang_up)
    answer.start()
    pyogrio.read_info(path)
    answer.join()

    assert listener.called


def test_a_command_leaves_gdal_no_way_to_a_server(tmp_path, listener, monkeypatch):
    """The second way to stay offline, with what the first would refuse."""
    for name, value in {"CPL_VSIL_CURL_ALLOWED_FILENAME": "none", "GDAL_HTTP_PROXY": "127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "a.geojson"
    path.write_text(_geojson(crs={"type": "link", "properties": {"href": listener.url}}), encoding="utf-8")

    pyogrio.read_info(path)
    with pytest.raises(rasterio.errors.RasterioIOError):
        rasterio.open(f"/vsicurl/{listener.url}/a.tif")

    assert not listener.heard()


def test_the_commands_set_it(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert {name: os.environ[name] for name in cli._OFFLINE} == cli._OFFLINE


def test_samples_in_a_data_root_are_read(demo, secret):
    shutil.move(demo.folder / "samples.csv", secret / "samples.csv")
    demo.settings(samples={"file": "../outside/samples.csv"}, data_roots=["../outside"])
    region = load_region(demo.region_file)
    assert len(read_samples(region, region_grid(region)).table)


# HDF5, which netCDF4 would follow anywhere


def _axes(file: h5py.File) -> None:
    for name, values in (("lat", np.linspace(30, 31, 8)), ("lon", np.linspace(120, 121, 8))):
        file.create_dataset(name, data=values).make_scale(name)


def _on_axes(file: h5py.File, data) -> None:
    for dim, name in zip(data.dims, ("lat", "lon"), strict=True):
        dim.attach_scale(file[name])


def _external(file, secret):
    _on_axes(file, file.create_dataset("v", (8, 8), "u1", external=[(str(secret / "secret.bin"), 0, 64)]))


def _hdf5_link(file, secret):
    with h5py.File(secret / "secret.h5", "w") as other:
        other["v"] = np.ones((8, 8))
    file["v"] = h5py.ExternalLink(str(secret / "secret.h5"), "/v")


def _virtual(file, secret):
    layout = h5py.VirtualLayout((8, 8), "u1")
    layout[:] = h5py.VirtualSource(str(secret / "secret.h5"), "v", (8, 8))
    _on_axes(file, file.create_virtual_dataset("v", layout))


def _deep_link(file, secret):
    _hdf5_link(file.create_group("a").create_group("b"), secret)


def _huge_chunks(file, secret):
    file.create_dataset("v", (10**6, 10**6), "u1", chunks=(60_000, 60_000), compression=9)


def _unknown_filter(file, secret):
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((8, 8))
    made.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
    h5py.h5d.create(file.id, b"v", h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple((8, 8)), made)


def _deflate_twice(file, secret):
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((8, 8))
    made.set_deflate(9)
    made.set_deflate(9)
    h5py.h5d.create(file.id, b"v", h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple((8, 8)), made)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_external, "lies in other files"), (_virtual, "lies in other files"), (_hdf5_link, "a link to"),
        (_deep_link, "a link to"), (_huge_chunks, "3.35 GiB each"), (_unknown_filter, "32015"),
        (_deflate_twice, "filters 1, 1"),
    ],
)  # fmt: skip
def test_a_netcdf_that_leads_elsewhere_or_grows_is_refused(tmp_path, secret, make, words):
    path = tmp_path / "a.nc"
    with h5py.File(path, "w") as file:
        _axes(file)
        make(file, secret)

    with pytest.raises(RefusedFileError, match=words):
        check_container(path, "netcdf")


def test_a_netcdf_that_leads_elsewhere_is_explained_by_a_command(demo, call, secret):
    with h5py.File(demo.sources / "clay.nc", "w") as file:
        _axes(file)
        _external(file, secret)
    demo.entry("clay", driver="netcdf", uri="sources/clay.nc", variable="v")

    call(demo, "check").assert_explained("clay.nc", "'clay'", "lies in other files", "nccopy")


@pytest.fixture
def small_limit(monkeypatch):
    """So that bombs need not be large: a block of 1 MiB is one too many."""
    monkeypatch.setattr(chunkcheck, "MOST_BLOCK", 2**20)
    monkeypatch.setattr(chunkcheck, "_HARMLESS", 1)


def test_a_chunk_that_inflates_beyond_its_header_is_refused(tmp_path, small_limit):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        _axes(file)
        data = file.create_dataset("v", (8, 16), "u1", chunks=(8, 8), compression=9)
        data.id.write_direct_chunk((0, 8), zlib.compress(bytes(2**22)))
    checked: set = set()

    check_chunks(tmp_path / "a.nc", "netcdf", "v", (slice(0, 8), slice(0, 8)), checked)
    with pytest.raises(RefusedFileError, match=r"chunk \(0, 1\), which becomes larger"):
        check_chunks(tmp_path / "a.nc", "netcdf", "v", (slice(0, 8), slice(0, 9)), checked)


def test_an_axis_that_inflates_is_refused_before_it_is_read(tmp_path, small_limit):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        data = file.create_dataset("lat", (8,), "f8", chunks=(8,), compression=9)
        data.id.write_direct_chunk((0,), zlib.compress(bytes(2**22)))

    with pytest.raises(RefusedFileError, match="lat, chunk"):
        check_container(tmp_path / "a.nc", "netcdf")


# Zarr


class _Payload:
    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture(params=[2, 3])
def store(request, tmp_path) -> Path:
    """A Zarr store of 8 x 8 values in either version of the format."""
    axes = {"lat": np.linspace(30, 31, 8), "lon": np.linspace(120, 121, 8)}
    data = xr.Dataset({"v": (("lat", "lon"), np.ones((8, 8), "float32"))}, axes)
    data.to_zarr(tmp_path / "a.zarr", zarr_format=request.param, consolidated=False)
    return tmp_path / "a.zarr"


def _described(store: Path, name: str, change) -> None:
    path = next(path for path in (store / name / ".zarray", store / name / "zarr.json") if path.exists())
    said = json.loads(path.read_text())
    change(said, path.name == ".zarray")
    path.write_text(json.dumps(said))


def _pickled(said, is_old):
    if is_old:
        said |= {
            "dtype": "|O",
            "filters": [{"id": "pickle", "protocol": 5}],
            "compressor": None,
            "fill_value": None,
        }
    else:
        said["codecs"] = [{"name": "numcodecs.pickle", "configuration": {}}]


def _wide(said, is_old):
    said["shape"] = [10**11]
    if is_old:
        said["chunks"] = [10**11]
    else:
        said["chunk_grid"]["configuration"]["chunk_shape"] = [10**11]


def _long(said, is_old):
    said["shape"] = [10**9]


def _structured(said, is_old):
    said["dtype" if is_old else "data_type"] = [["a", "|O"]] if is_old else {"name": "structured"}


def _deep(said, is_old):
    said["codecs" if not is_old else "filters"] = [{"id": "json2", "name": "sharding_indexed"}]


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("v", _pickled, "pickle"), ("lat", _wide, "745 GiB each"), ("lat", _long, "axis lat of 1000000000"),
        ("v", _structured, "of type"), ("v", _deep, "packed by"),
    ],
)  # fmt: skip
def test_a_zarr_store_that_needs_code_or_memory_is_refused(store, tmp_path, name, change, words):
    check_container(store, "zarr")
    for chunk in [
        path for path in (store / name).rglob("*") if path.is_file() and path.name[0] in "0123456789"
    ]:
        chunk.write_bytes(pickle.dumps(_Payload(tmp_path / "marker")))
    _described(store, name, change)

    with pytest.raises(RefusedFileError, match=words):
        check_container(store, "zarr")

    assert not (tmp_path / "marker").exists()


def _chunk(store: Path, name: str) -> Path:
    return next(path for path in (store / name).rglob("*") if path.is_file() and path.name[0] in "0123456789")


@pytest.mark.parametrize("name", ["lat", "v"])
def test_a_chunk_that_says_it_becomes_150_gib_is_refused(store, name):
    """5 MB of zstd can hold them; the chunk's own header says so before anything is decoded."""
    is_blosc = (store / name / ".zarray").exists() and "blosc" in (store / name / ".zarray").read_text()
    zstd = b"\x28\xb5\x2f\xfd\xe0" + (150 * 2**30).to_bytes(8, "little") + bytes(8)
    blosc = b"\x02\x01\x01\x04" + (2**32 - 1).to_bytes(4, "little") + bytes(16)
    _chunk(store, name).write_bytes(blosc if is_blosc else zstd)

    with pytest.raises(RefusedFileError, match=f"{name}, chunk"):
        check_chunks(store, "zarr", name, None, set())
    if name == "lat":  # read as soon as the group is opened
        with pytest.raises(RefusedFileError, match="lat, chunk"):
            check_container(store, "zarr")


def test_a_zlib_chunk_that_inflates_is_refused(store, small_limit):
    if not (store / "v" / ".zarray").exists():
        pytest.skip("zlib is of version 2")
    _described(store, "v", lambda said, is_old: said.update(compressor={"id": "zlib", "level": 1}))
    _chunk(store, "v").write_bytes(zlib.compress(bytes(2**22)))

    with pytest.raises(RefusedFileError, match="becomes larger"):
        check_chunks(store, "zarr", "v", (slice(0, 2), slice(0, 2)), set())


@pytest.mark.parametrize("kind", ["link", "link to a folder", "pipe"])
def test_a_store_is_refused_that_leads_out(demo, call, secret, kind):
    store = demo.sources / "clay.zarr"
    xr.Dataset({"v": (("lat", "lon"), np.ones((8, 8)))}).to_zarr(store, zarr_format=2)
    _chunk(store, "v").unlink()
    if kind == "pipe":
        os.mkfifo(store / "v" / "0.0")
    else:
        (store / "v" / "0.0").symlink_to(secret if kind == "link to a folder" else secret / "secret.bin")
    demo.entry("clay", driver="zarr", uri="sources/clay.zarr", variable="v")

    call(demo, "check").assert_explained("'clay'", "beside or below it")


def test_chunks_are_looked_at_when_they_are_read(store, monkeypatch):
    """The check stands in the reader, not only beside it."""
    asked = []
    monkeypatch.setattr("poml_map.cube.arrayfile.check_chunks", lambda *args: asked.append(args[3]))

    class Source:
        allowed = (store.parent,)

    reader = ArrayFiles.__new__(ArrayFiles)
    reader.source, reader._variable, reader._roles, reader._checked = Source, "v", ("y", "x"), set()
    Source.entry = type("Entry", (), {"driver": "zarr"})
    data = type("Data", (), {"read": lambda self, name, index: np.ones((2, 2))})()
    window = type("Window", (), {"rows": slice(0, 2)})
    reader._read_part(store, data, [0], window, slice(0, 2))

    assert asked == [(slice(0, 2), slice(0, 2))]


# Sizes


def test_a_raster_in_huge_blocks_is_refused_and_tiles_of_any_raster_are_not(tmp_path):
    about = {"driver": "GTiff", "width": 40_000, "height": 40_000, "count": 1, "dtype": "uint8", "sparse_ok": True,
             "compress": "deflate", "crs": "EPSG:32651", "transform": rasterio.Affine(10, 0, 0, 0, -10, 0)}  # fmt: skip
    one = {"tiled": True, "blockxsize": 32_768, "blockysize": 32_768}
    for name, how in (("huge", one), ("tiles", {"tiled": True}), ("rows", {})):
        rasterio.open(tmp_path / f"{name}.tif", "w", **about, **how).close()
    assert (tmp_path / "huge.tif").stat().st_size < 1000

    for name in ("tiles", "rows"):
        with open_raster(tmp_path / f"{name}.tif") as data:
            check_raster(data, tmp_path / f"{name}.tif", (tmp_path,))
    with (
        open_raster(tmp_path / "huge.tif") as data,
        pytest.raises(RefusedFileError, match="1 GiB each") as error,
    ):
        check_raster(data, tmp_path / "huge.tif", (tmp_path,))
    assert "TILED=YES" in error.value.mend


def test_bands_that_are_stored_together_count_together(tmp_path, monkeypatch):
    monkeypatch.setattr("poml_map.rasterfile.MOST_BLOCK", 10 * 256 * 256)
    about = {"driver": "GTiff", "width": 256, "height": 256, "count": 12, "dtype": "uint8", "tiled": True,
             "transform": rasterio.Affine(10, 0, 0, 0, -10, 0)}  # fmt: skip
    for how in ("band", "pixel"):
        path = tmp_path / f"{how}.tif"
        rasterio.open(path, "w", **about, interleave=how).close()
        with open_raster(path) as data:
            if how == "band":
                check_raster(data, path, (tmp_path,))
            else:
                with pytest.raises(RefusedFileError, match="768 KiB"):
                    check_raster(data, path, (tmp_path,))


def test_the_checksum_of_a_tile_is_read_without_holding_what_it_becomes():
    packed = zlib.compress(bytes(64 * 2**20))
    tracemalloc.start()
    try:
        tiffblocks.check_stream(packed)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20
    for broken in (packed[:-1], packed[:-4] + b"abcd", packed[: len(packed) // 2]):
        with pytest.raises(zlib.error):
            tiffblocks.check_stream(broken)


def test_a_geopackage_that_claims_two_billion_features_is_refused(demo):
    path = demo.sources / "counties.gpkg"
    _sql(demo, "UPDATE gpkg_ogr_contents SET feature_count = 2000000000")
    with pytest.raises(RefusedFileError, match="2000000000 features"):
        check_layer(pyogrio.read_info(path), path)


def test_vector_files_have_a_size_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr("poml_map.vectorcheck.MOST_GEOJSON", 10)
    (tmp_path / "a.geojson").write_text(_geojson(), encoding="utf-8")
    with pytest.raises(RefusedFileError, match="at most"):
        check_vector(tmp_path / "a.geojson")


@pytest.mark.parametrize(
    "text", ['{"a":' * 100_000, "[" * 100_000, "{'type': 'Feature'}", '{"type": "Topology"}']
)
def test_json_that_is_no_geojson_is_refused(tmp_path, text):
    (tmp_path / "a.geojson").write_text(text, encoding="utf-8")
    with pytest.raises(OSError, match="GeoJSON"):
        check_vector(tmp_path / "a.geojson")


def test_a_sequence_of_features_is_read(tmp_path):
    polygons = gpd.GeoDataFrame({"a": [1, 2]}, geometry=gpd.points_from_xy([1, 2], [3, 4]), crs=4326)
    polygons.to_file(tmp_path / "a.geojsonl", driver="GeoJSONSeq")
    check_vector(tmp_path / "a.geojsonl")


def test_a_grid_of_too_many_pixels_is_refused(demo, call):
    demo.settings(grid={"resolution": 0.001})
    call(demo, "check").assert_explained("grid.resolution", "a side")


# Model files


def _npz(**members) -> BytesIO:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, (content, packing) in members.items():
            archive.writestr(f"{name}.npy", content, packing)
    return file


def _header(shape: tuple, kind: str = "<f8") -> bytes:
    file = BytesIO()
    about = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
    return file.getvalue()


def _objects(marker: Path) -> bytes:
    file = BytesIO()
    np.lib.format.write_array(file, np.array([_Payload(marker)], dtype=object), allow_pickle=True)
    return file.getvalue()


def test_a_model_file_with_objects_or_false_sizes_is_refused_before_memory_is_taken(tmp_path):
    spoiled = {
        "objects": ((_objects(tmp_path / "marker"), zipfile.ZIP_DEFLATED), "holds objects"),
        "150 GiB": ((_header((20 * 2**30,)), zipfile.ZIP_DEFLATED), "says 171798691968 bytes"),
        "a packing that grows": ((_header((2,)) + bytes(16), zipfile.ZIP_LZMA), "not packed as"),
    }
    files = [(_npz(header=content), words) for content, words in spoiled.values()]
    tracemalloc.start()
    try:
        for file, words in files:
            with pytest.raises(ValueError, match=words):
                read_npz(file)
            with pytest.raises(ValueError, match="not one that poml_map wrote"):
                load_forest(file)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
    assert not (tmp_path / "marker").exists()


def test_a_model_file_has_a_size_at_most_once_it_is_unpacked(monkeypatch):
    monkeypatch.setattr("poml_map.npz.MOST_MODEL", 1000)
    with pytest.raises(ValueError, match=r"becomes .* when unpacked"):
        read_npz(_npz(a=(_header((200,)) + bytes(1600), zipfile.ZIP_DEFLATED)))


# Texts


@pytest.mark.parametrize(
    "text", ["9**9**9", "1 / 0", "tmin + 1 / (2 - 2)", "tmin.real", "tmin[0]", "(lambda: 1)()"]
)
def test_an_expression_is_arithmetic_only(text):
    with pytest.raises(ValueError, match="expression"):
        check_expression(text, ["tmin"])


@pytest.mark.parametrize("text", ["+proj=longlat +nadgrids=../a.gsb", "+proj=pipeline +step +proj=hgridshift +grids=/a",
                                  "+init=/tmp/a:b"])  # fmt: skip
def test_a_crs_may_not_name_files(text):
    with pytest.raises(Exception, match="grid file"):
        known_crs(text)


@pytest.mark.parametrize("text", ["EPSG:3857", "+proj=longlat +ellps=intl +nadgrids=@null", "ESRI:102025"])
def test_a_crs_without_files_is_known(text):
    assert known_crs(text).name


# A run folder of a stranger


def _as_vrt(run: Path, out: Path) -> None:
    (run / "maps" / "SOCS_POML_1980.tif").write_text(_vrt(str(out / "secret.bin")))


FOREIGN = {
    "a map that is a VRT": (_as_vrt, "SOCS_POML_1980.tif"),
    "a mask that is a VRT": (
        lambda run, out: (run / "maps" / "SOCS_POML_1980.tif.msk").write_text(_vrt("/a", _mask_flags())), "no TIFF"),
    "a link": (lambda run, out: (run / "more.png").symlink_to(out / "secret.bin"), "a link to"),
    "a layer that leads on": (lambda run, out: (run / "zones.gpkg").write_text(_OGR_VRT), "zones.gpkg"),
}  # fmt: skip


@pytest.fixture
def run(tmp_path) -> Path:
    """As much of a run folder as is looked at before anything is made from it."""
    (tmp_path / "run" / "maps").mkdir(parents=True)
    about = {"driver": "GTiff", "width": 8, "height": 8, "count": 1, "dtype": "float32", "crs": "EPSG:32651",
             "transform": rasterio.Affine(10, 0, 0, 0, -10, 0)}  # fmt: skip
    rasterio.open(tmp_path / "run" / "maps" / "SOCS_POML_1980.tif", "w", **about).close()
    manifest = {"settings": {"profile": "own"}, "outputs": {"maps/SOCS_POML_1980.tif": "0"}}
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path / "run"


@pytest.mark.parametrize("name", FOREIGN)
def test_a_run_folder_that_leads_elsewhere_is_refused(run, secret, name):
    spoil, words = FOREIGN[name]
    spoil(run, secret)

    with pytest.raises(InputError, match=words):
        report_run(run)


@pytest.mark.parametrize("kind", ["VRT", "link"])
def test_a_truth_that_leads_elsewhere_is_refused(run, secret, kind):
    """A synthetic region may come with its truth beside it, which `validate` reads."""
    truth, region = run.parent / "truth", run.parent / "region.yaml"
    shutil.copytree(run / "maps", truth)
    (truth / "SOCS_POML_1980.tif").rename(truth / "SOCS_TRUTH_1980.tif")
    described = SimpleNamespace(
        file=str(region), years=range(1980, 1981), settings=SimpleNamespace(synthetic=True)
    )
    assert found_truth(described) == truth
    (truth / "SOCS_TRUTH_1980.tif").unlink()
    if kind == "VRT":
        (truth / "SOCS_TRUTH_1980.tif").write_text(_vrt(str(secret / "secret.bin")))
    else:
        (truth / "SOCS_TRUTH_1980.tif").symlink_to(run / "maps" / "SOCS_POML_1980.tif")

    with pytest.raises(InputError, match="SOCS_TRUTH_1980"):
        found_truth(described)


def test_a_manifest_that_names_files_outside_is_refused(run, secret):
    with pytest.raises(InputError, match="secret"):
        refuse_foreign(run, ["../outside/secret.csv"])
    refuse_foreign(run, ["maps/SOCS_POML_1980.tif"])


# The page of the rules


def test_every_limit_stands_on_the_page_of_the_rules():
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    for name in ("MOST_BLOCK", "MOST_VECTOR", "MOST_GEOJSON", "MOST_TABLE", "MOST_MODEL", "MOST_JSON"):
        assert limits.size_text(getattr(limits, name)) in page, name
    for name in ("MOST_CELLS", "MOST_STEPS", "MOST_SIDE"):
        assert f"{getattr(limits, name):,}" in page, name
