"""From a finished run folder to `qgis/`: the project, its styles and its notes."""

from __future__ import annotations

import csv
import io
import textwrap
import zipfile
from pathlib import Path

import pyproj
import rasterio

from poml_map.errors import InputError, Problem
from poml_map.files import write_bytes_atomic, write_text_atomic
from poml_map.products.qgis.layers import style_element
from poml_map.products.qgis.project import About, project_element
from poml_map.products.qgis.styles import styles
from poml_map.products.qgis.tree import Layer, map_groups, vector_layers, veils, with_note
from poml_map.products.qgis.vector import NOTE_BREAK
from poml_map.products.qgis.xml import document
from poml_map.products.runfolder import RunFolder

_NOTES = "notes.csv"
# Letters of a line of the notes: QGIS puts a label that is wider than the map of a print layout into its middle.
_NOTE_LETTERS = 64
# A zip file keeps times from 1980; that of writing would make two equal projects differ.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def write_qgis(run: str | Path) -> list[Path]:
    """Write the QGIS project of a finished run, and style files for projects of one's own.

    Parameters
    ----------
    run : str or Path
        Folder that `poml-map run` has finished: `manifest.json` and `maps/`, and what it has of `samples.gpkg` and
        `zones.gpkg`. Layers are found from `qgis/` by relative paths: the folder can be moved as a whole.

    Returns
    -------
    list of Path
        `qgis/region.qgz`; `qgis/styles/stock.qml`, one for each kind of layer; `qgis/notes.csv` where something must
        not be overlooked, such as synthetic data: QGIS draws it on every map of the project.

    Raises
    ------
    InputError
        If there is no manifest or no annual map.
    ResourceError
        If a file cannot be written whole.

    Examples
    --------
    >>> write_qgis("run")  # doctest: +SKIP
    [PosixPath('run/qgis/region.qgz'), PosixPath('run/qgis/notes.csv'), PosixPath('run/qgis/styles/stock.qml'), ...]
    """
    found = RunFolder.open(run)
    folder, key = found.path / "qgis", str(found.manifest.get("input_digest") or "no_digest")
    (folder / "styles").mkdir(parents=True, exist_ok=True)
    about, notes = _about(found), [str(note) for note in found.manifest.get("notes", [])]
    looks, groups, above = styles(found.maps), map_groups(found.maps, key), vector_layers(found.path, key)
    if found.caution:
        groups = [with_note(group, "ML", found.caution) for group in groups]
    kinds = [*looks, *(layer.style for layer in above)]
    above += veils(found.maps, key)
    if notes:
        text = "What must not be overlooked, drawn on every map"
        above.insert(0, Layer(f"notes_{key}", "Notes", text, f"./{_NOTES}", "notes", "Polygon"))
    texts = {f"styles/{kind}.qml": document(style_element(kind, looks)) for kind in kinds}
    if notes:
        texts = {_NOTES: _notes_table(about, notes), **texts}
    project = document(project_element(about, above, groups, looks))
    written = [write_text_atomic(folder / name, text) for name, text in texts.items()]
    # Last: who sees it finds all that it needs.
    written.insert(0, write_bytes_atomic(folder / "region.qgz", _zipped("region.qgs", project)))
    for old in {folder / _NOTES, *folder.glob("styles/*.qml")} - set(written):
        old.unlink(missing_ok=True)
    return written


def _about(run: RunFolder) -> About:
    settings, notes = run.settings, [str(note) for note in run.manifest.get("notes", [])]
    with rasterio.open(run.maps[0].path) as file:
        if file.crs is None:
            raise InputError(Problem(str(run.maps[0].path), "", "no CRS", "a CRS", "Run the region again."))
        crs, bounds = pyproj.CRS.from_wkt(file.crs.to_wkt()), tuple(file.bounds)
    depth = f"0–{settings['depth_cm']:g} cm" if "depth_cm" in settings else ""
    what = ", ".join(part for part in ("soil organic carbon stock", depth, run.label) if part)
    about = [f"{run.title}: {what}, annual maps {run.years[0]} to {run.years[-1]}.", *notes,
             *([run.caution] if run.caution else []),
             *(f"{fill.get('column')}: {fill.get('rule')}" for fill in run.manifest.get("fills", [])),
             f"Input digest {run.manifest.get('input_digest', 'unknown')}."]  # fmt: skip
    software = f"poml_map {run.manifest.get('versions', {}).get('poml_map', '')}".strip()
    made = str(run.manifest.get("made", ""))[:19]
    title = " – ".join([f"{run.title}: {what}", *notes])
    years = (run.years[0], run.years[-1])
    n_lines = len(_broken(notes))
    return About(title, run.title, "\n".join(about), software, made, years, bounds, crs, n_lines)


def _broken(notes: list[str]) -> list[str]:
    return [line for note in notes for line in textwrap.wrap(note.replace(NOTE_BREAK, "/"), _NOTE_LETTERS)]


def _zipped(name: str, text: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        info = zipfile.ZipInfo(name, _ZIP_TIME)
        info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
        file.writestr(info, text.encode("utf-8"))
    return data.getvalue()


def _notes_table(about: About, notes: list[str]) -> str:
    """One row: the outline of the maps in their CRS, and the notes, broken into lines as the label expects."""
    left, bottom, right, top = (repr(float(number)) for number in about.bounds)
    ring = ", ".join(f"{x} {y}" for x, y in (
        (left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)))  # fmt: skip
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerows([["WKT", "notes"], [f"POLYGON (({ring}))", NOTE_BREAK.join(_broken(notes))]])
    return table.getvalue()
