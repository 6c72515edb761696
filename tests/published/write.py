"""Writes small files of all published entries, so that a server over the folder is a mirror of the published ones."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from poml_map.catalog import Source, load_catalog
from tests.published.makers import MAKERS
from tests.published.rasters import Bounds

CATALOG = Path(__file__).parents[2] / "data_catalog.yaml"


@cache
def published_sources(catalog: Path = CATALOG) -> dict[str, Source]:
    """Entries of the catalog that are published data, not the demo's."""
    sources = load_catalog(catalog, catalog.name, [])
    return {name: source for name, source in sources.items() if source.entry.structure}


def write_published(
    folder: Path, bounds: Bounds, years: Iterable[int], entries: Iterable[str] | None = None
) -> list[str]:
    """Write ``folder/HOST/PATH`` of each address, and ``folder/by_hand/URI`` of entries without one. All synthetic.

    Parameters
    ----------
    folder : Path
    bounds : tuple of 4 float
        West, south, east, north of the region. [degree]
    years : iterable of int
        Those that an entry has not are left out.
    entries : iterable of str, optional
        Otherwise all.

    Returns
    -------
    list of str
        Names of the entries, in the order of the catalog.
    """
    sources, years, done = published_sources(), list(years), []
    for name in sources if entries is None else entries:
        if name != "worldcover_land_use" or "worldcover_cropland" not in done:  # the same files
            MAKERS[name](Path(folder), sources[name], bounds, years)
        done.append(name)
    return done
