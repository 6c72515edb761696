"""Put the page together and write it, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
from markupsafe import Markup

from poml_map.files import write_text_atomic
from poml_map.grid import Grid
from poml_map.products.page import headline, story
from poml_map.products.page.encode import packed
from poml_map.products.page.house import asset, environment, policy_hash
from poml_map.products.page.layers import Maps, read_maps
from poml_map.products.page.pictures import FADED, Scale, scales, still
from poml_map.products.page.text import accuracy_notes, as_html, sections
from poml_map.products.page.zones import WHOLE, Zones, read_zones
from poml_map.products.place import north_angle, pixel_aspect, pixel_metres, round_length
from poml_map.products.runfolder import RunFolder
from poml_map.products.validation.looks import model_look
from poml_map.schema import CHANGE_CLASSES, MODELS

#: Name of the file in the run folder.
PAGE_NAME = "report.html"
#: The page is not larger. [byte]
LARGEST = 15_000_000
# Of it, for the maps at first; if pictures, charts and tables then need more than the rest, the maps get less.
_FOR_MAPS = 0.8
_MOST_TRIES = 5
# Longitude and latitude are given at so many nodes a side; between them the script interpolates.
_NODES = 17
#: Sections of report.md that the page takes over, in its order -> their headings on the page.
REPORT_SECTIONS = {
    "What went in, what was left out": "What went in, what was left out",
    "Sources": "Sources and licences",
    "Process model": "The process model",
    "Warnings": "Warnings",
    "What these maps do not tell": "What these maps do not tell",
}


def write_page(run: str | Path, *, largest: int = LARGEST) -> Path:
    """Write `report.html` of a finished run: maps, intervals, change, trends, accuracy and where all of it comes from.

    The page needs no other file, no server and no internet. What the run folder does not hold (intervals, zones, a
    validation, a second year) is left out, or the page says how to get it.

    Parameters
    ----------
    run : str or Path
        Folder that `poml-map run` has finished.
    largest : int
        Size of the page; with many pixels its maps are reduced by block means to stay below, which it tells. [byte]

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    InputError
        If the folder has no manifest or no annual map.
    ResourceError
        If the page cannot be written whole.
    """
    folder = RunFolder.open(run)
    budget = int(_FOR_MAPS * largest)
    for _ in range(_MOST_TRIES):
        page = _page(folder, budget)
        excess = len(page.encode("utf-8")) - largest
        if excess <= 0 or excess >= budget:
            break
        budget -= excess
    return write_text_atomic(folder.path / PAGE_NAME, page)


def _page(run: RunFolder, budget: int) -> str:
    """The page with maps of at most `budget` bytes."""
    maps = read_maps(run, budget)
    context = _context(run, maps, read_zones(run, maps.grid))
    return environment(asset).get_template("page.html").render(context)


def _context(run: RunFolder, maps: Maps, zones: Zones) -> dict:
    """Everything that the template names."""
    drawn, style, script = scales(maps), asset("page.css"), asset("page.js")
    data, texts = _for_script(run, maps, zones, drawn)
    report, validation = sections(run.text("report.md")), headline.validation(run)
    zone_table = story.zone_table(run, zones)
    return {
        "run": run,
        "maps": maps,
        "script": Markup(script),
        "style": Markup(style),
        "script_hash": policy_hash(script),
        "style_hash": policy_hash(style),
        "data": data,
        "texts": texts,
        "scales": drawn,
        "stills": _stills(run, maps, drawn),
        "views": _views(run, maps),
        "models": {model: MODELS[model] for model in run.models},
        "looks": {model: model_look(model) for model in run.models},
        "facts": headline.key_facts(run, zones),
        "level": headline.level(run),
        "caution": run.caution,
        "lost_change": run.manifest.get("lost_change") or "",
        "north": round(north_angle(maps.grid), 1),
        "classes": _class_shares(maps),
        "scale_bar": _scale_bar(maps.grid),
        "region_trend": story.region_trend(run, zones),
        "zone_trends": story.zone_trends(run, zones),
        "zone_count": 0 if zones.courses is None else len(set(zones.courses["zone"]) - {WHOLE}),
        "zone_table": zone_table,
        "zone_remarks": [] if zone_table is None else headline.zone_remarks(run, zones, zone_table[0]),
        "has_zones": zones.index is not None,
        "drivers": story.drivers(run),
        "importance": story.importance(run),
        "weights": [] if not validation or validation["refused"] else story.weight_curves(run),
        "accuracy": story.accuracy(run),
        "accuracy_notes": accuracy_notes(report.get("Accuracy at held-out sites", "")),
        "validation": validation,
        "reports": {
            heading: as_html(report[name], run.path, heading)
            for name, heading in REPORT_SECTIONS.items()
            if name in report
        },
        "metres": pixel_metres(maps.grid),
        "full_metres": pixel_metres(run.grid),
    }


def _for_script(
    run: RunFolder, maps: Maps, zones: Zones, drawn: dict[str, Scale]
) -> tuple[dict, dict[str, str]]:
    """What the script reads: facts as JSON, layers as packed texts."""
    facts, packed_layers = maps.encoded
    layers, texts = list(facts), dict(packed_layers)
    if zones.index is not None:
        # Of all pixels: one that is not mapped lies in a zone, too.
        offset, texts["zones"] = packed(zones.index.reshape(1, -1).astype(np.int64))
        layers.append({"name": "zones", "kind": "zones", "model": "", "offset": offset, "frames": 1})
    rows, columns = maps.grid.shape
    data = {
        "years": run.years,
        "unit": run.label,
        "digits": maps.digits,
        "rows": rows,
        "columns": columns,
        "aspect": pixel_aspect(maps.grid),
        "transform": maps.grid.transform,
        "crs": run.grid.crs if len(run.grid.crs) < 24 else "",
        "nodes": _nodes(maps.grid),
        "layers": layers,
        "models": [
            {"name": model, "color": model_look(model).color, "dashes": _dashes(model)}
            for model in run.models
        ],
        "scales": {
            name: {"colors": each.colors, "low": each.low, "high": each.high} for name, each in drawn.items()
        },
        "faded": FADED,
        "classes": CHANGE_CLASSES,
        "level": _level(maps),
        "zone_level": headline.level(run),
        "zones": zones.for_script(run.years) if zones.index is not None else [],
        "outlines": zones.outlines,
    }
    return data, texts


def _dashes(model: str) -> str:
    dashes = model_look(model).dashes
    return "" if isinstance(dashes, str) else " ".join(f"{2 * part:g}" for part in dashes[1])


def _level(maps: Maps) -> str:
    """Such as "90 %", of the limits' own names; empty without intervals."""
    low = maps.of("low") or maps.of("change_low")
    return "" if low is None else f"{100 * (1 - 2 * float('0.' + low.name.split('_q')[1])):.6g} %"


