"""Themes: what the eye above the list of layers offers, one for each thing to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from poml_map.products.qgis.styles import UNSURE
from poml_map.products.qgis.tree import Group, Layer
from poml_map.products.qgis.xml import child


def add_themes(root: ET.Element, above: Sequence[Layer], groups: Sequence[Group]) -> None:
    """Put ``<visibility-presets>`` into `root`: a theme for each group, or for each member of a group of choices.

    What a theme does not show stays ticked below groups that are not, so that it comes with a tick at its group. The
    legend of what is shown is unfolded, and no other.
    """
    themes = child(root, "visibility-presets")
    for name, group, member, shown in _views(groups):
        over = [layer for layer in above if _belongs(layer, shown[0])]
        state = {"has-expanded-info": 1, "has-checked-group-info": 1}
        theme = child(themes, "visibility-preset", name=name, **state)
        visible = {layer.id for layer in (*over, *shown)}
        ticked, paths = _ticked(groups, group, member)
        for layer in (*over, *ticked):  # QGIS unticks all others
            looks = {"visible": int(layer.id in visible), "expanded": int(layer is shown[0])}
            child(theme, "layer", id=layer.id, style="default", **looks)
        for tag in ("checked", "expanded"):
            nodes = child(theme, f"{tag}-group-nodes")
            for path in paths if tag == "checked" else _open(group, member):
                child(nodes, f"{tag}-group-node", id=path)


def _belongs(layer: Layer, shown: Layer) -> bool:
    """Whether a layer above all maps is to be seen with one."""
    if (
        layer.style == "samples"
    ):  # they have the colours of stocks, and would be read wrongly on anything else
        return shown.style == "stock"
    if layer.style == UNSURE:
        model = layer.id.split("_")[1]
        return shown.style in ("change", "rate") and shown.id.split("_")[1] == model and "_q" not in shown.id
    return True


def _views(groups: Sequence[Group]) -> Iterator[tuple[str, Group, Group | Layer | None, list[Layer]]]:
    """Name of each theme, its group, which member of it alone, and the layers that it shows."""
    for group in groups:
        if not group.choice:
            yield group.name, group, None, list(group.layers())
            continue
        for member in group.members:
            yield member.name, group, member, list(member.layers()) if isinstance(member, Group) else [member]


def _open(group: Group, member: Group | Layer | None) -> list[str]:
    return [group.name, *([f"{group.name}/{member.name}"] if isinstance(member, Group) else [])]


def _ticked(
    groups: Sequence[Group], shown: Group, chosen: Group | Layer | None
) -> tuple[list[Layer], list[str]]:
    """Layers and groups (by their path) with a tick."""
    layers, paths = [], [shown.name]
    for group in groups:
        for member in group.members:
            is_on = member is chosen if group is shown and chosen else member.checked
            if isinstance(member, Group):
                layers += member.layers()  # its own tick decides
                paths += [f"{group.name}/{member.name}"] if is_on else []
            elif is_on:
                layers.append(member)
    return layers, paths
