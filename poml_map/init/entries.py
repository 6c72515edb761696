"""data_catalog.yaml of a new region: blocks of the packaged catalog with their comments, and the user's polygons."""

from __future__ import annotations

import re

from poml_map.demo.write import catalog_text
from poml_map.init.area import Polygons
from poml_map.init.keys import Key, quoted

#: Published sources that every new region begins with.
DEFAULTS = (
    "copernicus_dem_90m", "terraclimate_tmp", "terraclimate_ppt", "terraclimate_pet", "pku_gimms_ndvi",
    "soilgrids_clay", "soilgrids_bulk_density", "soilgrids_coarse_fragments", "worldcover_cropland",
)  # fmt: skip
CLIMATE, NDVI, MASK = "terraclimate_tmp", "pku_gimms_ndvi", "worldcover_cropland"
DENSITY = ("soilgrids_bulk_density", "soilgrids_coarse_fragments")

_HEAD = """\
# Where each source lies, how it is packed, what its unit is and what it is for; written by `poml-map init`.
# Entries of published sources are copies of those that come with the program, which has more: docs/sources.md.
# `poml-map fetch` brings what servers give openly to the files named in `uri:`; `poml-map check` prints the steps
# for the rest. An entry is used when `sources:` of region.yaml names it.
version: 1
root: .                           # the uris start in this file's folder
sources:
"""
_ENTRY = re.compile(r"  ([A-Za-z0-9_]+):\s*(#.*)?")


def blocks() -> dict[str, str]:
    """The text of each entry of the packaged catalog, with the comment right above it.

    Examples
    --------
    >>> blocks()["terraclimate_ppt"].splitlines()[0]
    '  terraclimate_ppt:'
    """
    found: dict[str, list[str]] = {}
    name, before = "", []
    for line in catalog_text().splitlines():
        entry = _ENTRY.fullmatch(line)
        if entry:
            name = entry[1]
            found[name], before = [*before, line], []
        elif line.startswith("  #"):
            before, name = [*before, line], ""
        elif name and line.strip():
            found[name].append(line)
        else:
            before, name = [], ""
    return {name: "\n".join(lines) + "\n" for name, lines in found.items()}


def years_of(name: str) -> tuple[int, int]:
    """The years that an entry of the packaged catalog declares."""
    first, last = re.search(r"years: \[(\d+), (\d+)\]", blocks()[name]).groups()
    return int(first), int(last)


def entries_text(names: list[str], polygons: tuple[str, str, Polygons] | None) -> str:
    """The text of data_catalog.yaml.

    Parameters
    ----------
    names : list of str
        Entries that are copied.
    polygons : (str, str, Polygons), optional
        Name of the user's entry, its uri as the new folder sees it, and the polygons.
    """
    text = blocks()
    parts = [text[name] for name in names]
    if polygons:
        parts.append(_own(*polygons))
    return _HEAD + "\n" + "\n".join(parts)


def _own(name: str, uri: str, polygons: Polygons) -> str:
    key, of_name = polygons.key, polygons.name
    keys = [
        Key("driver", "vector"),
        Key("role", "zones"),
        Key("uri", quoted(uri.replace("{", "{{").replace("}", "}}"))),
        Key("key", quoted(key) if key else "MISSING", "The column with another text in every polygon."),
    ]
    keys += [Key("name", quoted(of_name), "The column with what people call it.")] if of_name else []
    lines = [line for each in keys for line in each.lines(4)]
    return "\n".join([f"  # Your polygons, {polygons.count} of them.", f"  {name}:", *lines]) + "\n"
