"""How much a file may ask for before it is read: every number that a stranger's header is held against.

A header is a claim. A file of 5 MB can name a block of 150 GiB, and a library that believes it takes the memory first.
The numbers leave room for any map that a run can use; `docs/security.md` lists them.
"""

from __future__ import annotations

#: One block, tile, strip or chunk once it is decoded, all bands that are stored together. [bytes]
MOST_BLOCK = 512 * 2**20
#: A coordinate axis of a NetCDF or Zarr file. [cells]
MOST_CELLS = 4_000_000
#: Its time axis. [steps]
MOST_STEPS = 100_000
#: One side of the grid that is mapped. [pixels]
MOST_SIDE = 1_000_000
#: A vector file. [bytes]
MOST_VECTOR = 2**30
#: A vector file in GeoJSON, which takes many times its size while it is parsed. [bytes]
MOST_GEOJSON = 256 * 2**20
#: A text table: that of a country over decades has some megabytes, a raster given by mistake more than this. [bytes]
MOST_TABLE = 256 * 2**20
#: Everything in a model file once it is decoded. [bytes]
MOST_MODEL = 4 * 2**30
#: The description of a Zarr array. [bytes]
MOST_JSON = 16 * 2**20


def size_text(size: float) -> str:
    """A number of bytes for people.

    Examples
    --------
    >>> size_text(150 * 2**30), size_text(5 * 2**20)
    ('150 GiB', '5 MiB')
    """
    unit = "KiB"
    for larger in ("MiB", "GiB", "TiB", "PiB"):
        if size < 2**20:
            break
        size, unit = size / 1024, larger
    return f"{size / 1024:.3g} {unit}"
