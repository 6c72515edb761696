"""`poml-map fetch` as a command: killed, stopped, unplugged, twice at once; and nothing else opens the network."""

import ast
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

import poml_map
from poml_map.cli import main
from poml_map.fetch.patience import Patience
from poml_map.files import sha256_of_file
from tests.published.server import PublishedServer

PACKAGE = Path(poml_map.__file__).parent
HOST = "data.example.org"
CONSTANTS = {
    "ppt": ("precipitation", 80, "mm/month"), "tmp": ("air_temperature", 15, "degC"), "pet": ("pet", 80, "mm/month"),
    "ndvi": ("ndvi", 0.5, "1"), "clay": ("clay", 20, "%"), "bd": ("bulk_density", 1.3, "g/cm3"),
    "cf": ("coarse_fragments", 5, "%"), "fert": ("fertilizer", 100, "kg/ha"),
}  # fmt: skip
REGION = f"""\
name: small
sources: [dem, {", ".join(CONSTANTS)}]
area: {{bounds: [118.32, 30.21, 119.68, 31.79]}}
grid: {{crs: "EPSG:32650", resolution: 4000}}
years: 1992-1993
spinup_years: 1990-1991
covariates: [ELEV, TMP]
samples:
  file: samples.csv
  columns: {{site: site, x: lon, y: lat, year: year, soc: soc}}
  units: {{soc: g/kg}}
  bulk_density: BD
  coarse_fragments: CF
"""


@pytest.fixture
def site(tmp_path):
    """``data.example.org/dem.tif`` of 5 MB."""
    path = tmp_path / "site" / HOST / "dem.tif"
    path.parent.mkdir(parents=True)
    profile = {"driver": "GTiff", "width": 2000, "height": 1500, "count": 1, "dtype": "int16", "crs": "EPSG:4326",
               "transform": Affine(0.002, 0, 117, 0, -0.002, 32.5), "tiled": True, "compress": "deflate"}  # fmt: skip
    with rasterio.open(path, "w", **profile) as data:
        data.write(np.random.default_rng(1).integers(0, 3000, (1500, 2000), dtype="int16"), 1)
    return tmp_path / "site"


def write_region(folder, whole):
    folder.mkdir()
    fetch = f'{{url: "https://{HOST}/dem.tif", whole: {"true" if whole else "false"}}}'
    entries = [f"  dem: {{driver: raster, role: elevation, uri: dem.tif, unit: m, fetch: {fetch}}}"]
    for name, (role, value, unit) in CONSTANTS.items():
        entries.append(f'  {name}: {{driver: constant, role: {role}, value: {value}, unit: "{unit}"}}')
    (folder / "data_catalog.yaml").write_text("version: 1\nsources:\n" + "\n".join(entries) + "\n")
    (folder / "region.yaml").write_text(REGION)
    return folder / "region.yaml"


def command(region, server, cache):
    return [
        sys.executable,
        "-m",
        "poml_map",
        "fetch",
        str(region),
        "--mirror",
        server.url,
        "--cache",
        str(cache),
    ]


def test_the_command_prints_what_it_did_and_exits_with_the_code_of_the_failure(
    site, tmp_path, capsys, monkeypatch
):
    region = write_region(tmp_path / "region", whole=False)
    monkeypatch.setattr(Patience, "wait", lambda self, seconds: None)
    with PublishedServer(site) as server:
        arguments = ["fetch", str(region), "--mirror", server.url, "--cache", str(tmp_path / "cache")]
        with pytest.raises(SystemExit) as stop:
            main([*arguments, "--dry-run"])
        assert stop.value.code in (0, None)
        assert "dem: 1 file, 1 to come" in capsys.readouterr().out
        for fault, code in (({"kind": "html"}, 2), ({"kind": "status", "status": 503}, 3)):
            server.fault(f"{HOST}/dem.tif", times=None, **fault)
            with pytest.raises(SystemExit) as stop:
                main(arguments)
            assert stop.value.code == code
            assert capsys.readouterr().err.startswith("Error: https://data.example.org/dem.tif, entry 'dem':")
            assert not (tmp_path / "region/dem.tif").exists()
            server.mend()
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code in (0, None)
    out = capsys.readouterr().out
    assert "dem  1 of 1 file" in out
    assert "1 brought" in out


@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False])
def test_a_command_that_is_killed_in_the_middle_goes_on(site, tmp_path, whole):
    region, cache = write_region(tmp_path / "region", whole), tmp_path / "cache"
    with PublishedServer(site) as server:
        server.fault("", "trickle", times=None, seconds=0.02)
        for number, code in ((signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)):
            running = subprocess.Popen(command(region, server, cache), stderr=subprocess.PIPE, text=True)
            before, patience = server.bytes_sent, time.monotonic() + 60
            while (
                server.bytes_sent < before + (700_000 if whole else 200_000) and time.monotonic() < patience
            ):
                time.sleep(0.02)
            running.send_signal(number)
            errors = running.communicate(timeout=20)[1]
            assert running.returncode == code
            assert not (tmp_path / "region/dem.tif").exists()
            assert "Traceback" not in errors
        server.mend()
        before = server.bytes_sent
        subprocess.run(command(region, server, cache), check=True, capture_output=True)
        size = (site / HOST / "dem.tif").stat().st_size
        if whole:
            assert server.bytes_sent - before < size - 3 * 600_000, "what came before is not asked for again"
            assert sha256_of_file(tmp_path / "region/dem.tif") == sha256_of_file(site / HOST / "dem.tif")
        assert not list((cache / "parts").iterdir())
    for path in (cache / "objects").rglob("*"):
        assert not path.is_file() or sha256_of_file(path) == path.name

    unplugged = subprocess.run(command(region, server, cache), check=True, capture_output=True, text=True)
    assert "1 here already" in unplugged.stdout


@pytest.mark.slow
def test_two_commands_at_once_share_one_download(site, tmp_path):
    regions = [write_region(tmp_path / name, whole=True) for name in ("one", "two")]
    with PublishedServer(site) as server:
        server.fault("", "trickle", times=None, seconds=0.01)
        running = [
            subprocess.Popen(command(region, server, tmp_path / "cache"), stdout=subprocess.PIPE, text=True)
            for region in regions
        ]
        outs = [each.communicate(timeout=60)[0] for each in running]
        assert [each.returncode for each in running] == [0, 0]
        assert server.bytes_sent == (site / HOST / "dem.tif").stat().st_size
    assert all("1 of 1 file" in out for out in outs)
    assert len({sha256_of_file(region.parent / "dem.tif") for region in regions}) == 1


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_fetch_opens_the_network():
    """Neither `check` nor `run` can: no module on their way knows a client, and `cli` loads it for one command."""
    clients = ("aiohttp", "fsspec", "requests", "urllib.request", "http.client", "urllib3", "httpx", "socket")
    allowed = {"pipeline/lock.py"}  # asks for the name of this machine
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        own = set(_imports(path))
        if not name.startswith("fetch/"):
            known = {each for each in own if each.startswith(clients)}
            assert not known or name in allowed, f"{name} imports {known}"
            if not name.startswith("pipeline/fetch"):
                reached = {
                    each for each in own if each.startswith(("poml_map.fetch.", "poml_map.pipeline.fetch"))
                }
                assert not reached or name == "cli.py", f"{name} imports {reached}"
