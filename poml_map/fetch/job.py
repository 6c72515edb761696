"""One local file that is wanted, and the names under which the cache knows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poml_map.catalog import Source
from poml_map.fetch.address import file_name
from poml_map.fetch.cache import key_of
from poml_map.fetch.place import Place

# Raised when cuts are made otherwise than before, so that older ones of the cache are not used.
_VERSION = 2
# Of these some tiles may be missing: whether that is refused, and what is told of it, depends on the mapped area.
_MAY_LACK = ("vrt", "tiles", "archives")


@dataclass(frozen=True)
class Job:
    """One local file that is wanted.

    Attributes
    ----------
    source : Source
        With a `fetch:` block.
    file : tuple
        Variable, year, month, and half of the month if it has two files: as `Source.files` gives them.
    place : Place or None
        None where no part of a region is cut: whole files.
    """

    source: Source
    file: tuple
    place: Place | None

    @property
    def path(self) -> Path:
        """Where it goes."""
        return self.source.path(*self.file)

    @property
    def shown(self) -> str:
        """The same, as the user would write it."""
        return self.source.shown(*self.file)

    @property
    def whole(self) -> bool:
        """Whether the file is brought as it is."""
        return self.source.entry.fetch.whole or self.source.entry.driver not in ("raster", "netcdf")

    def address(self, tile: str = "") -> str:
        """Where it is on the server."""
        return self.source.address(*self.file, tile=tile)

    @property
    def member(self) -> str:
        """What it is called in its archive, where it lies in one by name."""
        return self.source.member(*self.file)

    def sha256(self, address: str) -> str:
        """Checksum of a file as the catalog states it; empty if it does not."""
        return self.source.entry.fetch.sha256.get(file_name(address), "")

    @property
    def key(self) -> str:
        """Names the file with all that it depends on."""
        address = self.address("{tile}")
        if self.whole:
            return key_of({"whole": address})
        entry = self.source.entry
        facts = {
            "version": _VERSION, "address": address, "layout": entry.fetch.layout, "driver": entry.driver,
            "variables": entry.variables or entry.variable, "crs": entry.crs, "nodata": entry.nodata,
            "missing": entry.fetch.missing, "tiles": str(entry.fetch.tiles), "derive": bool(entry.derive),
            "sha256": sorted(entry.fetch.sha256.items()), "place": self.place.facts,
        }  # fmt: skip
        if entry.fetch.layout == "members":
            facts["member"] = self.member
        if entry.fetch.layout in _MAY_LACK:
            facts["outline"] = self.place.outline
        return key_of(facts)

    @property
    def kind(self) -> str:
        """What its server's files are, as `content.check_head` names it."""
        entry = self.source.entry
        return {"archives": "archive", "members": "zip"}.get(entry.fetch.layout, entry.driver)
