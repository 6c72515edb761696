"""Looks at a run folder from outside: plain rasterio, zarr, zip, JSON, CSV and SHA-256, nothing of poml_map.

Each check returns complaints, one line each; none means that all is well.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
import zarr
from PIL import Image

LABELS = {"kg/m2": ("kg C m-2", 1.0), "t/ha": ("t C ha-1", 10.0)}
# A metre of pure peat; nothing that grows a crop comes near it. [kg C m-2]
MOST_CARBON = 200.0
# What the manifest does not list: itself, the log that is still being written, the store, a validation beside the run.
UNLISTED = {"manifest.json", "log.txt"}
APART = {"maps.zarr", "validation"}
TEMPORARY = re.compile(r"\.(part|unfinished|earlier)([-.]|$)")


def check_run(folder: Path | str, *, temporaries: bool = False) -> list[str]:
    """What is wrong with a finished run.

    Parameters
    ----------
    folder : Path or str
    temporaries : bool
        Whether names such as ``.part-*`` and ``.unfinished*`` may be there.
    """
    folder = Path(folder)
    complaints = whole_files_only(folder)
    if not temporaries:
        complaints += [f"{name}: a leftover" for name in sorted(_leftovers(folder))]
    manifest = _json(folder / "manifest.json")
    if not isinstance(manifest, dict) or "settings" not in manifest:
        return [*complaints, "manifest.json: no manifest that can be read"]
    complaints += _promised(folder, manifest)
    complaints += _maps(folder, manifest)
    return list(dict.fromkeys(complaints))


def whole_files_only(folder: Path | str) -> list[str]:
    """Files at their final names that are not whole: all that may be asked of a folder whose run was stopped.

    A listed file whose checksum differs is a complaint too, for the manifest is itself a file at its final name.
    """
    folder = Path(folder)
    complaints = []
    for name, path in _files(folder).items():
        if name.split("/")[0] == "maps.zarr":
            continue
        try:
            _READERS.get(path.suffix.lower(), _not_empty)(path)
        except Exception as error:  # a damaged file may make its library raise anything
            complaints.append(f"{name}: not whole ({type(error).__name__}: {error})")
    if (folder / "maps.zarr").exists():
        complaints += _store(folder / "maps.zarr")
    manifest = _json(folder / "manifest.json")
    listed = manifest.get("outputs", {}) if isinstance(manifest, dict) else {}
    return complaints + [
        f"{name}: not the bytes that the manifest promises"
        for name, digest in listed.items()
        if (folder / name).is_file() and _sha256(folder / name) != digest
    ]


def digest_of_pixels(folder: Path | str) -> dict[str, str]:
    """SHA-256 of the pixels of every GeoTIFF of the folder, by name: equal if, and only if, all pixels are."""
    found = {}
    for name, path in _files(Path(folder)).items():
        if path.suffix == ".tif":
            with rasterio.open(path) as file:
                pixels = file.read()
            about = f"{pixels.dtype} {pixels.shape}".encode()
            found[name] = hashlib.sha256(about + np.ascontiguousarray(pixels).tobytes()).hexdigest()
    return found


# ---- files ---------------------------------------------------------------------------------------------------------


def _files(folder: Path) -> dict[str, Path]:
    """All files by name, but for what lies under temporary names."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder): path for path in paths}
    return {n.as_posix(): path for n, path in names.items() if not any(map(TEMPORARY.match, n.parts))}


