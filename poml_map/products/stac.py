"""The maps of a run as a STAC catalog: other programs find, filter and open them without knowing our names.

The JSON is written here and not by a library: it is a dozen fields of a stable standard, and pystac, which reads and
validates it in the tests, is then an independent witness.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pyproj
import rasterio
from rasterio.warp import transform_bounds, transform_geom

from poml_map.errors import InputError, Problem
from poml_map.files import write_text_atomic
from poml_map.products.made import MadeMap, made_maps
from poml_map.products.words import class_names, end_of_month
from poml_map.schema import MAP_GROUPS, MODELS

STAC_VERSION = "1.1.0"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
CLASSIFICATION = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"

#: Before each of our tags among the properties of items and assets.
PREFIX = "poml_map:"

_JSON, _GEOJSON = "application/json", "application/geo+json"
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"

# What lies beside the catalog and explains it: name -> relation, type, title.
_BESIDE = {
    "report.html": ("about", "text/html", "Report of the run"),
    "manifest.json": ("describedby", _JSON, "Inputs, settings, versions and counts of the run"),
}
_KEYWORDS = ["soil organic carbon", "carbon stock", "digital soil mapping", "RothC", "random forest"]
_LICENCE = "The licence follows from those of the sources; the run states none."
# Tags that other fields tell.
_TOLD = {"MODEL", "OF_MODEL", "UNIT", "YEAR", "FIRST_YEAR"}

# Points on each edge of an outline: straight in the map, it is a curve in degrees.
_EDGE_POINTS = 16
# Of a degree: a tenth of a metre.
_DIGITS = 6


class _Place(NamedTuple):
    """Where a map stands: its collection, how its item's name begins, and the key of its asset there."""

    group: str
    stem: str
    key: str


class _Page(NamedTuple):
    """One file of the catalog, with the first of its maps."""

    name: str
    content: dict
    made: MadeMap


def write_stac(run: str | Path, *, coming: Collection[str] = ()) -> list[Path]:
    """Write `stac/` of a run: a catalog, a collection for each model and kind of map, an item for each year of each.

    All links are relative, so that the run folder can be moved, or served as it is. The same maps give the same bytes.

    Parameters
    ----------
    run : str or Path
        Folder of a run; of its maps, headers and tags are read.
    coming : collection of str
        Of ``report.html`` and ``manifest.json`` those that are not in `run` yet but will be. The catalog links them
        where they are or will be, and no other.

    Returns
    -------
    list of Path
        ``catalog.json`` first, then collections, then items.

    Raises
    ------
    InputError
        If there are no maps.
    ResourceError
        If a file cannot be written.

    References
    ----------
    SpatioTemporal Asset Catalog 1.1.0, https://stacspec.org, and its projection and classification extensions 2.0.0.
    """
    run = Path(run)
    maps = made_maps(run)
    if not maps:
        mend = "Give the folder of a finished run."
        raise InputError(Problem(str(run / "maps"), "", "no map", "SOCS_POML_1980.tif and others", mend))
    folder = run / "stac"
    folder.mkdir(exist_ok=True)
    items = [
        _item(list(group)) for _, group in groupby(sorted(maps, key=_order), lambda made: _order(made)[:3])
    ]
    providers = _providers(run)
    collections = [
        _collection(list(group), providers)
        for _, group in groupby(items, lambda page: _place(page.made).group)
    ]
    beside = [name for name in _BESIDE if name in coming or (run / name).exists()]
    pages = [_catalog(maps[0], collections, beside), *collections, *items]
    return [
        write_text_atomic(
            folder / page.name, json.dumps(page.content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        )
        for page in pages
    ]


def _place(made: MadeMap) -> _Place:
    """See the table of docs/stac.md."""
    if made.group in MODELS:
        return _Place(made.layer, f"SOCS_{made.layer}", "stock")
    if made.group == "intervals":
        return _Place("POML", "SOCS_POML", made.layer.removeprefix("POML_"))
    if made.group == "change":
        head, model, part = (*made.layer.split("_", 2), "")[:3]
        return _Place("change", f"CHANGE_{model}", part or head.lower())
    return _Place(made.group, made.group.upper(), made.layer)


def _order(made: MadeMap) -> tuple:
    """Collection, item, years; then the map that the others of its item belong to comes first."""
    group, stem, key = _place(made)
    of = [*MODELS, ""].index(_model(stem))
    return list(MAP_GROUPS).index(group), of, made.years, key not in ("stock", "change"), made.layer


def _model(stem: str) -> str:
    return next((model for model in MODELS if stem.endswith(f"_{model}")), "")


def _item(maps: Sequence[MadeMap]) -> _Page:
    """The maps of a year, or of a change, that share what they are of."""
    first, (group, stem, _) = maps[0], _place(maps[0])
    start, end = first.years
    name = f"{stem}_{start}_{end}" if start != end else f"{stem}_{end}"
    shared = set.intersection(*(set(made.tags.items()) for made in maps))
    with rasterio.open(first.path) as file:
        outline, when = _outline(file), file.tags()["TIFFTAG_DATETIME"]
        place = _projection(file)
    assets = {_place(made).key: _asset(made, shared) for made in maps}
    classes = any(_has_classes(asset) for asset in assets.values())
    content = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [PROJECTION, *([CLASSIFICATION] if classes else [])],
        "id": name,
        **outline,
        "properties": {
            "title": _titled(f"{_region(first)}: {name}", first),
            "description": " ".join([first.text + ".", *_notes(first)]),
            **_times(start, end, when),
            **place,
            **({f"{PREFIX}model": model} if (model := first.tags.get("OF_MODEL") or _model(stem)) else {}),
            **_own(shared),
        },
        "links": [
            _link("root", "catalog.json"),
            _link("parent", _collection_file(group)),
            _link("collection", _collection_file(group)),
        ],
        "assets": assets,
        "collection": _collection_id(first),
    }
    return _Page(f"{name}.json", content, first)


