"""One map of many runs, without copying a pixel: GDAL's virtual rasters (VRT), which QGIS opens like any map."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import rasterio
from rasterio.crs import CRS
from rasterio.errors import RasterioError

from poml_map.files import resource_error, write_text_atomic
from poml_map.schema import MODELS

# Share of a pixel by which two grids may be apart through rounding.
_ROUNDING = 1e-4
# What maps say of their whole run, and the map of all must say as well.
_TAGS = tuple(
    f"POML_MAP_{name}" for name in ("SYNTHETIC", "STAND_IN", "ASSUMED", "MODEL_OF_REGION", "DEPTH_CM", "UNIT")
)
# Stock and change of a model, by their names: to open each of some hundred maps of a thousand runs takes long.
_NAMES = re.compile(
    rf"SOCS_({'|'.join(MODELS)})_\d{{4}}\.tif|CHANGE_({'|'.join(MODELS)})_\d{{4}}_\d{{4}}\.tif"
)


@dataclass(frozen=True)
class _Run:
    folder: Path
    names: tuple[str, ...]
    crs: CRS
    corner: tuple[float, float]
    pixel: tuple[float, float]
    shape: tuple[int, int]
    dtype: str
    unit: str
    nodata: float
    tags: dict[str, str]

    @classmethod
    def open(cls, folder: Path) -> _Run | None:
        """None if there is no map that can be read."""
        paths = sorted(path for path in (folder / "maps").glob("*.tif") if _NAMES.fullmatch(path.name))
        try:
            with rasterio.open(paths[0]) as file:
                a, _, c, _, e, f = tuple(file.transform)[:6]
                names = tuple(path.name for path in paths)
                corner, pixel, unit = (c, f), (a, e), file.units[0] or ""
                tags = {name: text for name, text in file.tags().items() if name in _TAGS}
                return cls(
                    folder,
                    names,
                    file.crs,
                    corner,
                    pixel,
                    file.shape,
                    file.dtypes[0],
                    unit,
                    file.nodata,
                    tags,
                )
        except (IndexError, RasterioError):
            return None


def write_mosaics(runs: Sequence[Path], folder: Path) -> tuple[list[Path], str]:
    """Write a virtual raster of each stock map and each change that all runs have.

    Parameters
    ----------
    runs : sequence of Path
        Folders of finished runs.
    folder : Path
        Where the virtual rasters go; they name the maps relative to it, so that all can be moved together.

    Returns
    -------
    paths : list of Path
        Of the virtual rasters; empty if the runs cannot be joined.
    reason : str
        Why they cannot; empty if they can.

    Raises
    ------
    ResourceError
        If a file cannot be written.
    """
    opened = [run for path in runs if (run := _Run.open(path)) is not None]
    if len(opened) < 2:
        return [], "fewer than two regions have maps"
    reason = _reason(opened)
    names = [name for name in opened[0].names if all(name in run.names for run in opened)]
    if reason or not names:
        return [], reason or "no map of the same model and year is in all of them"
    try:
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.vrt"):
            if old.name not in names:
                old.unlink()
    except OSError as error:
        raise resource_error(folder, error) from error
    return [
        write_text_atomic(folder / Path(name).with_suffix(".vrt"), _vrt(opened, name, folder))
        for name in names
    ], ""


def _reason(runs: list[_Run]) -> str:
    first = runs[0]
    for run in runs[1:]:
        pair = f"{first.folder.name} and {run.folder.name}"
        if run.crs != first.crs:
            return f"{pair} have different CRSs"
        if run.unit != first.unit:
            return f"{pair} have different units"
        if any(abs(a - b) > _ROUNDING * abs(a) for a, b in zip(first.pixel, run.pixel, strict=True)):
            return f"the pixels of {pair} differ in size"
        for start, other, size in zip(first.corner, run.corner, first.pixel, strict=True):
            steps = (other - start) / size
            if abs(steps - round(steps)) > _ROUNDING:
                return f"the pixels of {pair} do not lie on one lattice"
    return ""


def _vrt(runs: list[_Run], name: str, folder: Path) -> str:
    first = runs[0]
    width, height = first.pixel
    places = [
        (round((run.corner[0] - first.corner[0]) / width), round((run.corner[1] - first.corner[1]) / height))
        for run in runs
    ]
    left, top = (min(place[axis] for place in places) for axis in (0, 1))
    right = max(col + run.shape[1] for (col, _), run in zip(places, runs, strict=True))
    bottom = max(row + run.shape[0] for (_, row), run in zip(places, runs, strict=True))
    root = ElementTree.Element("VRTDataset", rasterXSize=str(right - left), rasterYSize=str(bottom - top))
    ElementTree.SubElement(root, "SRS").text = first.crs.to_wkt()
    corner = (first.corner[0] + left * width, width, 0.0, first.corner[1] + top * height, 0.0, height)
    ElementTree.SubElement(root, "GeoTransform").text = ", ".join(f"{number:.17g}" for number in corner)
    metadata = ElementTree.SubElement(root, "Metadata")
    for key in _TAGS:
        said = dict.fromkeys(run.tags[key] for run in runs if key in run.tags)
        if said:
            ElementTree.SubElement(metadata, "MDI", key=key).text = "; ".join(said)
    kind = {"float32": "Float32", "float64": "Float64"}[first.dtype]
    band = ElementTree.SubElement(root, "VRTRasterBand", dataType=kind, band="1")
    ElementTree.SubElement(band, "Description").text = Path(name).stem
    ElementTree.SubElement(band, "UnitType").text = first.unit
    ElementTree.SubElement(band, "NoDataValue").text = repr(first.nodata)
    for (col, row), run in zip(places, runs, strict=True):
        rows, cols = (str(length) for length in run.shape)
        source = ElementTree.SubElement(band, "ComplexSource")  # unlike a simple one it knows what is no data
        path = Path("..") / run.folder.relative_to(folder.parent) / "maps" / name
        ElementTree.SubElement(source, "SourceFilename", relativeToVRT="1").text = path.as_posix()
        ElementTree.SubElement(source, "SourceBand").text = "1"
        ElementTree.SubElement(source, "SrcRect", xOff="0", yOff="0", xSize=cols, ySize=rows)
        target = {"xOff": str(col - left), "yOff": str(row - top)}
        ElementTree.SubElement(source, "DstRect", **target, xSize=cols, ySize=rows)
        ElementTree.SubElement(source, "NODATA").text = repr(run.nodata)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"
