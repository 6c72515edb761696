"""What the text of an entry's block `fetch:` alone shows to be wrong, beyond the type of each key."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Callable
from urllib.parse import urlsplit

from poml_map.catalog_entry import Entry, uri_fields
from poml_map.catalog_fetch import Fetch, TileGrid, span_years

Add = Callable[..., None]

# What each layout makes of its parts. A table or polygons come as one file, as they are.
_DRIVERS = {
    "file": ("raster", "netcdf", "vector", "table"),
    "vrt": ("raster",),
    "tiles": ("raster",),
    "archives": ("raster",),
    "members": ("raster",),
}
_TILED = ("tiles", "archives")
_TILE_FIELDS = {"NS", "ns", "lat", "EW", "ew", "lon"}
# A width with zeros before it, as in N05: nothing else that str.format knows may stand behind the colon.
_WIDTH = re.compile(r"(0[1-9])?")


def check_fetch(entry: Entry, add: Add) -> None:
    """Report all problems of the block.

    Parameters
    ----------
    entry : Entry
        Without `fetch:` nothing is reported.
    add : callable
        ``add(key, found, expected, mend)``, the key with dots.
    """
    fetch = entry.fetch
    if fetch is None:
        return
    if entry.access not in (None, "open"):
        mend = "Remove `fetch:`, and say in `steps:` what to do."
        add("access", entry.access, "open: the program logs in nowhere", mend)
    if entry.driver not in _DRIVERS[fetch.layout]:
        fitting = ", ".join(_DRIVERS[fetch.layout])
        add("fetch.layout", fetch.layout, f"one for driver {entry.driver} (this is for {fitting})")
    _check_address(fetch.url, add)
    _check_fields(entry, fetch, add)
    _check_names(entry, fetch, add)
    _check_tiles(fetch, add)
    _check_members(entry, fetch, add)
    for name, digest in fetch.sha256.items():
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            add("fetch.sha256", f"{digest!r} of {name}", "64 hexadecimal digits, small letters")


def _check_address(url: str, add: Add) -> None:
    example = "For example `url: https://example.org/ppt_{year}.nc`."
    try:
        parts = urlsplit(url)
        host, user = parts.hostname, parts.username or parts.password
        _ = parts.port
    except ValueError:
        add("fetch.url", repr(url), "an address", example)
        return
    if user is not None:
        mend = "Nothing secret belongs into a catalog: bring the file by hand, and say how in `steps:`."
        add("fetch.url", "a name or password before the host", "an address that is open to all", mend)
    elif parts.scheme not in ("http", "https") or not host or "{" in parts.netloc:
        add("fetch.url", repr(url), "an address that begins with https:// or http:// and a host", example)
    elif ".." in parts.path.split("/") or re.search(r"[\s\\]", url) or parts.fragment:
        add("fetch.url", repr(url), "an address without .., blanks, backslashes and #", example)


def _check_fields(entry: Entry, fetch: Fetch, add: Add) -> None:
    fields, inside = _plain_fields(fetch.url), _plain_fields(fetch.member)
    wanted = uri_fields(entry.uri) if _plain_fields(entry.uri) is not None else set()
    wanted |= {"tile"} if fetch.layout in _TILED else set()
    wanted |= {"span"} if fetch.spans else set()
    if fields is None:
        add("fetch.url", repr(fetch.url), "braces in pairs, with names alone in them")
    elif inside is None:
        add("fetch.member", repr(fetch.member), "braces in pairs, with names alone in them")
    elif fields | inside != wanted or "span" in inside:
        named = ", ".join(sorted(f"{{{name}}}" for name in wanted)) or "no field"
        mend = "The address has the fields of `uri:`, and {tile} where the layout is tiles or archives."
        if fetch.layout == "members":
            mend = "Address and `member:` together have the fields of `uri:`, and the address {span} with `spans:`."
        add("fetch.url", repr(fetch.url), named, mend)


def _check_members(entry: Entry, fetch: Fetch, add: Add) -> None:
    if fetch.layout != "members":
        for key in ("member", "spans"):
            if getattr(fetch, key):
                add(f"fetch.{key}", f"{key} with layout {fetch.layout}", "layout members", "Remove it.")
        return
    example = "For example `member: ndvi_{year}{month}.tif`."
    if not fetch.member:
        add("fetch.member", "nothing", "the file's name in the archive, with layout members", example)
    elif re.search(r"[/\\]", fetch.member):
        add("fetch.member", repr(fetch.member), "a name without folders: they do not count", example)
    if fetch.whole:
        add(
            "fetch.whole", "true with layout members", "false: a part of each member is brought", "Remove it."
        )
    _check_spans(entry, fetch, add)


def _check_spans(entry: Entry, fetch: Fetch, add: Add) -> None:
    """The years of an entry lie in one archive each."""
    spans, example = (
        [span_years(span) for span in fetch.spans],
        'For example `spans: ["1982_1990", "1991_2000"]`.',
    )
    if not spans:
        return
    if any(span is None or span[0] > span[1] for span in spans):
        add("fetch.spans", ", ".join(fetch.spans), "FIRST_LAST years, FIRST not after LAST", example)
    elif any(one[1] >= other[0] for one, other in itertools.pairwise(spans)):
        add("fetch.spans", ", ".join(fetch.spans), "spans in order, none of which overlap", example)
    elif "{year}" not in entry.uri:
        add("fetch.spans", "spans of files without {year}", "{year} in `uri:`", "Remove `spans:`.")
    else:
        first, last = entry.years or (1, 0)
        beside = [year for year in range(first, last + 1) if not fetch.span_of(year)]
        if beside:
            found = f"no span that holds {beside[0]}"
            add("fetch.spans", found, f"each of the years {first}-{last} in one of them", example)


def _check_names(entry: Entry, fetch: Fetch, add: Add) -> None:
    variables = entry.variables or ([entry.variable] if entry.variable else [])
    strange = sorted(set(fetch.names) - set(variables))
    if strange:
        known = ", ".join(variables) or "none: the entry has no `variables:`"
        add("fetch.names", ", ".join(strange), f"names of the entry's variables ({known})")
    for variable, called in fetch.names.items():
        if not re.fullmatch(r"[\w.+-]+", called):
            add("fetch.names", f"{called!r} for {variable}", "letters, digits and _ . + - only")


def _check_tiles(fetch: Fetch, add: Add) -> None:
    if fetch.layout not in _TILED:
        if fetch.tiles is not None:
            add("fetch.tiles", f"tiles with layout {fetch.layout}", "layout tiles or archives")
        if fetch.missing != "refuse":
            add("fetch.missing", f"{fetch.missing} with layout {fetch.layout}", "layout tiles or archives")
    elif fetch.tiles is None:
        mend = 'For example `tiles: {degrees: 3, name: "{NS}{lat:02}{EW}{lon:03}"}`.'
        add("fetch.tiles", "nothing", f"the tiles' size and name, with layout {fetch.layout}", mend)
    elif not _is_tile_name(fetch.tiles):
        expected = "{NS} or {ns}, {lat}, {EW} or {ew}, {lon}, with a width such as {lat:02} at most"
        mend = 'For example `name: "{NS}{lat:02}{EW}{lon:03}"`.'
        add("fetch.tiles.name", repr(fetch.tiles.name), expected, mend)


def _is_tile_name(tiles: TileGrid) -> bool:
    try:
        parts = [part for part in string.Formatter().parse(tiles.name) if part[1] is not None]
    except ValueError:
        return False
    names = {name for _, name, _, _ in parts}
    plain = all(_WIDTH.fullmatch(form) and not change for _, _, form, change in parts)
    return plain and {"lat", "lon"} <= names <= _TILE_FIELDS and len(names) == 4


def _plain_fields(text: str) -> set[str] | None:
    """Names in braces, none of them with anything behind it; None if the text has other braces."""
    try:
        parts = [part for part in string.Formatter().parse(text) if part[1] is not None]
    except ValueError:
        return None
    if any(form or change or not name.isidentifier() for _, name, form, change in parts):
        return None
    return {name for _, name, _, _ in parts}
