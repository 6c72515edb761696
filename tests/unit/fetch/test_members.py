"""Files that lie in zip archives by name: one archive for all of them, and none that somebody made on purpose."""

import dataclasses
import stat
import zipfile

import numpy as np
import pytest
import rasterio

from poml_map.errors import InputError
from poml_map.fetch import archives, content, members
from poml_map.fetch.bring import Bringer
from poml_map.fetch.cache import Cache
from poml_map.fetch.failures import DamagedError, FetchError, RefusedError
from poml_map.fetch.job import Job
from poml_map.fetch.patience import Patience
from poml_map.fetch.zips import check_zip, take_out
from poml_map.pipeline.fetch import fetch_region
from tests.published import world as synthetic
from tests.published.server import HTML, PublishedServer
from tests.published.write import published_sources, write_published

from .conftest import AREA, HOST, LAYOUTS, assert_clean, read_tif, write_tif, write_zip

ZENODO = "zenodo.org/records/8253971/files/PKU_GIMMS_NDVI_AVHRR_MODIS_consolidated_1982_1990.zip"


@pytest.mark.parametrize(
    ("name", "facts", "words"),
    [
        ("../../evil.tif", {}, "which leads outside"),
        ("/etc/evil.tif", {}, "which leads outside"),
        ("a/..\\..\\evil.tif", {}, "which leads outside"),
        ("C:/evil.tif", {}, "which leads outside"),
        ("link.tif", {"external_attr": (stat.S_IFLNK | 0o777) << 16}, "a link"),
        ("pipe.tif", {"external_attr": stat.S_IFIFO << 16}, "no plain file"),
        ("packed.tif", {"compress_type": zipfile.ZIP_BZIP2}, "packed in way 12"),
    ],
)
def test_a_zip_with_a_strange_member_is_refused_by_its_name(tmp_path, name, facts, words):
    path = write_zip(tmp_path / "a.zip", {name: b"II*\0"}, **facts)

    with pytest.raises(RefusedError) as refusal:
        check_zip(path, "https://example.org/a.zip")

    assert repr(name) in str(refusal.value)
    assert words in str(refusal.value)


def test_a_zip_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(world, tmp_path, monkeypatch):
    path = write_zip(tmp_path / HOST / "zips/dem.zip", {"a.tif": b"II*\0", "bomb.tif": bytes(10**6)})
    monkeypatch.setattr(archives, "MOST_MEMBER", 10**5)
    monkeypatch.setattr(content, "check_sums", None)
    with PublishedServer(tmp_path) as server:
        world.client.mirror = server.url
        with pytest.raises(RefusedError, match=r"bomb.tif.*unpacks to more than 97.7 KiB"):
            world.bring(LAYOUTS["members"])
    monkeypatch.setattr(archives, "MOST_MEMBER", 10**8)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 1)
    with pytest.raises(RefusedError, match="one of more than 1"):
        check_zip(path, "")


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ({"a/other.tif": b"x"}, "no file whole.tif in the archive, the first of 1 is a/other.tif"),
        ({"a/._whole.tif": b"x"}, "no file whole.tif in the archive"),
        ({"whole.tif/": b""}, "no file whole.tif in the archive, expected one of this name"),
        ({"a/whole.tif": b"x", "b\\whole.tif": b"x"}, "2 files called whole.tif (a/whole.tif, b"),
        ({"whole.tif": HTML}, 'a web page, "Service is down for maintenance", expected a TIFF'),
        ({"whole.tif": b"II*\0" + bytes(40)}, "a TIFF that cannot be read"),
    ],
)
def test_a_member_is_one_file_of_its_name(world, tmp_path, inside, words):
    write_zip(tmp_path / HOST / "zips/dem.zip", inside)
    with PublishedServer(tmp_path) as server:
        world.client.mirror = server.url
        with pytest.raises(RefusedError) as refusal:
            world.bring(LAYOUTS["members"])
    assert words in str(refusal.value)


def test_a_member_that_was_changed_since_its_archive_was_checked_is_not_taken(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.tif": bytes(range(256)) * 9}, compress_type=zipfile.ZIP_STORED)
    (member,) = check_zip(path, "")
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)

    with pytest.raises(DamagedError, match="that is damaged"):
        take_out(path, member, tmp_path / "out", "https://example.org/a.zip")


