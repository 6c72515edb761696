"""Servers that break, lie and stumble: what comes is right, or it is an error; nothing corrupt enters the cache."""

import asyncio
import json
from types import SimpleNamespace

import pytest
import rasterio

from poml_map.errors import ResourceError
from poml_map.fetch.answers import read_at_most
from poml_map.fetch.failures import DamagedError, FetchError, NetworkError, RefusedError

from .conftest import HOST, LAYOUTS, assert_is_cut_of_truth

WHOLE, ARCHIVE, LIST = f"{HOST}/whole.tif", f"{HOST}/archives/dem_N30E118.tar.gz", f"{HOST}/list/dem.vrt"
ZIP = f"{HOST}/zips/dem.zip"
GEOJSON = {"url": f"https://{HOST}/counties.geojson"}
VECTOR = {"driver": "vector", "role": "zones", "uri": "c.geojson", "key": "code", "unit": None}


@pytest.mark.parametrize(
    ("kind", "how", "least_wait"),
    [
        ("break", {"after": 700}, 1.0),
        ("break", {"after": 0, "times": 3}, 7.0),
        ("longer", {"after": 50}, 1.0),
        ("shorter", {"after": 50}, 0.0),
        ("status", {"status": 429, "headers": {"Retry-After": "20"}}, 20.0),
        ("status", {"status": 503, "headers": {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}}, 1.0),
        ("status", {"status": 500, "times": 3}, 7.0),
        ("wrong_range", {"times": 2}, 0.0),
        ("lying_range", {"times": 2}, 0.0),
        ("slow", {"seconds": 0.8}, 1.0),
        ("changed", {}, 0.0),
        ("no_ranges", {"times": 2}, 0.0),
    ],
)
@pytest.mark.parametrize(
    ("layout", "path"), [("file", WHOLE), ("archives", ARCHIVE), ("members", ZIP), ("vrt", LIST)]
)
def test_a_fault_that_passes_is_waited_out(world, kind, how, least_wait, layout, path):
    how = dict(how)
    if kind in (
        "changed",
        "wrong_range",
        "lying_range",
    ):  # not at once: the beginning would come, and rightly
        world.server.fault(path, "none" if layout == "file" else "break", after=500)
    world.server.fault(path, kind, times=how.pop("times", 1), **how)

    assert_is_cut_of_truth(world.bring(LAYOUTS[layout]).path)

    assert sum(world.waits) >= least_wait


@pytest.mark.parametrize(
    ("kind", "how", "error", "words"),
    [
        ("status", {"status": 404}, RefusedError, "404 Not Found: no such file on the server"),
        ("status", {"status": 403}, RefusedError, "403 Forbidden from the server"),
        (
            "status",
            {"status": 500},
            NetworkError,
            "500 Internal Server Error, expected an answer within 4 tries",
        ),
        ("status", {"status": 429, "headers": {"Retry-After": "4000"}}, NetworkError, "come back in 4000 s"),
        ("html", {}, RefusedError, 'a web page, "Service is down for maintenance", expected'),
        ("truncated", {}, DamagedError, "cut off|cannot be read"),
        ("break", {"after": 0}, NetworkError, "a broken answer"),
        ("redirect", {"to": "file:///etc/passwd"}, RefusedError, "no address"),
        ("redirect", {"to": f"/{WHOLE}"}, RefusedError, "redirects without end"),
    ],
)
@pytest.mark.parametrize(("layout", "path"), [("file", WHOLE), ("archives", ARCHIVE), ("members", ZIP)])
def test_a_fault_that_stays_is_an_error_and_nothing_is_kept(world, kind, how, error, words, layout, path):
    how = {key: value.replace(WHOLE, path) if key == "to" else value for key, value in how.items()}
    world.server.fault(path, kind, times=None, **how)

    with pytest.raises(error) as refusal:
        world.bring(LAYOUTS[layout])

    if kind == "status" and how["status"] == 404 and layout == "archives":
        words = "none of the tiles N30E118"
    assert refusal.match(words)
    assert not list((world.cache.folder / "index").iterdir())
    world.server.mend()
    assert_is_cut_of_truth(world.bring(LAYOUTS[layout]).path)


@pytest.mark.parametrize(("layout", "path"), [("file", WHOLE), ("archives", ARCHIVE), ("members", ZIP)])
def test_a_byte_that_was_changed_on_the_way_is_found(world, layout, path):
    """By the checksum of the block, which GDAL leaves unread, or of the archive: the server says that all is well."""
    with rasterio.open(world.server.folder / WHOLE) as data:
        start, size = (
            int(data.get_tag_item(f"BLOCK_{what}_3_3", "TIFF", bidx=1)) for what in ("OFFSET", "SIZE")
        )
    world.server.fault(path, "flip", times=None, after=start + size - 1 if layout == "file" else 0)

    with pytest.raises(DamagedError) as refusal:
        world.bring(LAYOUTS[layout])

    assert refusal.match("does not fit its checksum" if layout == "file" else "damaged|cannot be read")


def test_a_part_that_was_not_asked_for_is_not_taken(world):
    world.server.fault(WHOLE, "wrong_range")

    body = world.client.read(f"https://{WHOLE}", 100, 199).body

    assert body == (world.server.folder / WHOLE).read_bytes()[100:200]
    assert world.waits == [1.0]


def test_an_answer_with_an_absurd_length_is_not_taken(world):
    world.server.fault(WHOLE, "none", times=None, headers={"Content-Range": f"bytes 0-99/{'9' * 5000}"})

    with pytest.raises(NetworkError, match="which part it is"):
        world.client.read(f"https://{WHOLE}", 0, 99)


