"""Which maps a finished run holds, as their own tags say: what projects, catalogs and pages are made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import rasterio

from poml_map.products.geotiff import TAG_PREFIX
from poml_map.schema import MAP_GROUPS, map_group


@dataclass(frozen=True)
class MadeMap:
    """One GeoTIFF of a run.

    Attributes
    ----------
    path : Path
    layer : str
        ``POML``, ``ML``, ``PO``; ``POML_q05`` ...; ``BIO`` ...; ``CHANGE_POML``, ``RATE_POML``, ``CHANGE_POML_q05``,
        ``CHANGE_POML_sd``, ``CHANGE_POML_class``, likewise ``CHANGE_ML`` ...
    group : str
        See `poml_map.schema.map_group`.
    years : (int, int)
        First and last year that it speaks of; the same for the map of a year.
    unit : str
        As people write it, such as ``kg C m-2``; "1" for a map without one.
    text : str
        What it is, in a sentence.
    tags : dict of str -> str
        The project's own, without their prefix.
    """

    path: Path
    layer: str
    group: str
    years: tuple[int, int]
    unit: str
    text: str
    tags: dict[str, str]


def made_maps(run: str | Path) -> list[MadeMap]:
    """The maps of a run folder, by group, layer and year.

    Parameters
    ----------
    run : str or Path
        Folder that holds `maps/`.

    Returns
    -------
    list of MadeMap
        In the order of `poml_map.schema.MAP_GROUPS`, then as layers sort, then by year. Files that are not of this
        program are left out.
    """
    found = [read for path in (Path(run) / "maps").glob("*.tif") if (read := _read(path)) is not None]
    groups = list(MAP_GROUPS)
    return sorted(found, key=lambda made: (groups.index(made.group), made.layer, made.years))


def _read(path: Path) -> MadeMap | None:
    with rasterio.open(path) as file:
        every = file.tags()
    own = {name.removeprefix(TAG_PREFIX): text for name, text in every.items() if name.startswith(TAG_PREFIX)}
    if "MODEL" not in own:
        return None
    first = int(own.get("FIRST_YEAR") or own["YEAR"])
    return MadeMap(
        path,
        own["MODEL"],
        map_group(own["MODEL"]),
        (first, int(own["YEAR"])),
        own["UNIT"],
        every.get("TIFFTAG_IMAGEDESCRIPTION", ""),
        own,
    )