# ------------------------------------------------------------------------------- as PKU GIMMS NDVI is published


@pytest.fixture(scope="module")
def zenodo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zenodo")
    write_published(folder, AREA, [1990], ["pku_gimms_ndvi"])
    return folder


def _ndvi(world, month, half):
    source = published_sources()["pku_gimms_ndvi"]
    source = dataclasses.replace(source, root=world.root, allowed=(world.root,))
    return Job(source, ("", 1990, month, half), world.place)


def test_half_months_come_from_one_download_of_their_archive(world, zenodo, monkeypatch):
    looked = []
    monkeypatch.setattr(members, "check_zip", lambda *facts: looked.append(facts) or check_zip(*facts))
    jobs = [_ndvi(world, 6, "01"), _ndvi(world, 6, "02"), _ndvi(world, 7, "01")]
    with PublishedServer(zenodo) as server:
        world.client.mirror = server.url
        bringer = Bringer(world.client, world.cache)
        kept = [bringer.make(job)[0] for job in jobs]
        assert [each.method for each in server.asked] == ["GET"]
        assert len(looked) == 1, "hundreds of files come out of one archive: it is counted and checked once"
        assert server.bytes_sent == (zenodo / ZENODO).stat().st_size

        Bringer(world.client, world.cache).make(_ndvi(world, 8, "01"))  # another command, the same cache
        assert len(server.asked) == 1
        again = Bringer(world.client, world.cache, refresh=True)
        assert all(again.make(job)[1] for job in jobs)
        assert [each.method for each in server.asked[1:]] == ["HEAD"]

    for job, each in zip(jobs, kept, strict=True):
        assert each.stamps.keys() == {f"https://{ZENODO}"}
        found = read_tif(each.path)
        rows, cols = np.indices(found.numbers.shape)
        a, _, west, _, e, north = tuple(found.transform)[:6]
        lon, lat = west + a * (cols + 0.5), north + e * (rows + 0.5)
        _, year, month, half = job.file
        truth = synthetic.ndvi(lon, lat, year, month, int(half))
        np.testing.assert_allclose(found.numbers / 1000, truth, atol=6e-4)
        assert lon.min() < AREA[0] < AREA[2] < lon.max()
        assert found.numbers.size < 1000
        assert (found.dtype, found.nodata) == ("uint16", 65535)
        with rasterio.open(each.path) as data:
            assert data.count == 2
        assert a == pytest.approx(1 / 12)


def _encrypted(path):
    """Say of the last member that it is encrypted, in both of its headers."""
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(mark) + at] |= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("truncated", "a zip archive that is cut off or damaged"),
        ("html", 'a web page, "Service is down for maintenance", expected a zip archive'),
        ("flip", "cut off or damaged"),
        ("../evil.tif", "member '../evil.tif', which leads outside"),
        ("secret.tif", "member 'secret.tif', which is encrypted"),
    ],
)
def test_nothing_of_a_wrong_archive_is_kept_and_it_is_not_asked_for_again(
    world, zenodo, tmp_path, fault, words
):
    path = tmp_path / "site" / ZENODO
    path.parent.mkdir(parents=True)
    path.write_bytes((zenodo / ZENODO).read_bytes())
    if fault.endswith(".tif"):
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(fault, b"II*\0")
    if fault == "secret.tif":
        _encrypted(path)
    with PublishedServer(tmp_path / "site") as server:
        world.client.mirror = server.url
        server.fault(ZENODO, fault, times=None)
        bringer = Bringer(world.client, world.cache)
        for month in (1, 2, 3):
            with pytest.raises(FetchError) as refusal:
                bringer.make(_ndvi(world, month, "01"))
            assert words in str(refusal.value)
        assert sum(each.method == "GET" for each in server.asked) <= 2, "what is damaged is tried once more"
    for folder in ("objects", "index", "parts"):
        left = [each.suffix for each in (world.cache.folder / folder).rglob("*") if each.is_file()]
        assert set(left) <= {".lock"}
    assert not list(tmp_path.rglob("evil.tif"))