def test_of_an_answer_without_end_one_byte_too_many_is_read():
    read = []

    async def endless(size):
        read.append(min(size, 64))
        return bytes(read[-1])

    response = SimpleNamespace(content=SimpleNamespace(read=endless), close=lambda: None)

    assert len(asyncio.run(read_at_most(response, 100))) == sum(read) == 101


def test_a_broken_download_goes_on_where_it_broke(world):
    size = (world.server.folder / ARCHIVE).stat().st_size
    world.server.fault(ARCHIVE, "break", times=2, after=size // 3)

    world.bring(LAYOUTS["archives"])

    asked = [each.range for each in world.server.asked if each.path == ARCHIVE]
    assert asked == ["", f"bytes={size // 3}-", f"bytes={2 * (size // 3)}-"]
    assert world.server.bytes_sent == size


def test_a_part_of_another_version_is_not_gone_on_with(world):
    """The part file of a killed command, and meanwhile the server has a new file of the same size."""
    size = (world.server.folder / ARCHIVE).stat().st_size
    world.server.fault(ARCHIVE, "break", after=size // 3)
    world.server.fault(ARCHIVE, "status", times=None, status=503)
    with pytest.raises(NetworkError):
        world.bring(LAYOUTS["archives"])
    part = next((world.cache.folder / "parts").glob("*.part"))
    assert part.stat().st_size == size // 3
    facts = part.with_suffix(".json")
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"etag": '"older"'}))
    part.write_bytes(bytes(size // 3))
    world.server.mend()

    assert_is_cut_of_truth(world.bring(LAYOUTS["archives"]).path)


def test_what_cannot_be_told_from_another_version_begins_anew(world):
    """Without ETag and date, a file that changed meanwhile would be joined from two."""
    nameless = {"ETag": "", "Last-Modified": ""}
    world.server.fault(ARCHIVE, "break", after=3000, headers=nameless)
    world.server.fault(ARCHIVE, "none", times=None, headers=nameless)

    assert_is_cut_of_truth(world.bring(LAYOUTS["archives"]).path)

    assert [each.range for each in world.server.asked if each.path == ARCHIVE] == ["", ""]


def test_a_damaged_object_of_the_cache_is_brought_again(world):
    kept = world.bring()
    data = bytearray(kept.path.read_bytes())
    data[-20] ^= 1
    kept.path.write_bytes(data)
    asked = len(world.server.asked)

    again = world.bring()

    assert again.sha256 == kept.sha256
    assert len(world.server.asked) > asked


def test_checksums_of_the_catalog_are_held(world):
    right = world.bring(GEOJSON, **VECTOR).sha256

    assert world.bring(GEOJSON | {"sha256": {"counties.geojson": right}}, **VECTOR).sha256 == right
    with pytest.raises(DamagedError, match="SHA-256 is"):
        world.bring(GEOJSON | {"sha256": {"counties.geojson": "0" * 64}}, **VECTOR)


@pytest.mark.parametrize("after", [1, 3, 20])
def test_a_text_that_is_cut_off_by_a_wrong_length_is_brought_again(world, after):
    """Nothing in a table tells where it ends: the server is asked twice how long it is."""
    (world.server.folder / HOST / "t.csv").write_text("code,year,value\n" + "a,1990,1\n" * 20)
    table = {
        "driver": "table",
        "role": "fertilizer",
        "uri": "t.csv",
        "unit": "kg/ha",
        "year": "year",
        "value": "value",
    }
    for name, entry in (("t.csv", table), ("counties.geojson", VECTOR)):
        world.server.fault(f"{HOST}/{name}", "shorter", after=after)

        kept = world.bring({"url": f"https://{HOST}/{name}"}, **entry)

        assert kept.path.read_bytes() == (world.server.folder / HOST / name).read_bytes()


def test_refresh_asks_whether_the_file_is_still_the_one(world):
    world.bring(GEOJSON, **VECTOR)
    asked = len(world.server.asked)
    world.bring(GEOJSON, refresh=True, **VECTOR)

    assert {each.method for each in world.server.asked[asked:]} == {"HEAD"}
    world.server.fault(f"{HOST}/counties.geojson", "changed", times=None)
    with pytest.raises(RefusedError):  # its bytes are turned round: no GeoJSON
        world.bring(GEOJSON, refresh=True, **VECTOR)


def test_a_full_disk_is_a_matter_of_the_machine_and_the_part_stays(world, monkeypatch):
    """What a write to a full disk raises, raised by the part file."""
    import errno

    from poml_map.fetch import whole

    def full(self, file):
        def write(stamp, at, piece):
            file.write(piece[:100])
            raise OSError(errno.ENOSPC, "No space left on device")

        return write

    monkeypatch.setattr(whole._Download, "_writer", full)
    with pytest.raises(ResourceError, match="No space left on device"):
        world.bring(LAYOUTS["archives"])


def test_a_server_that_cannot_be_reached_is_not_waited_for_by_each_file(world):
    world.client.mirror = "http://127.0.0.1:9"
    for _ in range(3):
        with pytest.raises(NetworkError, match="no connection"):
            world.bring(GEOJSON, **VECTOR)

    assert len(world.waits) == world.patience.tries - 1


def test_once_stopped_nothing_is_asked_any_more(world):
    world.server.fault("", "slow", times=None, seconds=0.3)
    world.patience.stop.set()

    with pytest.raises(FetchError, match="stopped"):
        world.bring()
