"""`poml-map init`: from samples and polygons to region.yaml and data_catalog.yaml."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from poml_map.errors import InputError, Problem
from poml_map.files import resource_error, write_text_atomic
from poml_map.init import entries
from poml_map.init.area import Polygons, read_polygons
from poml_map.init.depth import find_depth
from poml_map.init.measured import find_measured
from poml_map.init.notes import Notes
from poml_map.init.places import find_places
from poml_map.init.region import Found, region_text
from poml_map.init.sampled import find_site, find_when
from poml_map.init.table import open_table

REGION, CATALOG = "region.yaml", "data_catalog.yaml"


def init_region(
    samples: Path, area: Path | None, out: Path, *, years: tuple[int, int] | None = None
) -> list[str]:
    """Write a commented region.yaml and data_catalog.yaml for samples and an area.

    Parameters
    ----------
    samples : Path
        A text table, or a vector file of points. It stays where it is.
    area : Path, optional
        A vector file of polygons; without it the area is a box around the samples. It stays where it is.
    out : Path
        Folder to write to; made if it is not there.
    years : tuple of 2 int, optional
        First and last year to map; from the samples if not given.

    Returns
    -------
    list of str
        Lines to print: the two files, what is missing, what was assumed, and the commands that come next.

    Raises
    ------
    InputError
        If a file is there already, or the samples or the polygons cannot be read, or no sample lies in the polygons.
    ResourceError
        If the folder cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder) / "samples.csv"
    ...     _ = table.write_text("site,lon,lat,year,soc_g_kg\\na,119,30,1980,20\\na,119,30,2000,22\\n")
    ...     lines = init_region(table, None, Path(folder) / "my-region")
    ...     sorted(path.name for path in (Path(folder) / "my-region").iterdir())
    ['data_catalog.yaml', 'region.yaml']
    """
    samples, out = Path(samples), Path(out)
    _refuse_present(out)
    notes = Notes()
    table = open_table(samples)
    polygons = read_polygons(Path(area)) if area is not None else None
    places = find_places(table, polygons)
    which = _inside(table, places, polygons)
    if polygons is not None and which is not None:
        polygons = polygons.with_samples(which)
    when = find_when(table, notes)
    site, sites = find_site(table, places, when, notes)
    found = Found(
        table=table, polygons=polygons, places=places, which=which, when=when, site=site, sites=sites,
        measured=find_measured(table, notes), depth=find_depth(table), asked=years, name=_region_name(out),
        command=_command(samples, area, out, years),
    )  # fmt: skip
    text = region_text(found, _from_out(samples, out), _roots(out, samples, area), notes)
    own = (polygons.entry_name, _from_out(area, out), polygons) if polygons else None
    catalog = entries.entries_text(found.sources, own)
    _write(out, text, catalog)
    return [str(out / REGION), str(out / CATALOG), "", *notes.lines(), *_next(out, notes)]


def _refuse_present(out: Path) -> None:
    present = [str(out / name) for name in (REGION, CATALOG) if os.path.lexists(out / name)]
    if out.exists() and not out.is_dir():
        raise InputError(Problem(str(out), "", "a file", "a folder", "Name another one with --out."))
    mend = "Nothing is written over: name another folder with --out, or remove it."
    if present:
        raise InputError(
            [Problem(path, "", "a file that is there already", "none", mend) for path in present]
        )


def _inside(table, places, polygons: Polygons | None) -> np.ndarray | None:
    """Which polygon holds each sample; None without polygons or positions."""
    if not places.crs:
        return None
    known = np.isfinite(places.lon) & np.isfinite(places.lat)
    if not known.any():
        raise InputError(Problem(table.shown, "coordinates", "none in any row", "positions of the samples"))
    if polygons is None:
        return None
    which = polygons.which(places.lon, places.lat)
    if (which < 0).all():
        west, south, east, north = polygons.bounds
        lon, lat = float(np.nanmean(places.lon)), float(np.nanmean(places.lat))
        found = f"all {len(which)} samples outside the polygons (their middle is at {lon:.3f} E, {lat:.3f} N)"
        expected = f"samples within {west:.3f}-{east:.3f} E, {south:.3f}-{north:.3f} N of {polygons.shown}"
        mend = f"Check the coordinates ({places.why}) and the polygons.".replace(".)", ")")
        raise InputError(Problem(table.shown, "coordinates", found, expected, mend))
    return which


def _region_name(out: Path) -> str:
    """A name that region files accept, from that of the folder."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", out.resolve().name).strip("-_")[:60]
    return plain or "region"


def _from_out(path: Path, out: Path) -> str:
    """A file as region.yaml names it: relative where it lies below the new folder or the one around it."""
    real, folder = path.resolve(), out.resolve()
    if real.is_relative_to(folder.parent):
        return Path(os.path.relpath(real, folder)).as_posix()
    return real.as_posix()


def _roots(out: Path, *paths: Path | None) -> list[str]:
    """Folders outside `out` that files of the user lie in."""
    folders = [path.resolve().parent for path in paths if path is not None]
    outside = [each for each in folders if not each.is_relative_to(out.resolve())]
    return list(dict.fromkeys(_from_out(each, out) for each in outside))


def _command(samples: Path, area: Path | None, out: Path, years: tuple[int, int] | None) -> str:
    parts = ["poml-map init", _shell(samples)]
    parts += [f"--area {_shell(area)}"] if area else []
    parts += [f"--years {years[0]}-{years[1]}"] if years else []
    return " ".join([*parts, f"--out {_shell(out)}"])


def _shell(path: Path) -> str:
    text = str(path)
    return text if re.fullmatch(r"[\w./-]+", text) else f"'{text}'"


def _write(out: Path, region: str, catalog: str) -> None:
    """The catalog first, so that a region file never stands alone."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise resource_error(out, error) from error
    written = write_text_atomic(out / CATALOG, catalog)
    try:
        write_text_atomic(out / REGION, region)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def _next(out: Path, notes: Notes) -> list[str]:
    file = _shell(out / REGION)
    lines = ["", "Next:"]
    if notes.missing:
        lines += [f"  write what is MISSING into {file}"]
    return [
        *lines,
        f"  poml-map check {file}    (what is still wrong, all at once)",
        f"  poml-map fetch {file}    (brings open sources; check prints the steps for the others)",
        f"  poml-map check {file}    (time, memory and disk of a run)",
        f"  poml-map run {file} --out {_shell(out.parent / (out.name + '-run'))}",
    ]