def _leftovers(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if TEMPORARY.match(path.name)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(path: Path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _promised(folder: Path, manifest: dict) -> Iterator[str]:
    """The files of the manifest, all of them and no others; hashes are looked at with the wholeness of files."""
    listed = set(manifest.get("outputs", {}))
    there = {name for name in _files(folder) if name not in UNLISTED and name.split("/")[0] not in APART}
    yield from (f"{name}: promised by the manifest, but not there" for name in sorted(listed - there))
    yield from (f"{name}: there, but not in the manifest" for name in sorted(there - listed))
    if not listed:
        yield "manifest.json: promises no file"


def _tiff(path: Path) -> None:
    """Every block of every band and overview is there, is unpacked, and is read."""
    with rasterio.open(path) as file:
        deflated, levels = file.compression is not None, [None, *range(len(file.overviews(1)))]
        if deflated and file.compression.name != "deflate":
            raise ValueError(f"compressed by {file.compression.name}, expected deflate")
    for level in levels:
        with rasterio.open(path, **({} if level is None else {"overview_level": level})) as shown:
            blocks = [
                (band, place, window) for band in shown.indexes for place, window in shown.block_windows(band)
            ]
            for band, _, window in blocks:
                shown.read(band, window=window)
        with rasterio.open(path) as file:
            places = [_place(file, band, place, level) for band, place, _ in blocks]
        _unpack(path, places, deflated)


def _place(file, band: int, place: tuple[int, int], level: int | None) -> tuple[int, int]:
    """Offset and length of a block; none of one that was never written, which reads as nodata without a word."""
    names = [f"BLOCK_{what}_{place[1]}_{place[0]}" for what in ("OFFSET", "SIZE")]
    found = [file.get_tag_item(name, "TIFF", bidx=band, ovr=level) for name in names]
    if None in found:
        raise ValueError(f"block {place} of band {band} is not in the file")
    return int(found[0]), int(found[1])


def _unpack(path: Path, places: list[tuple[int, int]], deflated: bool) -> None:
    """GDAL does not always look at the checksum of a block, zlib does."""
    content = path.read_bytes()
    # Cloud-optimised files repeat the last four bytes of each block behind it.
    after = 4 if b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED" in content[:1000] else 0
    for offset, length in places:
        end = offset + length
        if end + after > len(content) or content[end : end + after] != content[end - after : end]:
            raise ValueError(f"the block at byte {offset} does not end where it should")
        if deflated:
            zlib.decompress(content[offset:end])


def _frames(path: Path) -> None:
    with Image.open(path) as image:
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            image.load()


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if bad := archive.testzip():
            raise ValueError(f"{bad} is damaged")
        if not archive.namelist():
            raise ValueError("holds nothing")


def _project(path: Path) -> None:
    _zip(path)
    with zipfile.ZipFile(path) as archive:
        if not any(name.endswith(".qgs") for name in archive.namelist()):
            raise ValueError("holds no project")


def _table(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines(keepends=True), strict=True))
    if not text.endswith("\n") or len({len(row) for row in rows}) != 1:
        raise ValueError("rows of different lengths, or the last one is not ended")


def _database(path: Path) -> None:
    # Read as bytes: sqlite would leave files of its own beside a database that it opens.
    base = sqlite3.connect(":memory:")
    try:
        base.deserialize(path.read_bytes())
        (answer,) = base.execute("pragma quick_check(1)").fetchone()
    finally:
        base.close()
    if answer != "ok":
        raise ValueError(answer)


def _page(path: Path) -> None:
    if not path.read_text(encoding="utf-8").rstrip().endswith("</html>"):
        raise ValueError("the page has no end")


def _not_empty(path: Path) -> None:
    if not path.stat().st_size:
        raise ValueError("empty")


_READERS = {
    ".tif": _tiff,
    ".gif": _frames,
    ".png": _frames,
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".csv": _table,
    ".npz": _zip,
    ".qgz": _project,
    ".gpkg": _database,
    ".html": _page,
}


def _store(path: Path) -> list[str]:
    """Every chunk of every array is read."""
    try:
        group = zarr.open_group(path, mode="r", zarr_format=2)
        arrays = list(group.arrays())
    except Exception as error:
        return [f"maps.zarr: not whole ({type(error).__name__}: {error})"]
    complaints = [] if arrays else ["maps.zarr: holds no array"]
    for name, array in arrays:
        try:
            array[...]
        except Exception as error:
            complaints.append(f"maps.zarr/{name}: not whole ({type(error).__name__}: {error})")
    return complaints


# ---- maps ----------------------------------------------------------------------------------------------------------


def _maps(folder: Path, manifest: dict) -> Iterator[str]:
    """One grid, one type, one mask; names, tags and bands that agree; a map of each model and year; sane values."""
    unit = manifest["settings"]["units"]
    mapped = manifest.get("pixels", {}).get("mapped")
    first, mask, stocks = None, None, {}
    for path in sorted((folder / "maps").glob("*.tif")):
        name = f"maps/{path.name}"
        try:
            with rasterio.open(path) as file:
                form = _form(file)
                said = {key.removeprefix("POML_MAP_"): value for key, value in file.tags().items()}
                band, values = (file.units[0], file.descriptions[0]), file.read(1, masked=True)
        except Exception:
            continue  # is not whole, and was named as such
        values = np.asarray(values.astype(float).filled(np.nan))
        first, mask = first or (name, form), np.isfinite(values) if mask is None else mask
        yield from _same_form(name, form, first)
        if not np.array_equal(np.isfinite(values), mask):
            yield f"{name}: values at other pixels than {first[0]}"
        if mapped is not None and np.isfinite(values).sum() != mapped:
            yield f"{name}: {np.isfinite(values).sum()} values, the manifest says {mapped}"
        yield from _said(name, path.stem, said, band, manifest)
        yield from _sane(name, values, said, unit)
        if path.stem.startswith("SOCS_") and re.fullmatch(r"[A-Z]+", said.get("MODEL", "")):
            stocks[said["MODEL"], int(said["YEAR"])] = values
    yield from _all_there(stocks, manifest)
    yield from _like_the_store(folder / "maps.zarr", stocks, LABELS[unit][1])


def _form(file) -> dict:
    names = ("crs", "transform", "width", "height", "count", "dtype", "nodata")
    return {name: file.profile[name] for name in names}


def _same_form(name: str, form: dict, first: tuple[str, dict]) -> Iterator[str]:
    for key, value in form.items():
        if value != first[1][key]:
            yield f"{name}: {key} {value}, that of {first[0]} is {first[1][key]}"


def _said(name: str, stem: str, said: dict, band: tuple, manifest: dict) -> Iterator[str]:
    """Name, tags, band and manifest say the same of unit, year, model, region and input."""
    found = re.fullmatch(r"(?:SOCS_)?(.+?)(?:_(\d{4}))?_(\d{4})", stem)
    if not found:
        yield f"{name}: a name without model and year"
        return
    model, first_year, year = found.groups()
    if not stem.startswith(("SOCS_", "CHANGE_", "RATE_")):
        model = model.removesuffix("_PO")  # pools and CO2, of the only model that has them
    meant = {
        "MODEL": model,
        "YEAR": year,
        "FIRST_YEAR": first_year,
        "REGION": manifest.get("region"),
        "INPUT_DIGEST": manifest.get("input_digest"),
    }
    for key, value in meant.items():
        if said.get(key) != value:
            yield f"{name}: tag {key} is {said.get(key)}, expected {value}"
    if not str(said.get("TIFFTAG_DATETIME", "")).startswith(year) or year not in (band[1] or ""):
        yield f"{name}: date or band of another year than {year}"
    label = LABELS[manifest["settings"]["units"]][0]
    if said.get("QUANTITY") in ("stock", "change") and said.get("UNIT") != label:
        yield f"{name}: unit {said.get('UNIT')}, expected {label}"
    if said.get("UNIT") and band[0] != said["UNIT"].replace(" C ", " "):
        yield f"{name}: the band is in {band[0]}, the file in {said['UNIT']}"


def _sane(name: str, values: np.ndarray, said: dict, unit: str) -> Iterator[str]:
    held = values[np.isfinite(values)]
    if not held.size:
        yield f"{name}: no value at all"
        return
    most = MOST_CARBON * LABELS[unit][1]
    least = 0.0 if said.get("QUANTITY") == "stock" else -most
    if held.min() < least or held.max() > most:
        yield f"{name}: values from {held.min():g} to {held.max():g}, expected {least:g} to {most:g}"


def _all_there(stocks: dict, manifest: dict) -> Iterator[str]:
    """A map of each model in each mapped year."""
    wanted = {(model, year) for model in ("POML", "ML", "PO") for year in _years(manifest)}
    yield from (f"maps: no map of {model} in {year}" for model, year in sorted(wanted - set(stocks)))


def _years(manifest: dict) -> range:
    first, last = manifest.get("mapped_years") or manifest["settings"]["years"]
    return range(first, last + 1)


def _like_the_store(path: Path, stocks: dict, factor: float) -> Iterator[str]:
    """Maps hold the values of the store, in the unit of the region, as float32."""
    if not path.exists() or _store(path):
        return
    group = zarr.open_group(path, mode="r", zarr_format=2)
    years = [int(year) for year in group["year"][...]]
    for (model, year), values in stocks.items():
        if model in group and year in years:
            stored = group[model][years.index(year)].astype(float) * factor
            if not np.allclose(values, stored, rtol=3e-7, atol=0, equal_nan=True):
                yield f"maps/SOCS_{model}_{year}.tif: other values than maps.zarr"
