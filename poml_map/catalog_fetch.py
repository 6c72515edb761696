"""Where an entry of the catalog lies on a server and how its part of a region is taken there: the block `fetch:`.

`poml-map fetch` writes what it brings to the entry's `uri:`, so that a run reads local files and nothing else.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from poml_map.yamlmodel import Settings

#: How a source is laid out on its server.
Layout = Literal["file", "vrt", "tiles", "archives", "members"]

_SPAN = re.compile(r"(\d{4})(?:[_-](\d{4}))?")


class TileGrid(Settings):
    """Square tiles of longitude and latitude, named by a corner.

    Examples
    --------
    >>> TileGrid(degrees=3, name="{NS}{lat:02}{EW}{lon:03}").called(118.5, 30.9)
    'N30E117'
    """

    degrees: float = Field(
        gt=0, le=90, description="side of a tile in degrees, above 0 to 90", examples=["3"]
    )
    name: str = Field(
        description="the tile's name, of {NS} {ns} {lat} {EW} {ew} {lon}",
        examples=['"{NS}{lat:02}{EW}{lon:03}"'],
    )
    corner: Literal["lower_left", "upper_left"] = Field("lower_left", description="lower_left or upper_left")

    def called(self, lon: float, lat: float) -> str:
        """Name of the tile that holds a place. [degrees]"""
        west = int(lon // self.degrees * self.degrees)
        south = int(lat // self.degrees * self.degrees)
        named = south if self.corner == "lower_left" else int(south + self.degrees)
        north, east = named >= 0, west >= 0
        words = {"NS": "N" if north else "S", "EW": "E" if east else "W"}
        lower = {"ns": words["NS"].lower(), "ew": words["EW"].lower()}
        return self.name.format(**words, **lower, lat=abs(named), lon=abs(west))


class Fetch(Settings):
    """How the files of an entry are brought from a server."""

    url: str = Field(
        description="an address that begins with https:// or http://, with the fields of the uri, {tile} and {span}",
        examples=["https://example.org/ppt_{year}.nc"],
    )
    layout: Layout = Field("file", description="file, vrt, tiles, archives or members")
    names: dict[str, str] = Field(
        {}, description="what {variable} is called in the address", examples=["{d0_5: 0-5cm}"]
    )
    tiles: TileGrid | None = Field(None, description="`degrees:` and `name:` below it")
    missing: Literal["refuse", "nodata"] = Field(
        "refuse", description="refuse or nodata: what a tile means that the server does not have"
    )
    member: str = Field(
        "",
        description="the file's name in the zip archive, with the fields of the uri",
        examples=['"ndvi_{year}{month}.tif"'],
    )
    spans: list[str] = Field(
        [],
        description="first and last year of each archive, as {span} of the address has them",
        examples=['["1982_1990", "1991_2000"]'],
    )
    whole: bool = Field(False, description="true to bring files as they are, not the region's part")
    sha256: dict[str, str] = Field(
        {}, description="file name: its checksum as published", examples=['{ppt_1980.nc: "9f86d0..."}']
    )

    def span_of(self, year: int | None) -> str:
        """The one of `spans` that holds a year; empty if there is none.

        Examples
        --------
        >>> Fetch(url="https://example.org/{span}.zip", spans=["1982_1990", "1991_2000"]).span_of(1990)
        '1982_1990'
        """
        return next((span for span in self.spans if year is not None and _holds(span, year)), "")


def span_years(span: str) -> tuple[int, int] | None:
    """First and last year that a span names; None if it names none.

    Examples
    --------
    >>> span_years("1982_1990"), span_years("2023"), span_years("the nineties")
    ((1982, 1990), (2023, 2023), None)
    """
    match = _SPAN.fullmatch(span)
    return (int(match[1]), int(match[2] or match[1])) if match else None


def _holds(span: str, year: int) -> bool:
    first, last = span_years(span) or (1, 0)
    return first <= year <= last
