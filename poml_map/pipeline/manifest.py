"""`manifest.json`: what went in, with which versions and choices, what came out, what was left out."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import poml_map
from poml_map._version import __version__
from poml_map.config import Region
from poml_map.cube import wanted_years
from poml_map.files import sha256_of_file
from poml_map.pipeline.digests import KnownDigests

_PACKAGES = [
    "numpy", "scipy", "pandas", "xarray", "dask", "rasterio", "pyproj", "geopandas", "scikit-learn", "zarr",
    "pyflwdir", "netCDF4", "numba",
]  # fmt: skip

# Who names the sample file.
_SAMPLES = "samples"

#: Where a validation lies in a run folder.
VALIDATION = "validation"

# What GDAL reads beside a raster. Not .aux.xml, which QGIS writes whenever somebody looks at a file.
_BESIDE = (".hdr", ".prj", ".tfw", ".wld")

# The store says itself what it holds; a validation in the folder has its own list.
_NOT_OF_THE_RUN = ("maps.zarr", VALIDATION)


def versions(*more: str) -> dict[str, str]:
    """Versions of the program, of Python, of the packages that can move a number, and of more packages."""
    found = {"poml_map": __version__, "python": platform.python_version(), "platform": sys.platform}
    for name in (*_PACKAGES, *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # installed in a way that left no metadata
            found[name] = "unknown"
    return found


@cache
def code_digest() -> str:
    """Short digest of the program's own source: a version that is being worked on is another one after each change.

    Examples
    --------
    >>> len(code_digest())
    12
    """
    folder = Path(poml_map.__file__).parent
    texts = [f"{path.relative_to(folder).as_posix()} {sha256_of_file(path)}" for path in folder.rglob("*.py")]
    return hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()[:12]


def input_paths(region: Region, *, with_samples: bool = True) -> dict[str, Path]:
    """Every file that goes into a run, by its path as the user wrote it.

    Two files that were written alike, by catalogs in different folders, are told apart by their entries.
    """
    found: dict[str, Path] = {}
    for owner, shown, path in _listed(region):
        if path.exists() and (with_samples or owner != _SAMPLES):
            found[f"{owner}: {shown}" if found.get(shown, path) != path else shown] = path
    return found


def input_files(
    region: Region, *, with_samples: bool = True, known: KnownDigests | None = None
) -> dict[str, str]:
    """SHA-256 of every file that goes into a run, by its path as the user wrote it."""
    paths, known = input_paths(region, with_samples=with_samples), known or KnownDigests()
    return {shown: _digest(path, known) for shown, path in paths.items()}


def _listed(region: Region) -> Iterator[tuple[str, str, Path]]:
    """Owner, path as written and path of every file that may be read."""
    catalogs, samples = region.settings.catalog, region.settings.samples.file
    yield "region", Path(region.file).name, Path(region.file).resolve()
    written = [catalogs] if isinstance(catalogs, str) else catalogs
    yield from (("catalog", *pair) for pair in zip(written, region.catalog_files, strict=True))
    yield from ((_SAMPLES, *pair) for pair in _with_parts(samples, region.samples_path))
    for source in region.sources.values():
        if source.entry.driver != "constant":
            for key in source.files(wanted_years(source, region)):
                pairs = _with_parts(source.shown(*key), source.path(*key))
                yield from ((source.name, *pair) for pair in pairs)


def _with_parts(shown: str, path: Path) -> list[tuple[str, Path]]:
    """A file with those beside it that say where it lies and which pixels count; of a shapefile all of its name."""
    folder = Path(shown).parent
    if path.suffix.lower() != ".shp":
        parts = (path.with_suffix(suffix) for suffix in _BESIDE)
        parts = [part for part in (*parts, path.with_name(f"{path.name}.msk")) if part.is_file()]
        return [(shown, path), *(((folder / part.name).as_posix(), part) for part in parts if part != path)]
    parts = (part for part in path.parent.glob("*") if part.stem == path.stem and part.is_file())
    return [((folder / part.name).as_posix(), part) for part in sorted(parts)]


def _digest(path: Path, known: KnownDigests) -> str:
    if path.is_file():
        return known.of(path)
    parts = sorted(part for part in path.rglob("*") if part.is_file())  # a Zarr source is a folder
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.relative_to(path)} {known.of(part)}\n".encode())
    return digest.hexdigest()


def input_digest(files: dict[str, str]) -> str:
    """One short digest of all inputs; it stands in every GeoTIFF.

    Examples
    --------
    >>> input_digest({"a.tif": "12", "b.csv": "34"}) == input_digest({"b.csv": "34", "a.tif": "12"})
    True
    """
    text = "\n".join(f"{name} {digest}" for name, digest in sorted(files.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def outputs(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a run, by its name; but for the log, which is still being written, and the store."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = {path: path.relative_to(folder) for path in files}
    skipped = {"log.txt", "manifest.json"}
    return {
        name.as_posix(): sha256_of_file(path)
        for path, name in names.items()
        if name.as_posix() not in skipped
        and name.parts[0] not in _NOT_OF_THE_RUN
        and not name.name.startswith(".")
    }


def to_json(content: dict) -> str:
    """JSON text that people can read; numpy numbers become plain ones, NaN becomes null."""
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, range)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
