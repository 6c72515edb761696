"""A run folder, or a folder `truth/`, that somebody else sent: looked at as a whole before anything is made from it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rasterio.errors import RasterioError

from poml_map.errors import InputError, Problem, Problems, RefusedFileError
from poml_map.limits import MOST_TABLE, size_text
from poml_map.paths import is_inside, leads_out
from poml_map.rasterfile import check_raster, open_raster
from poml_map.vectorcheck import check_vector

_MEND = "Ask for the folder again, as the run left it."
_TEXTS = {".csv", ".json", ".md", ".txt"}


def refuse_foreign(run: Path, names: Iterable[str] = ()) -> None:
    """Refuse a folder that leads out of itself, or whose maps and layers are not what a run writes.

    Parameters
    ----------
    run : Path
    names : iterable of str
        Files that its manifest names, if it has one.

    Raises
    ------
    InputError
        Naming every such file: a link to a place outside, a map that is no GeoTIFF, a table too large to be read.
    """
    roots = (run.resolve(),)
    problems = Problems()
    stray = leads_out(run, roots)
    if stray is not None:
        found = f"a link to {stray.resolve()}" if stray.is_symlink() else "neither a file nor a folder"
        raise InputError(Problem(str(stray), "", found, "a file inside the run folder", _MEND))
    for name in names:
        if not is_inside(run / name, roots):
            problems.add(
                str(run / "manifest.json"), "outputs", repr(name), "a file inside the run folder", _MEND
            )
    for path in sorted(run.rglob("*")):
        size = path.stat().st_size if path.suffix in _TEXTS else 0
        if size > MOST_TABLE:
            problems.add(str(path), "", size_text(size), f"at most {size_text(MOST_TABLE)}", _MEND)
    for check, pattern in ((_check_map, "*.tif"), (check_vector, "*.gpkg")):
        for path in sorted(run.rglob(pattern)):
            try:
                check(path)
            except OSError as error:
                problems.add(str(path), "", str(error), "", _MEND)
    problems.raise_if_any()


def _check_map(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(2)
    try:
        with open_raster(path) as data:
            if data.driver != "GTiff" or start not in (b"II", b"MM"):
                raise RefusedFileError(f"a file of format {data.driver}", "a GeoTIFF")
            check_raster(data, path, (path.parent.resolve(),))
    except RasterioError as error:
        raise RefusedFileError("a file that cannot be read", "a GeoTIFF") from error
