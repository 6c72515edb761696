"""Lists, archives, pages and addresses that somebody made on purpose, or by mistake."""

import json
import tarfile
from dataclasses import asdict
from types import SimpleNamespace

import h5py
import netCDF4
import numpy as np
import pytest
import yarl

from poml_map.catalog_fetch import TileGrid
from poml_map.fetch import tiff
from poml_map.fetch.address import asked_at, beside, check_address, shown_address
from poml_map.fetch.archives import check_members
from poml_map.fetch.cache import key_of
from poml_map.fetch.content import check_head, check_whole
from poml_map.fetch.failures import AbsentError, DamagedError, RefusedError
from poml_map.fetch.hdf import HdfFile
from poml_map.fetch.locks import only_one
from poml_map.fetch.patience import Patience, retry_after
from poml_map.fetch.remote import LocalFile
from poml_map.fetch.tiles import tiles_under
from poml_map.fetch.vrt import read_list
from poml_map.fetch.whole import bring_whole
from tests.published.server import HTML, PublishedServer

from .conftest import HOST, LAYOUTS, add_member, vrt_text

LIST = f"https://{HOST}/list/dem.vrt"


def test_a_plain_list_is_read_as_it_stands():
    whole, members = read_list(vrt_text().encode(), LIST)

    assert (whole.width, whole.height, whole.kind.dtype, whole.kind.nodata) == (120, 120, "int16", -9999)
    assert len(members) == 36
    assert members[7].address == f"https://{HOST}/list/parts/dem_20_20.tif"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "../../etc/passwd.tif"}, "the name '../../etc/passwd.tif'"),
        ({"name": "/etc/passwd"}, "the name '/etc/passwd'"),
        ({"name": "/vsicurl/http://x/a.tif"}, "the name '/vsicurl"),
        ({"name": "https://elsewhere.org/a.tif"}, "the name 'https:"),
        ({"name": "parts%2f..%2f..%2fa.tif"}, "the name 'parts%2f"),
        ({"relative": 0}, "expected a name relative to the list"),
        ({"size": 40}, "40 x 20 cells, shown in 20 x 20"),
        ({"size": 19.5}, "without a place"),
        ({"dtype": "CFloat32"}, "lacks size, position, type"),
        ({"dtype": "Byte"}, "nodata -9999 in uint8"),
        ({"size": "inf"}, "without a place"),
    ],
)
def test_a_list_that_leads_elsewhere_or_resamples_is_refused(change, words):
    with pytest.raises(RefusedError) as refusal:
        read_list(vrt_text(**change).encode(), LIST)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<VRTDataset", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><VRTDataset', "a DOCTYPE"),
        ("<VRTDataset", '<VRTDataset subClass="VRTWarpedDataset"', "VRTWarpedDataset"),
        ("<VRTRasterBand", '<VRTRasterBand subClass="VRTDerivedRasterBand"', "one that is computed"),
        ("</VRTDataset>", "", "no XML"),
        ("ComplexSource>", "KernelFilteredSource>", "<KernelFilteredSource>"),
        ("<NODATA>", "<ScaleRatio>2</ScaleRatio><NODATA>", "rescaled"),
        ("EPSG:4326", "", "lacks size"),
        ("<SrcRect", "<Rect", "without a place"),
        ('rasterXSize="120"', 'rasterXSize="-1"', "-1 x 120 cells"),
        ("116.0, 0.05", "116.0, 0", "cells without a size"),
    ],
)
def test_a_list_that_is_more_than_a_list_is_refused(old, new, words):
    with pytest.raises(RefusedError) as refusal:
        read_list(vrt_text().replace(old, new).encode(), LIST)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "facts", "words"),
    [
        ("../../evil.tif", {}, "which leads outside"),
        ("/etc/evil.tif", {}, "which leads outside"),
        ("a/..\\..\\evil.tif", {}, "which leads outside"),
        ("link.tif", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "a link"),
        ("hard.tif", {"type": tarfile.LNKTYPE, "linkname": "x"}, "a link"),
        ("pipe.tif", {"type": tarfile.FIFOTYPE}, "no plain file"),
        ("device.tif", {"type": tarfile.CHRTYPE}, "no plain file"),
    ],
)
def test_an_archive_with_a_path_outside_is_refused_by_the_name_of_the_member(tmp_path, name, facts, words):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        add_member(archive, "good.tif", b"II*\0")
        add_member(archive, name, **facts)

    with pytest.raises(RefusedError) as refusal:
        check_members(path, "https://example.org/a.tar.gz")

    assert repr(name) in str(refusal.value)
    assert words in str(refusal.value)