def _asset(made: MadeMap, shared: set[tuple[str, str]]) -> dict:
    """One GeoTIFF; its own tags are those that the item does not have."""
    with rasterio.open(made.path) as file:
        head = "STATISTICS_"
        found = {name: text for name, text in sorted(file.tags(1).items()) if name.startswith(head)}
        band = {
            "name": file.descriptions[0],
            "data_type": file.dtypes[0],
            "nodata": file.nodata,
            "unit": file.units[0],
            "statistics": {name.removeprefix(head).lower(): float(text) for name, text in found.items()},
        }
    asset = {
        "href": f"../maps/{made.path.name}",
        "type": _COG,
        "title": f"{made.layer}, {made.unit}",
        "description": made.text,
        "roles": ["data"],
        "bands": [band],
        f"{PREFIX}layer": made.layer,
        f"{PREFIX}unit": made.unit,
        **_own(made.tags.items() - shared),
    }
    if classes := class_names(made.layer):
        asset["classification:classes"] = [
            {"value": value, "name": text.replace(" ", "-"), "description": text}
            for value, text in classes.items()
        ]
    return asset


def _own(tags: Collection[tuple[str, str]]) -> dict:
    """Our tags as properties: what is a flag or a number in truth is one here."""
    kept = {name: True if text == "YES" else text for name, text in sorted(tags) if name not in _TOLD}
    if "DEPTH_CM" in kept:
        kept["DEPTH_CM"] = float(kept["DEPTH_CM"])
    return {f"{PREFIX}{name.lower()}": value for name, value in kept.items()}


def _times(start: int, end: int, when: str) -> dict:
    """The moment of a stock; first and last moment of a change. `when` is that of the last, in TIFF's spelling."""
    if start == end:
        return {"datetime": _moment(when)}
    begin = end_of_month(start, int(when.split(":")[1]))
    return {"datetime": None, "start_datetime": _moment(begin), "end_datetime": _moment(when)}


def _moment(when: str) -> str:
    return when[:10].replace(":", "-") + "T00:00:00Z"


def _projection(file) -> dict:
    """Fields of the projection extension; a CRS that no authority has numbered stands there in full."""
    crs = pyproj.CRS.from_wkt(file.crs.to_wkt())
    authority = crs.to_authority()
    code = {"proj:code": ":".join(authority)} if authority else {"proj:code": None, "proj:wkt2": crs.to_wkt()}
    return {
        **code,
        "proj:bbox": list(file.bounds),
        "proj:shape": list(file.shape),
        "proj:transform": list(file.transform)[:6],
    }


def _outline(file) -> dict:
    """Outline and box of a map in degrees; a box across the 180th meridian begins in the east, as GeoJSON has it."""
    left, bottom, right, top = file.bounds
    corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
    shares = [step / _EDGE_POINTS for step in range(_EDGE_POINTS)]
    ring = [
        (x0 + share * (x1 - x0), y0 + share * (y1 - y0))
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True)
        for share in shares
    ]
    polygon = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    outline = transform_geom(file.crs, "EPSG:4326", polygon, precision=_DIGITS)
    box = transform_bounds(file.crs, "EPSG:4326", *file.bounds, densify_pts=_EDGE_POINTS)
    geometry = {"type": outline["type"], "coordinates": outline["coordinates"]}
    return {"geometry": geometry, "bbox": [round(edge, _DIGITS) for edge in box]}


