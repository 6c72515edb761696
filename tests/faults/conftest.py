"""A tiny demo region that each test may break in one place, and what the command line says to it."""

from __future__ import annotations

import importlib.util
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import netCDF4
import numpy as np
import pytest
import rasterio
import yaml

from poml_map import cli
from poml_map.demo import write_demo
from poml_map.pipeline import estimate
from poml_map.pipeline.run import run_region
from poml_map.pipeline.speed import REFERENCE

# Two spin-up years and three trees: what is tested here is what goes in, not the maps.
QUICK = {
    "spinup_years": "1978-1979",
    "hybrid": {"n_trees": 3},
    "validation": {"folds": 2},
    "rothc": {"mu_max": 4.5, "k_m": 0.13},
}
# Climate without files, where the fault lies elsewhere.
CONSTANTS = {
    "temperature": {"unit": "degC", "value": [4, 5, 9, 15, 20, 24, 28, 27, 23, 17, 11, 6]},
    "precipitation": {"unit": "mm/month", "value": [80, 90, 120, 120, 130, 200, 150, 150, 120, 80, 70, 50]},
    "pet": {"unit": "mm/month", "value": [30, 40, 60, 90, 110, 110, 140, 130, 90, 70, 50, 30]},
    "ndvi": {"unit": "1", "value": [0.3, 0.3, 0.4, 0.5, 0.4, 0.5, 0.7, 0.7, 0.6, 0.4, 0.3, 0.3]},
}
OF_FILES = ("uri", "variable", "variables", "expression", "crs", "years")


@dataclass
class Said:
    """What a command left behind: its exit code and its lines."""

    code: int
    out: str
    err: str

    def assert_explained(self, *words: str) -> None:
        """Exit code 2; every line names a file and what was found or expected; all words are in one line."""
        assert self.code == 2, self.err or self.out
        lines = self.err.splitlines()
        assert lines
        for line in lines:
            assert re.fullmatch(r"Error: [^:]+(:\d+)?(, .+?)?: (found|expected) .+[.?]", line), line
            assert len(line) < 700, line
        assert any(all(word in line for word in words) for line in lines), self.err