def test_an_archive_that_unpacks_to_too_much_is_refused_by_what_it_says(tmp_path, monkeypatch):
    from poml_map.fetch import archives

    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        add_member(archive, "bomb.tif", bytes(10**6))
    monkeypatch.setattr(archives, "MOST_MEMBER", 10**5)

    with pytest.raises(RefusedError, match=r"bomb.tif.*unpacks to more than 97.7 KiB"):
        check_members(path, "https://example.org/a.tar.gz")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_the_description_of_a_member_is_not_read_into_memory_whatever_its_size(tmp_path, kind):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        add_member(archive, "long", bytes(2 * 2**20), type=kind)
        add_member(archive, "good.tif", b"II*\0")

    with pytest.raises(DamagedError, match="a description of 2 MiB"):
        check_members(path, "https://example.org/a.tar.gz")


def test_what_a_header_says_of_bands_and_steps_is_held_against_a_limit(world, monkeypatch):
    monkeypatch.setattr(tiff, "MOST_READ", 10)
    with pytest.raises(RefusedError, match=r"in all bands, .* expected at most 0.00977 KiB"):
        world.bring()
    with pytest.raises(RefusedError, match=r"variable .* under the window"):
        world.bring({"url": f"https://{HOST}/ppt_1990.nc"}, file=("ppt", None, None), driver="netcdf",
                    variable="ppt", uri="p.nc", crs="EPSG:4326", role="precipitation", unit="mm/month")  # fmt: skip


def test_words_of_a_server_do_not_move_the_cursor_or_begin_a_line(tmp_path):
    head = b"<html><title>\x1b[2Jgone\nERROR all lost\x07</title>"
    with pytest.raises(RefusedError) as refusal:
        check_head(head, "raster", "https://example.org/a.tif")
    assert '"?[2Jgone ERROR all lost?"' in str(refusal.value)


def test_a_link_in_the_cache_or_below_the_root_is_not_written_through(world, tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("dear")
    address = f"https://{HOST}/counties.geojson"
    part = world.cache.part(key_of({"whole": address}))
    part.symlink_to(mine)
    part.with_suffix(".json").write_text(json.dumps(asdict(world.client.look(address))))

    kept = bring_whole(world.client, world.cache, address, "vector")

    assert kept.path.read_bytes() == (world.server.folder / HOST / "counties.geojson").read_bytes()
    assert mine.read_text() == "dear"
    lock = world.root / ".fetched.jsonl.lock"
    lock.symlink_to(tmp_path / "new")
    with pytest.raises(OSError, match=r"ymbolic|Too many levels"), only_one(lock):
        pass
    assert not (tmp_path / "new").exists()


def test_a_refused_archive_leaves_nothing_but_itself_in_the_cache(world, tmp_path):
    """Its object stays (it is whole and has its name), but no member of it is ever written."""
    path = tmp_path / "site" / HOST / "archives/dem_N30E118.tar.gz"
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as archive:
        add_member(archive, "../evil.tif", b"II*\0")
    with PublishedServer(tmp_path / "site") as server:
        world.client.mirror = server.url
        with pytest.raises(RefusedError, match=r"'../evil.tif', which leads outside"):
            world.bring(LAYOUTS["archives"])
    assert not list(tmp_path.rglob("evil.tif"))


@pytest.mark.parametrize(
    ("head", "kind", "words"),
    [
        (HTML, "netcdf", 'a web page, "Service is down for maintenance", expected a NetCDF file'),
        (b"\xef\xbb\xbf <html>", "raster", "a web page, expected a TIFF"),
        (
            b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>',
            "archive",
            'an XML answer of a server, "NoSuchKey"',
        ),
        (b'{"error": "no"}', "raster", "a JSON text"),
        (b"", "netcdf", "nothing, an empty file"),
        (b"\x1f\x8b\x08", "netcdf", "an archive (gzip)"),
        (b"PK\x03\x04", "raster", "an archive (zip)"),
        (b"<html>", "table", "a web page, expected a text table"),
        (b"code,year\n", "vector", "begins with"),
    ],
)
def test_a_page_of_html_saved_as_netcdf_is_named_as_such(head, kind, words):
    with pytest.raises(RefusedError) as refusal:
        check_head(head, kind, "https://example.org/a")
    assert words in str(refusal.value)
    assert "browser" in refusal.value.mend


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
@pytest.mark.parametrize("name", ["whole.tif", "ppt_1990.nc", "archives/dem_N30E118.tar.gz"])
def test_a_whole_file_that_is_cut_off_is_found(published, tmp_path, name, share):
    data = (published / HOST / name).read_bytes()
    path = tmp_path / "a"
    kind = {"tif": "raster", "nc": "netcdf", "gz": "archive"}[name.rpartition(".")[2]]
    path.write_bytes(data)
    check_whole(path, kind, "https://example.org/a")

    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(DamagedError):
        check_whole(path, kind, "https://example.org/a")


def test_a_whole_raster_comes_as_it_is(world, published):
    kept = world.bring(LAYOUTS["file"] | {"whole": True})

    assert kept.path.read_bytes() == (published / HOST / "whole.tif").read_bytes()


def test_a_zarr_store_is_not_one_file(world):
    with pytest.raises(RefusedError, match="a folder of many files"):
        world.bring(driver="zarr", variable="elev")
    assert not world.server.asked


def test_a_classic_netcdf_comes_as_a_whole(world, tmp_path):
    path = tmp_path / "site" / HOST / "old.nc"
    path.parent.mkdir(parents=True)
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as data:
        data.createDimension("lat", 3)
        data.createVariable("lat", "f8", ("lat",))[:] = [1, 2, 3]
    with PublishedServer(tmp_path / "site") as server:
        world.client.mirror = server.url
        kept = world.bring({"url": f"https://{HOST}/old.nc"}, driver="netcdf", variable="ppt")
        asked = len(server.asked)
        assert world.bring({"url": f"https://{HOST}/old.nc"}, driver="netcdf", variable="ppt") == kept
        assert len(server.asked) == asked

    assert kept.path.read_bytes() == path.read_bytes()


def test_values_in_other_files_are_not_followed(tmp_path):
    (tmp_path / "other.bin").write_bytes(bytes(80))
    with h5py.File(tmp_path / "a.nc", "w") as data:
        data.create_dataset("ppt", (10,), "f8", external=[(str(tmp_path / "other.bin"), 0, 80)])
        data["linked"] = h5py.ExternalLink("b.nc", "/ppt")
        data.create_dataset("packed", data=np.zeros(10), compression="lzf")
    file = HdfFile(LocalFile(tmp_path / "a.nc", None, "https://example.org/a.nc"))

    assert "linked" not in file.names
    with pytest.raises(RefusedError, match="values in other files"):
        file.read("ppt")
    with pytest.raises(RefusedError, match="packed by filter 32000"):
        file.read("packed")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ftp://example.org/a", "an address of ftp:"),
        ("file:///etc/passwd", "an address of file:"),
        ("/etc/passwd", "an address of no scheme:"),
        ("https://me:secret@example.org/a", "a user or password"),
        ("https:///a", "without a host"),
        ("https://exa mple.org/a", "with blanks"),
        ("https://example.org:x/a", "cannot be read"),
    ],
)
def test_only_plain_web_addresses_are_asked(address, words):
    with pytest.raises(RefusedError) as refusal:
        check_address(address)
    assert words in str(refusal.value)
    assert "secret" not in f"{refusal.value} {refusal.value.mend} {refusal.value.address}"