def _nodes(grid: Grid) -> dict:
    """Longitude and latitude at evenly spaced nodes of the grid, from its upper left to its lower right corner."""
    left, bottom, right, top = grid.bounds
    x, y = np.meshgrid(np.linspace(left, right, _NODES), np.linspace(top, bottom, _NODES))
    lon, lat = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    both = np.stack([lon, lat])
    if not np.isfinite(both).all():  # beyond what the projection can: then no degrees rather than wrong ones
        return {"count": 0, "lon": [], "lat": []}
    return {
        "count": _NODES,
        "lon": both[0].ravel().round(6).tolist(),
        "lat": both[1].ravel().round(6).tolist(),
    }


def _stills(run: RunFolder, maps: Maps, drawn: dict[str, Scale]) -> list[dict]:
    """First and last year of the first model, and its change, as pictures."""
    model = run.models[0]
    stock, change, classes = maps.of("stock", model), maps.of("change", model), maps.of("class", model)
    there = [place for place, frame in enumerate(stock.values) if np.isfinite(frame).any()]
    found = [
        {
            "title": f"{model} {run.years[place]}",
            "scale": "stock",
            "src": still(maps, stock.values[place], drawn["stock"]),
        }
        for place in dict.fromkeys([*there[:1], *there[-1:]])
    ]
    if change is not None:
        told = None if classes is None else classes.values[0]
        title = f"{model} {run.years[there[-1]]} minus {run.years[there[0]]}"
        found.append(
            {"title": title, "scale": "change", "src": still(maps, change.values[0], drawn["change"], told)}
        )
    return found


def _views(run: RunFolder, maps: Maps) -> list[tuple[str, str, str]]:
    """Value, label and meaning of what the map can show."""
    found = [(model, model, MODELS[model]) for model in run.models]
    if maps.of("low") is not None and maps.of("high") is not None:
        level = _level(maps)
        found.append(
            (
                "width",
                "Interval width",
                f"upper minus lower limit of the {level} prediction interval of a sample",
            )
        )
    if maps.of("change") is not None:
        found.append(("change", "Change", f"{run.years[-1]} minus {run.years[0]}"))
    return found


def _class_shares(maps: Maps) -> list[tuple[str, float]]:
    """Name and share of the pixels of each class of change; empty without such a map."""
    total = sum(maps.classes.values())
    return [(CHANGE_CLASSES[each], count / total) for each, count in maps.classes.items()] if total else []


def _scale_bar(grid: Grid) -> dict:
    """A round length on the ground, at most a third of the map, and its share of the map's width."""
    metres = pixel_metres(grid) * grid.width
    length = round_length(metres / 3.2)
    return {"text": f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m", "share": length / metres}