def _collection(items: Sequence[_Page], providers: Sequence[dict]) -> _Page:
    """Items that have the same assets, as far as they have them, and who made what they rest on."""
    made, first = items[0].made, items[0].content
    group = _place(made).group
    times = [item.content["properties"] for item in items]
    moments = [
        min(time.get("start_datetime") or time["datetime"] for time in times),
        max(time.get("end_datetime") or time["datetime"] for time in times),
    ]
    kinds = {key: _kind(key, asset) for item in items for key, asset in item.content["assets"].items()}
    text = f"{MAP_GROUPS[group][0].upper()}{MAP_GROUPS[group][1:]}."
    content = {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": [CLASSIFICATION] if any(_has_classes(kind) for kind in kinds.values()) else [],
        "id": _collection_id(made),
        "title": _titled(f"{_region(made)}: {group}", made),
        "description": " ".join([text, *_notes(made), _LICENCE]),
        "keywords": [*_KEYWORDS, group, *(["synthetic data"] if _is_synthetic(made) else [])],
        "license": "other",
        **({"providers": providers} if providers else {}),
        "extent": {"spatial": {"bbox": [first["bbox"]]}, "temporal": {"interval": [moments]}},
        "item_assets": kinds,
        "links": [
            _link("root", "catalog.json"),
            _link("parent", "catalog.json"),
            *(_link("item", item.name, _GEOJSON, item.content["properties"]["title"]) for item in items),
        ],
    }
    return _Page(_collection_file(group), content, made)


def _providers(run: Path) -> list[dict]:
    """Who made the sources of the run, as its manifest names them: entries with the same words are one provider."""
    path = run / "manifest.json"
    sources = json.loads(path.read_text(encoding="utf-8")).get("sources", []) if path.exists() else []
    entries: dict[tuple, list[str]] = {}
    for each in sources:
        if each["source"]:
            key = (each["source"], each["licence"] or "not stated", each["url"])
            entries.setdefault(key, []).append(each["name"])
    return [
        {
            "name": name,
            "description": f"Catalog entries: {', '.join(made)}. Licence: {licence}.",
            "roles": ["producer"],
            **({"url": url} if url else {}),
        }
        for (name, licence, url), made in entries.items()
    ]


def _kind(key: str, asset: dict) -> dict:
    """What the assets of one key have in common in all items."""
    band = {name: asset["bands"][0][name] for name in ("data_type", "nodata", "unit")}
    classes = {"classification:classes": asset["classification:classes"]} if _has_classes(asset) else {}
    return {"type": asset["type"], "title": key, "roles": asset["roles"], "bands": [band], **classes}


def _catalog(made: MadeMap, collections: Sequence[_Page], beside: Sequence[str]) -> _Page:
    text = f"Annual maps of the region {_region(made)}, made with {made.tags['SOFTWARE']}."
    children = [_link("child", page.name, title=page.content["title"]) for page in collections]
    others = [_link(_BESIDE[name][0], f"../{name}", *_BESIDE[name][1:]) for name in beside]
    content = {
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": _region(made),
        "title": _titled(f"{_region(made)}: soil organic carbon stock", made),
        "description": " ".join([text, *_notes(made)]),
        "links": [_link("root", "catalog.json"), *children, *others],
    }
    return _Page("catalog.json", content, made)


def _link(relation: str, href: str, media_type: str = _JSON, title: str | None = None) -> dict:
    link = {"rel": relation, "href": href if href.startswith("..") else f"./{href}", "type": media_type}
    return link if title is None else {**link, "title": title}


def _region(made: MadeMap) -> str:
    return made.tags.get("REGION", "region")


def _collection_id(made: MadeMap) -> str:
    return f"{_region(made)}-{_place(made).group}"


def _collection_file(group: str) -> str:
    return f"collection_{group}.json"


def _has_classes(asset: dict) -> bool:
    return "classification:classes" in asset


def _is_synthetic(made: MadeMap) -> bool:
    return "SYNTHETIC" in made.tags


def _titled(title: str, made: MadeMap) -> str:
    return f"{title} (synthetic data)" if _is_synthetic(made) else title


def _notes(made: MadeMap) -> list[str]:
    """What must not be overlooked, as sentences; tags that are not set are absent."""
    notes = ["Synthetic data."] if _is_synthetic(made) else []
    heads = {"STAND_IN": "Stand-in", "ASSUMED": "Assumed"}
    return notes + [f"{head}: {made.tags[name]}." for name, head in heads.items() if name in made.tags]