# --------------------------------------------------------------------------------------- a region, several archives

ENTRIES = f"""\
version: 1
sources:
  cover: {{driver: raster, role: covariate, column: COVER, uri: "c_{{year}}.tif", unit: "1", years: [1990, 1993],
          fetch: {{url: "https://{HOST}/c_{{span}}.zip", layout: members, spans: ["1990_1991", "1992_1993"],
                   member: "C{{year}}.tif"}}}}
"""
CONSTANTS = {
    "elevation": (10, "m"), "slope": (1, "degree"), "spi": (1, "'1'"), "air_temperature": (15, "degC"),
    "precipitation": (100, "mm/month"), "pet": (80, "mm/month"), "ndvi": (0.5, "'1'"), "clay": (20, "'%'"),
    "bulk_density": (1.3, "g/cm3"), "coarse_fragments": (5, "'%'"), "fertilizer": (100, "kg/ha"),
}  # fmt: skip
REGION = f"""\
name: small
sources: [cover, {", ".join(CONSTANTS)}]
area: {{bounds: {list(AREA)}}}
grid: {{crs: "EPSG:32650", resolution: 4000}}
years: 1990-1992
spinup_years: 1988-1989
samples: {{file: s.csv, columns: {{site: site, x: lon, y: lat, year: year, stock: s}}, units: {{stock: kg/m2}}}}
"""


@pytest.fixture
def region(tmp_path):
    numbers = np.arange(14400, dtype="int16").reshape(120, 120)
    for span in ((1990, 1991), (1992, 1993)):
        inside = {
            f"x/C{year}.tif": write_tif(tmp_path / "c.tif", numbers + year).read_bytes() for year in span
        }
        write_zip(tmp_path / "site" / HOST / f"c_{span[0]}_{span[1]}.zip", inside)
    lines = [
        f"  {role}: {{driver: constant, role: {role}, value: {value}, unit: {unit}}}"
        for role, (value, unit) in CONSTANTS.items()
    ]
    (tmp_path / "data_catalog.yaml").write_text(ENTRIES + "\n".join(lines) + "\n")
    (tmp_path / "region.yaml").write_text(REGION)
    return tmp_path / "region.yaml"


def test_only_archives_of_wanted_years_come_and_their_size_is_said_once(region, tmp_path):
    paths = [f"{HOST}/c_1990_1991.zip", f"{HOST}/c_1992_1993.zip"]
    size = f"{sum((tmp_path / 'site' / path).stat().st_size for path in paths) / 1024:.1f} KiB"
    options = {"cache": tmp_path / "cache", "patience": Patience(tries=1)}
    with PublishedServer(tmp_path / "site") as server:
        options["mirror"] = server.url
        said = fetch_region(region, dry_run=True, **options)
        assert sorted((each.method, each.path) for each in server.asked) == [("HEAD", path) for path in paths]
        assert f"cover: 3 files, 3 to come: {size} on {HOST}, about {size} of it" in said[1]
        assert said[2].strip() == "whole archives, each once for all its files"

        region.write_text(REGION.replace("1990-1992", "1990-1991"))
        server.asked.clear()
        fetch_region(region, **options)
        assert [each.path for each in server.asked] == paths[:1]

        region.write_text(REGION.replace(str(list(AREA)), "[118.5, 30.5, 119.0, 31.0]"))
        assert (
            "cover: 3 files, 1 archive in the cache, 3 to come"
            in fetch_region(region, dry_run=True, **options)[1]
        )
        fetch_region(region, **options)
        assert "cover: 3 files, 3 here already" in fetch_region(region, dry_run=True, **options)[1]

        region.write_text(REGION.replace("1990-1992", "1992-1993"))
        server.fault(paths[1], "status", times=None, status=404)
        with pytest.raises(InputError) as refusal:
            fetch_region(region, **(options | {"cache": tmp_path / "other"}))
    assert len(refusal.value.problems) == 1, "one archive, one line"
    assert f"https://{paths[1]}, entry 'cover': found 404 Not Found" in str(refusal.value)
    assert read_tif(tmp_path / "c_1992.tif").numbers.min() > 1992
    assert_clean(Cache(tmp_path / "cache"))
