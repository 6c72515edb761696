"""The few forms in which QGIS keeps settings as XML."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET

#: Its project format is written: the oldest release with all that the project uses; later ones read it.
QGIS_VERSION = "3.22.0"
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


def child(parent: ET.Element, tag: str, text: str = "", **attributes) -> ET.Element:
    """A new element at the end of `parent`; attributes are written as text.

    Examples
    --------
    >>> ET.tostring(child(ET.Element("a"), "b", "c", d=1), "unicode")
    '<b d="1">c</b>'
    """
    element = ET.SubElement(parent, tag, {name: str(value) for name, value in attributes.items()})
    element.text = text or None
    return element


def options(parent: ET.Element, values: Mapping[str, object], **attributes) -> ET.Element:
    """A map of options at the end of `parent`; a mapping among the values becomes a map inside it.

    Examples
    --------
    >>> ET.tostring(options(ET.Element("a"), {"on": True}), "unicode")
    '<Option type="Map"><Option type="bool" value="true" name="on" /></Option>'
    """
    element = child(parent, "Option", type="Map", **attributes)
    for name, value in values.items():
        if isinstance(value, Mapping):
            options(element, value, name=name)
        else:
            child(element, "Option", **_typed(value), name=name)
    return element


def properties(parent: ET.Element, values: Mapping[str, object]) -> None:
    """Settings of a project at the end of `parent`: a name with a type, or with settings of its own.

    Examples
    --------
    >>> parent = ET.Element("properties")
    >>> properties(parent, {"Paths": {"Absolute": False}})
    >>> ET.tostring(parent, "unicode")
    '<properties><Paths><Absolute type="bool">false</Absolute></Paths></properties>'
    """
    for name, value in values.items():
        if isinstance(value, Mapping):
            properties(child(parent, name), value)
        else:
            typed = _typed(value)
            child(parent, name, typed["value"], type=typed["type"])


def defined(parent: ET.Element, tag: str, expressions: Mapping[str, str]) -> None:
    """What a symbol or label takes from expressions: name of the property -> expression."""
    each = {name: {"active": True, "expression": text, "type": 3} for name, text in expressions.items()}
    options(child(parent, tag), {"name": "", "properties": each, "type": "collection"})


def color(hex_color: str, alpha: int = 255) -> str:
    """A colour as QGIS writes it.

    Examples
    --------
    >>> color("#ff8000")
    '255,128,0,255'
    """
    return ",".join(str(part) for part in (*bytes.fromhex(hex_color.lstrip("#")), alpha))


def document(root: ET.Element) -> str:
    """The text of a whole file, indented; the same tree gives the same text."""
    ET.indent(root)
    return _DOCTYPE + ET.tostring(root, "unicode") + "\n"


def _typed(value: object) -> dict[str, str]:
    if isinstance(value, bool):
        return {"type": "bool", "value": str(value).lower()}
    kind = {int: "int", float: "double"}.get(type(value), "QString")
    return {"type": kind, "value": str(value)}