def test_an_address_is_shown_without_its_secrets_and_asked_with_them():
    assert shown_address("https://a.org/x.tif?key=1") == "https://a.org/x.tif"
    assert asked_at("https://a.org/x.tif?key=1", "http://m/") == "http://m/a.org/x.tif?key=1"
    assert beside("https://a.org/b/c.vrt?key=1", "d/e.tif") == "https://a.org/b/d/e.tif"


def test_a_redirect_away_from_encryption_is_refused(world):
    safe, open_one = SimpleNamespace(url=yarl.URL("https://a.org/x")), yarl.URL("http://a.org/x?key=1")
    last = SimpleNamespace(url=open_one, history=(safe,))
    between = SimpleNamespace(url=safe.url, history=(safe, last))

    for response in (last, between):
        with pytest.raises(RefusedError, match=r"to http://a\.org/x, which is not encrypted"):
            world.client._check_end("https://a.org/x", response)


def test_tiles_are_named_round_the_globe_and_over_the_equator():
    grid = TileGrid(degrees=3, name="{NS}{lat:02}{EW}{lon:03}")

    names = [tile.name for tile in tiles_under(grid, (178.0, -1.0, 182.0, 1.0), 0.0)]

    assert names == ["S03E177", "S03W180", "N00E177", "N00W180"]


def test_pauses_double_up_to_a_limit_and_obey_the_server():
    patience = Patience(draw=lambda: 0.0)

    assert [patience.pause(number) for number in (1, 2, 3, 20)] == [0.5, 1.0, 2.0, 30.0]
    assert patience.pause(1, "120") == 120
    assert patience.pause(1, "3600") is None
    assert patience.pause(1, "9" * 400) is None
    assert retry_after("Sun, 06 Nov 2094 08:49:37 GMT") > 1e9


def test_an_address_without_a_file_leaves_no_trace(world):
    with pytest.raises(AbsentError):
        bring_whole(world.client, world.cache, f"https://{HOST}/none.csv", "table")

    assert not list((world.cache.folder / "parts").iterdir())


def test_a_tiff_whose_blocks_are_too_large_is_refused(world, monkeypatch):
    monkeypatch.setattr(tiff, "MOST_BLOCK", 500)

    with pytest.raises(RefusedError, match=r"blocks of 16 x 16 pixels, 0\.5 KiB each"):
        world.bring()
