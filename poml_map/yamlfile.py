"""YAML that can be trusted: safe, bounded, without surprises, and with a line number for every key.

A plain safe loader keeps the last of two equal keys, turns ``no:`` into False and 0330100 into 110656, and
lets nine nested aliases grow without end. Here each of these is a problem that names its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from poml_map.errors import InputError, Problem, Problems
from poml_map.notdata import HEAD, instead, lies_in

# Enough for a catalog of a thousand entries; an alias bomb passes it within milliseconds.
_MOST_VALUES = 20_000
_MOST_LEVELS = 30
_MOST_BYTES = 4 * 2**20

_YAML = "tag:yaml.org,2002:"
_SCALAR_TAGS = {_YAML + name for name in ("str", "int", "float", "bool", "null", "timestamp")}

# Octal, hexadecimal, 1_000 and 12:30 are numbers to YAML 1.1, and codes or times to everybody else.
_PLAIN_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")


@dataclass
class Document:
    """A YAML file as plain data, with the line and the written text of every value.

    Attributes
    ----------
    file : str
        The path as the user wrote it; every message uses it.
    data : dict
    lines : dict of tuple -> int
        Line (from 1) of each key path, for example ``("hybrid", "w_p")``.
    texts : dict of tuple -> str
        What stood in the file for each scalar, before YAML gave it a type.
    set_by : dict of tuple -> str
        Who set a key path that is not as the file has it; see `with_overrides`.
    """

    file: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[tuple, int] = field(default_factory=dict)
    texts: dict[tuple, str] = field(default_factory=dict)
    set_by: dict[tuple, str] = field(default_factory=dict)

    def problem(self, loc: tuple, found: str, expected: str = "", mend: str = "") -> Problem:
        """A problem of the value at key path `loc`, with the nearest line that is known, or who set it."""
        nearer = [loc[:end] for end in range(len(loc), 0, -1)]
        setter = next((self.set_by[part] for part in nearer if part in self.set_by), None)
        if setter is not None:
            return Problem(self.file, f"{setter}, {dotted(loc)}", found, expected, mend)
        line = self.lines.get(next((part for part in nearer if part in self.lines), None))
        inside = next((setter for part, setter in self.set_by.items() if loc and part[: len(loc)] == loc), "")
        where = f"{dotted(loc)} (changed by {inside})" if inside else dotted(loc)
        return Problem(self.file, where, found, expected, mend, line)

    def with_overrides(self, overrides: dict[str, Any], setter: str) -> Document:
        """A copy with `overrides` laid over the data: mappings key by key, everything else as a whole.

        Parameters
        ----------
        overrides : dict
        setter : str
            Who says so; problems of these keys name it instead of a line.

        Examples
        --------
        >>> document = Document("a.yaml", {"grid": {"crs": "EPSG:32651", "resolution": 500}}, {("grid",): 3})
        >>> changed = document.with_overrides({"grid": {"resolution": 0}}, "regions.yaml: north")
        >>> changed.data["grid"]
        {'crs': 'EPSG:32651', 'resolution': 0}
        >>> str(changed.problem(("grid", "resolution"), "0", "above 0"))
        'a.yaml, regions.yaml: north, grid.resolution: found 0, expected above 0.'
        """
        changed = dict.fromkeys(_changed(self.data, overrides, ()), setter)

        def kept(known: dict[tuple, Any]) -> dict[tuple, Any]:
            return {
                loc: value
                for loc, value in known.items()
                if not any(loc[:end] in changed for end in range(1, len(loc) + 1))
            }

        data = merged(self.data, overrides)
        return Document(self.file, data, kept(self.lines), kept(self.texts), kept(self.set_by) | changed)


def dotted(loc: tuple) -> str:
    """A key path as people write it.

    Examples
    --------
    >>> dotted(("area", "where", "code", 0))
    'area.where.code[0]'
    """
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def merged(data: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """`data` with `overrides` laid over it, mappings key by key.

    Examples
    --------
    >>> merged({"a": {"b": 1, "c": 2}, "d": [3]}, {"a": {"c": 4}, "d": [5]})
    {'a': {'b': 1, 'c': 4}, 'd': [5]}
    """
    result = dict(data)
    for key, value in overrides.items():
        both = isinstance(value, dict) and isinstance(data.get(key), dict)
        result[key] = merged(data[key], value) if both else value
    return result


def _changed(data: Any, overrides: dict[str, Any], loc: tuple) -> Iterator[tuple]:
    """Key paths that overrides replace as a whole."""
    for key, value in overrides.items():
        if isinstance(value, dict) and isinstance(data.get(key), dict):
            yield from _changed(data[key], value, (*loc, key))
        else:
            yield (*loc, key)


class _TooLargeError(Exception):
    def __init__(self, node_or_mark):
        self.line = getattr(node_or_mark, "start_mark", node_or_mark).line + 1


class _Loader(yaml.SafeLoader):
    """Composes nodes only as far as the bounds allow."""

    values = levels = 0

    def compose_node(self, parent, index):
        self.values += 1
        self.levels += 1
        if self.values > _MOST_VALUES or self.levels > _MOST_LEVELS:
            raise _TooLargeError(self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.levels -= 1
        return node


class _Walk:
    """Turns composed nodes into data; aliases are visited, and counted, once for each use."""

    def __init__(self, document: Document):
        self.document = document
        self.problems = Problems()
        self.visited = 0
        self.constructor = yaml.SafeLoader("")

    def _add(self, node, loc, found, expected, mend):
        self.problems.add(self.document.file, dotted(loc), found, expected, mend, _line(node))

    def value(self, node: yaml.Node, loc: tuple) -> Any:
        self.visited += 1
        if self.visited > _MOST_VALUES or len(loc) > _MOST_LEVELS:
            raise _TooLargeError(node)
        self.document.lines.setdefault(loc, _line(node))
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, loc)
        if node.tag not in (_YAML + "map", _YAML + "seq"):
            self._add(node, loc, f"the tag {_shown_tag(node)}", "plain YAML", "Remove the tag.")
            return None
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*loc, index)) for index, item in enumerate(node.value)]
        return self.mapping(node, loc)

    def mapping(self, node: yaml.MappingNode, loc: tuple) -> dict:
        result, first_line = {}, {}
        for key_node, value_node in node.value:
            key = self.key(key_node, loc)
            if key is None:
                continue
            if key in result:
                found = f"the key twice, on lines {first_line[key]} and {_line(key_node)}"
                self._add(key_node, (*loc, key), found, "each key once", "Remove or rename one of them.")
                continue
            first_line[key] = self.document.lines[(*loc, key)] = _line(key_node)
            result[key] = self.value(value_node, (*loc, key))
        return result

    def key(self, node: yaml.Node, loc: tuple) -> str | None:
        number = node.tag == _YAML + "int" and _PLAIN_INTEGER.fullmatch(node.value)
        if node.tag == _YAML + "str" or number:  # a class code is the text that it looks like
            return node.value
        if node.tag == _YAML + "merge":
            self._add(node, loc, "the merge key <<", "plain keys", "Write the keys and values out.")
        elif isinstance(node, yaml.ScalarNode) and node.tag in _SCALAR_TAGS:
            found = f"the key {node.value}, which YAML reads as {self.read(node)!r}"
            self._add(node, loc, found, "a text", f'Put it in quotes: "{node.value}".')
        else:
            self._add(node, loc, "a key that is no text", "a text", "Write a plain word.")
        return None

    def scalar(self, node: yaml.ScalarNode, loc: tuple) -> Any:
        self.document.texts[loc] = node.value
        if node.tag not in _SCALAR_TAGS:
            found, mend = f"the tag {_shown_tag(node)}", "Remove the tag."
            if node.tag in (_YAML + "merge", _YAML + "value"):
                found, mend = repr(node.value), f'Put it in quotes: "{node.value}".'
            self._add(node, loc, found, "a text, number, true or false", mend)
            return None
        value = self.read(node)
        if _surprising(node, value):
            found = f"{node.value[:50]}, which YAML reads as {value!r}"
            mend = f'For a code or text put it in quotes: "{node.value[:50]}".'
            self._add(node, loc, found, "a plain decimal number, or a text in quotes", mend)
        return value

    def read(self, node: yaml.ScalarNode) -> Any:
        try:
            return self.constructor.construct_object(node)
        except (ValueError, KeyError, yaml.YAMLError):
            return None  # 2001-99-99, !!int x: refused as a surprise


def _surprising(node: yaml.ScalarNode, value: Any) -> bool:
    if node.tag == _YAML + "int":  # None: thousands of digits
        return value is None or not _PLAIN_INTEGER.fullmatch(node.value)
    if node.tag == _YAML + "float":
        return value is None or "_" in node.value or ":" in node.value
    return value is None and node.tag != _YAML + "null"


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _shown_tag(node: yaml.Node) -> str:
    return node.tag.replace(_YAML, "!!")


def read_text_file(path: Path, shown: str, mend: str, most_bytes: int = _MOST_BYTES) -> str:
    """Text of a UTF-8 file of at most `most_bytes`, or an `InputError` that names `shown` and says `mend`."""
    found = expected = ""
    try:
        size = path.stat().st_size
        if not path.is_file():
            found, expected = "a folder" if path.is_dir() else "no ordinary file", "a text file"
        elif size > most_bytes:
            found, expected = f"{size} bytes", f"at most {most_bytes}"
        else:
            text = path.read_text(encoding="utf-8-sig")
            other = (
                instead(text[:HEAD].encode())
                if text.lstrip()[:1] == "<" or text.startswith("version http")
                else None
            )
            if other is None:
                return text
            found, expected, mend = other[0], "a text file", other[1]
    except UnicodeDecodeError as error:
        found, expected = f"a byte that is not UTF-8 at position {error.start}", "a text file in UTF-8"
        mend = "Save it as UTF-8."
        other = lies_in(path)
        if other:
            found, mend = other
    except FileNotFoundError:
        found, expected = "no such file", "a text file"
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        found, expected = getattr(error, "strerror", None) or str(error), "a readable file"
    raise InputError(Problem(shown, "", found, expected, mend))


def load_yaml(path: Path, shown: str | None = None, mend: str = "Check the path.") -> Document:
    """Read a YAML file into a `Document`.

    Parameters
    ----------
    path : Path
    shown : str, optional
        The path as the user wrote it.
    mend : str, optional
        What to do when there is no such file.

    Returns
    -------
    Document

    Raises
    ------
    InputError
        If the file cannot be read, is no YAML mapping, has a tag that would make an object, a key twice,
        a key that is not text, a number that is not what it looks like, or more values than a sane file has.
    """
    document = Document(shown or str(path))
    node = _compose(read_text_file(path, document.file, mend), document.file)
    walk = _Walk(document)
    try:
        document.data = walk.value(node, ())
    except _TooLargeError as error:
        raise _too_large(document.file, error) from None
    walk.problems.raise_if_any()
    return document


def _compose(text: str, file: str) -> yaml.MappingNode:
    try:
        node = _Loader(text).get_single_node()
    except _TooLargeError as error:
        raise _too_large(file, error) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        parts = (getattr(error, "context", None), getattr(error, "problem", None))
        reason = " ".join(part for part in parts if part) or str(error)
        line = mark.line + 1 if mark else None
        raise InputError(
            Problem(file, "", f"no valid YAML ({reason})", "", _syntax_mend(reason), line)
        ) from None
    if not isinstance(node, yaml.MappingNode):
        found = "an empty file" if node is None else "a list or a single value"
        raise InputError(
            Problem(file, "", found, "`key: value` lines", "Start from a file that `poml-map demo` writes.")
        )
    return node


def _too_large(file: str, error: _TooLargeError) -> InputError:
    found = f"more than {_MOST_VALUES} values or {_MOST_LEVELS} levels"
    mend = "Aliases (&name, *name) that repeat each other grow without end: write the values out."
    return InputError(Problem(file, "", found, "a file of ordinary size", mend, error.line))


def _syntax_mend(reason: str) -> str:
    if r"'\t'" in reason:
        return "Indent with blanks, not tabs."
    if "cannot start any token" in reason:
        return 'Put the value in quotes, such as "%".'
    return "Check indentation, colons, brackets and quotes near this line."