class Demo:
    """A copy of the demo region with hands to break it.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.sources = folder / "sources"
        self.region_file = folder / "region.yaml"
        self.out = folder.parent / "run"
        self.marker = folder.parent / "marker"

    def settings(self, **changes) -> None:
        """Change keys of region.yaml; of a section, only those keys that are named. None removes a key."""
        self._edit(self.region_file, lambda data: data, changes)

    def entry(self, name: str, **changes) -> None:
        """Change keys of a catalog entry; None removes one."""
        self._edit(
            self.folder / "data_catalog.yaml", lambda data: data["sources"].setdefault(name, {}), changes
        )

    @staticmethod
    def _edit(path: Path, part, changes: dict) -> None:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        chosen = part(data)
        for key, value in changes.items():
            if value is None:
                chosen.pop(key, None)
            elif isinstance(value, dict) and isinstance(chosen.get(key), dict):
                chosen[key] |= value
            else:
                chosen[key] = value
        path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")

    def text(self, file: str, old: str, new: str, count: int = 1) -> None:
        """Replace text in a file, which must hold it."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, count), encoding="utf-8")

    def append(self, file: str, text: str) -> None:
        """Add text at the end of a file."""
        path = self.folder / file
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    def raster(self, name: str, change=None, **profile) -> None:
        """Write a raster of the sources again: `change` gets its values, shape (bands, rows, columns)."""
        path = self.sources / name
        with rasterio.open(path) as data:
            values, old, scales = data.read(), data.profile, data.scales
        values = values if change is None else np.asarray(change(values))
        old |= {
            "count": len(values),
            "height": values.shape[1],
            "width": values.shape[2],
            "dtype": values.dtype,
        }
        path.unlink()
        with rasterio.open(path, "w", **(old | profile)) as data:
            data.write(values)
            data.scales = (scales * len(values))[: len(values)]

    def pixel(self, name: str, value: float, count: int = 1, **profile) -> None:
        """Put a value on `count` pixels in the middle of a raster, which lies in the area."""

        def change(values):
            values = values.copy()
            row, col = values.shape[1] // 2, values.shape[2] // 2
            values[0, row, col : col + count] = value
            return values

        self.raster(name, change, **profile)

    def netcdf(self, name: str, change, attrs: dict | None = None) -> None:
        """Write a NetCDF of the sources again: `change` gets a dict of stored arrays and changes it."""
        path = self.sources / name
        with netCDF4.Dataset(path) as data:
            data.set_auto_maskandscale(False)
            arrays = {key: np.array(variable[...]) for key, variable in data.variables.items()}
            dims = {key: variable.dimensions for key, variable in data.variables.items()}
            kept = {
                key: {each: variable.getncattr(each) for each in variable.ncattrs()}
                for key, variable in data.variables.items()
            }
        change(arrays)
        path.unlink()
        with netCDF4.Dataset(path, "w") as data:
            for key, values in arrays.items():
                names = dims.get(key, (key,))
                for dim, size in zip(names, values.shape, strict=True):
                    if dim not in data.dimensions:
                        data.createDimension(dim, size)
                about = kept.get(key, {}) | (attrs or {}).get(key, {})
                about = {each: value for each, value in about.items() if value is not None}
                variable = data.createVariable(
                    key, values.dtype, names, fill_value=about.pop("_FillValue", None)
                )
                variable.set_auto_maskandscale(False)
                variable.setncatts(about)
                variable[...] = values

    def polygons(self, change, **options) -> None:
        """Write the county polygons again."""
        path = self.sources / "counties.gpkg"
        table = change(gpd.read_file(path))
        path.unlink()
        table.to_file(path, layer="counties", driver="GPKG", **options)

    def cut(self, name: str, share: float) -> None:
        """Keep the first part of a file only."""
        path = self.sources / name
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    """The demo region that nobody breaks."""
    folder = tmp_path_factory.mktemp("faults") / "demo"
    write_demo(folder, size="tiny")
    shutil.rmtree(folder / "truth")
    Demo(folder).settings(**QUICK)
    return folder


@pytest.fixture(scope="session")
def still(whole, tmp_path_factory) -> Path:
    """The same with a climate of constants: two hundred files less to look at."""
    ignored = shutil.ignore_patterns("TerraClimate*", "ndvi*")
    folder = shutil.copytree(whole, tmp_path_factory.mktemp("faults") / "demo", ignore=ignored)
    demo = Demo(folder)
    demo.settings(fill=None)
    for name, changes in CONSTANTS.items():
        demo.entry(name, driver="constant", **dict.fromkeys(OF_FILES), **changes)
    return folder


@pytest.fixture(scope="session")
def finished_run(still, tmp_path_factory):
    """A finished run of the unbroken region, of two years."""
    out = tmp_path_factory.mktemp("faults") / "run"
    run_region(still / "region.yaml", out, years=(1980, 1981))
    return out


@pytest.fixture(autouse=True)
def no_measuring(monkeypatch):
    """What `check` measures for two seconds is not what is tested here, a hundred times."""
    monkeypatch.setattr(estimate, "measure_speed", lambda: REFERENCE)


@pytest.fixture(scope="session")
def checker():
    """`checker.py`, which looks at run folders from outside."""
    spec = importlib.util.spec_from_file_location("checker", Path(__file__).with_name("checker.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def climate(whole, tmp_path) -> Demo:
    """A copy of the region to break, with all its files."""
    return Demo(shutil.copytree(whole, tmp_path / "demo"))


@pytest.fixture
def demo(still, tmp_path) -> Demo:
    """A copy to break, with a climate of constants."""
    return Demo(shutil.copytree(still, tmp_path / "demo"))


@pytest.fixture
def call(capsys, monkeypatch):
    """Run a command in this process, as a user in the folder above the region would."""

    def run(demo: Demo, command: str, *options) -> Said:
        monkeypatch.chdir(demo.folder.parent)
        capsys.readouterr()
        try:
            cli.main([command, "demo/region.yaml", *map(str, options)])
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run
