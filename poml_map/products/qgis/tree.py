"""What the project shows, in which groups and in which order: plain descriptions, no XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from poml_map.products.made import MadeMap
from poml_map.products.qgis.styles import UNSURE, kind_of
from poml_map.products.sheet import unit_text
from poml_map.schema import CHANGE_HEADS, INDEX_MAPS, MAP_GROUPS, MODELS, PROCESS_MAPS, interval_text

_PROCESS = {name: text for maps in PROCESS_MAPS.values() for name, text in maps.items()}
_CHANGE_PARTS = {"sd": "standard deviation", "class": "classes", "p": "p-value of no change"}


@dataclass(frozen=True)
class Layer:
    """A layer of the project.

    Attributes
    ----------
    id : str
        QGIS passes over layers whose id has fewer than ten characters.
    name, text : str
        In the list of layers, and a sentence.
    source : str
        Relative to the project's folder.
    style : str
        Kind of `poml_map.products.qgis.styles`; ``samples``, ``zones`` or ``notes`` for vectors.
    geometry : str
        ``Point`` or ``Polygon``, its parts one or several; empty for rasters.
    years : (int, int), optional
        First and last year in which it is shown; always without.
    expanded, checked : bool
        In the list of layers.
    note : str
        What must not be overlooked of it: a sign beside its name shows it.
    """

    id: str
    name: str
    text: str
    source: str
    style: str
    geometry: str = ""
    years: tuple[int, int] | None = None
    expanded: bool = False
    checked: bool = True
    note: str = ""

    @property
    def provider(self) -> str:
        """Which part of QGIS reads it."""
        return "ogr" if self.geometry else "gdal"


@dataclass(frozen=True)
class Group:
    """Layers and groups under one name.

    Attributes
    ----------
    name : str
    members : list of Group or Layer
    checked, expanded : bool
        In the list of layers.
    choice : bool
        Members are shown one at a time, each by a theme of its own too.
    """

    name: str
    members: list[Group | Layer]
    checked: bool = False
    expanded: bool = False
    choice: bool = False

    def layers(self) -> Iterator[Layer]:
        """All layers in it, from top to bottom."""
        for member in self.members:
            yield from member.layers() if isinstance(member, Group) else [member]


def map_groups(maps: Iterable[MadeMap], key: str) -> list[Group]:
    """Groups of all maps, in the order of `poml_map.schema.MAP_GROUPS`; the first one alone is shown.

    Parameters
    ----------
    maps : iterable of MadeMap
        As `poml_map.products.made_maps` sorts them.
    key : str
        Ends the ids of layers: two runs in one project stay apart.
    """
    members: dict[str, list[MadeMap]] = {group: [] for group in MAP_GROUPS}
    for made in maps:
        members[made.group].append(made)
    makers = {"change": _changes, **dict.fromkeys(MODELS, _model)}
    groups = [makers.get(group, _several)(group, found, key) for group, found in members.items() if found]
    first = groups[0]
    return [replace(first, checked=True, expanded=True), *groups[1:]]


def vector_layers(run: Path, key: str) -> list[Layer]:
    """Samples and zones of a run, where it has them."""
    known = {
        "samples": ("Point", "Samples, each in its year, in the colours of the maps"),
        "zones": ("Polygon", "Zones of the region"),
    }
    return [
        Layer(f"{name}_{key}", name.capitalize(), text, f"../{name}.gpkg|layername={name}", name, geometry)
        for name, (geometry, text) in known.items()
        if (run / f"{name}.gpkg").is_file()
    ]


def veils(maps: Iterable[MadeMap], key: str) -> list[Layer]:
    """What lies over the change of a model, when that is looked at: where it is not detectable."""
    return [
        Layer(
            f"{made.layer.removesuffix('_class')}_unsure_{key}",
            f"Not detectable: change of {made.layer.split('_')[1]}",
            "Pale where the interval of the change holds zero: two samples could not tell it from none",
            f"../maps/{made.path.name}",
            UNSURE,
            years=made.years,
            checked=False,
        )
        for made in maps
        if kind_of(made.layer) == "change_class"
    ]


def with_note(layers: Group | Layer, model: str, note: str) -> Group | Layer:
    """The same, with a note at all maps of a model and of its change."""
    if isinstance(layers, Group):
        return replace(layers, members=[with_note(member, model, note) for member in layers.members])
    head, *rest = layers.id.split("_")
    is_of = model in (head, rest[0] if head in CHANGE_HEADS else "")
    return replace(layers, note=note, text=f"{layers.text}. {note}") if is_of else layers


def _model(group: str, maps: list[MadeMap], key: str) -> Group:
    return Group(_with_unit(group, maps[0]), _annual(maps, group, key))


def _several(group: str, maps: list[MadeMap], key: str) -> Group:
    """A group with one group for each of its layers."""
    heads = {
        "intervals": "Prediction intervals of POML",
        "process": "Process model RothC",
        "index": "Applicability",
    }
    by_layer: dict[str, list[MadeMap]] = {}
    for made in maps:
        by_layer.setdefault(made.layer, []).append(made)
    inner = [
        Group(_with_unit(_layer_text(layer), found[0]), _annual(found, layer, key), checked=place == 0)
        for place, (layer, found) in enumerate(by_layer.items())
    ]
    return Group(heads[group], inner, choice=True)


def _changes(group: str, maps: list[MadeMap], key: str) -> Group:
    first, last = maps[0].years
    ordered = sorted(maps, key=lambda made: _change_order(made.layer))
    layers = [
        _layer(made, _with_unit(_layer_text(made.layer), made), key, expanded=place == 0, checked=place == 0)
        for place, made in enumerate(ordered)
    ]
    return Group(f"Change from {first} to {last}", layers, choice=True)


def _change_order(layer: str) -> tuple:
    head, model, *part = layer.split("_")
    return list(CHANGE_HEADS).index(head), list(MODELS).index(model), part


def _annual(maps: list[MadeMap], name: str, key: str) -> list[Layer]:
    # One legend is open, that of the first year: all years have the same.
    return [
        _layer(made, _with_unit(f"{name} {made.years[1]}", made), key, expanded=place == 0)
        for place, made in enumerate(maps)
    ]


def _layer(made: MadeMap, name: str, key: str, **looks) -> Layer:
    span = "_".join(str(year) for year in dict.fromkeys(made.years))
    source = f"../maps/{made.path.name}"
    identity = f"{made.layer}_{span}_{key}"
    return Layer(identity, name, made.text, source, kind_of(made.layer), years=made.years, **looks)


def _with_unit(name: str, made: MadeMap) -> str:
    return name if made.unit == "1" else f"{name} ({unit_text(made.unit)})"


def _layer_text(layer: str) -> str:
    """What a layer is, in a few words.

    Examples
    --------
    >>> [_layer_text(layer) for layer in ("POML_q05", "RATE_ML", "CHANGE_POML_q95")]
    ['POML_q05: lower limit', 'Change of ML a year', 'Change of POML: upper limit']
    """
    head, _, rest = layer.partition("_")
    if head in CHANGE_HEADS:
        model, _, part = rest.partition("_")
        what = f"Change of {model}" + (" a year" if head == "RATE" else "")
        words = _CHANGE_PARTS.get(part) or interval_text(rest).split(" of ")[0]
        return f"{what}: {words}" if part else what
    text = _PROCESS.get(layer) or interval_text(layer).split(" of ")[0]
    return f"{layer}: {text or re.split('[:,]', INDEX_MAPS.get(layer, ''))[0]}"
