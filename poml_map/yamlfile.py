"""YAML that can be trusted: safe, bounded, without surprises, and with a line number for every key.

A plain safe loader keeps the last of two equal keys, turns ``no:`` into False and lets nine nested aliases
grow without end. Here each of these is a problem that names its line.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from poml_map.errors import InputError, Problem, Problems

# Enough for a catalog of a thousand entries; an alias bomb passes it within a millisecond.
_MOST_NODES = 50_000
_MOST_DEPTH = 30
_MOST_BYTES = 4 * 2**20

_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")}


class Settings(BaseModel):
    """Base of all models read from YAML: unknown keys and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


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
    """

    file: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[tuple, int] = field(default_factory=dict)
    texts: dict[tuple, str] = field(default_factory=dict)

    def problem(self, loc: tuple, found: str, expected: str = "", mend: str = "") -> Problem:
        """A problem of the value at key path `loc`, with the nearest line that is known."""
        known = next((loc[:end] for end in range(len(loc), 0, -1) if loc[:end] in self.lines), ())
        return Problem(self.file, _dotted(loc), found, expected, mend, self.lines.get(known))


def _dotted(loc: tuple) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


class _Walk:
    """Turns composed nodes into data, counting what it visits."""

    def __init__(self, document: Document):
        self.document = document
        self.problems = Problems()
        self.visited = 0
        self.constructor = yaml.SafeLoader("")

    def _add(self, node, loc, found, expected, mend):
        self.problems.add(self.document.file, _dotted(loc), found, expected, mend, _line(node))

    def value(self, node: yaml.Node, loc: tuple) -> Any:
        self.visited += 1
        if self.visited > _MOST_NODES or len(loc) > _MOST_DEPTH:
            raise InputError(
                Problem(
                    self.document.file,
                    _dotted(loc[:3]),
                    f"more than {_MOST_NODES} values or {_MOST_DEPTH} levels",
                    "a file of ordinary size",
                    "Aliases (&name, *name) that repeat each other grow without end: write the values out.",
                    _line(node),
                )
            )
        self.document.lines.setdefault(loc, _line(node))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*loc, index)) for index, item in enumerate(node.value)]
        return self.scalar(node, loc)

    def mapping(self, node: yaml.MappingNode, loc: tuple) -> dict:
        result, first_line = {}, {}
        if node.tag not in ("tag:yaml.org,2002:map",):
            self._add(node, loc, f"the tag {node.tag}", "plain YAML", "Remove the tag.")
            return result
        for key_node, value_node in node.value:
            key = self.key(key_node, loc)
            if key is None:
                continue
            if key in result:
                self._add(
                    key_node,
                    (*loc, key),
                    f"the key twice, on lines {first_line[key]} and {_line(key_node)}",
                    "each key once",
                    "Remove or rename one of them.",
                )
                continue
            first_line[key] = _line(key_node)
            result[key] = self.value(value_node, (*loc, key))
            self.document.lines[(*loc, key)] = _line(key_node)
        return result

    def key(self, node: yaml.Node, loc: tuple) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str":
            return node.value
        text = node.value if isinstance(node, yaml.ScalarNode) else "a list or mapping"
        self._add(
            node, loc, f"the key {text!r}, which YAML does not read as text", "a text", f'Write "{text}".'
        )
        return None

    def scalar(self, node: yaml.ScalarNode, loc: tuple) -> Any:
        self.document.texts[loc] = node.value
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value  # a bare date is refused or taken by the field it stands in, as text
        if node.tag not in _PLAIN_TAGS:
            self._add(node, loc, f"the tag {node.tag}", "a text, number, true or false", "Remove the tag.")
            return None
        try:
            return self.constructor.construct_object(node)
        except (ValueError, yaml.YAMLError):
            self._add(node, loc, repr(node.value), "a text or number", "Put it in quotes.")
            return None


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def read_text_file(path: Path, shown: str, mend: str) -> str:
    """Text of a small UTF-8 file, or an `InputError` that names `shown` and says `mend`."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(
                Problem(shown, "", f"{path.stat().st_size} bytes", f"at most {_MOST_BYTES}", mend)
            )
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"a byte that is not UTF-8 at position {error.start}"
        raise InputError(Problem(shown, "", found, "a text file in UTF-8", mend)) from error
    except OSError as error:
        raise InputError(Problem(shown, "", error.strerror or str(error), "a readable file", mend)) from error


def load_yaml(path: Path, shown: str | None = None) -> Document:
    """Read a YAML file into a `Document`.

    Parameters
    ----------
    path : Path
    shown : str, optional
        The path as the user wrote it.

    Returns
    -------
    Document

    Raises
    ------
    InputError
        If the file cannot be read, is no YAML mapping, has a tag that would make an object, a key twice,
        a key that is not text, or more values than a sane file has.
    """
    document = Document(shown or str(path))
    text = read_text_file(path, document.file, "Check the path.")
    try:
        node = yaml.SafeLoader(text).get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        found = f"no valid YAML ({getattr(error, 'problem', None) or error})"
        line = mark.line + 1 if mark else None
        mend = "Check indentation, colons and quotes near this line."
        raise InputError(Problem(document.file, "", found, "YAML", mend, line)) from error
    if not isinstance(node, yaml.MappingNode):
        raise InputError(
            Problem(document.file, "", "no `key: value` lines", "a YAML mapping", "See the documentation.")
        )
    walk = _Walk(document)
    document.data = walk.value(node, ())
    walk.problems.raise_if_any()
    return document


def validate(model: type[Settings], document: Document) -> Settings:
    """The document as an instance of `model`.

    Raises
    ------
    InputError
        With one problem for every key that is unknown, missing, or of the wrong type or range.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise InputError([_explain(model, document, item) for item in error.errors()]) from error


def _explain(model: type[Settings], document: Document, item: dict) -> Problem:
    loc = tuple(item["loc"])
    if item["type"] != "missing":
        while loc and loc not in document.lines:
            loc = loc[:-1]  # pydantic appends the name of the union member that it tried
    fields = _fields_at(model, loc[:-1])
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(loc[-1]), fields, 1, 0.5)
        mend = f"Did you mean `{near[0]}`?" if near else "Remove it."
        return document.problem(loc, "an unknown key", f"one of {', '.join(fields)}", mend)
    info = fields.get(loc[-1]) if loc else None
    mend = f"For example `{loc[-1]}: {info.examples[0]}`." if info and info.examples else ""
    expected = info.description if info and info.description else _expected(item["msg"])
    if item["type"] == "missing":
        return document.problem(loc, "nothing", expected if info and info.description else "a value", mend)
    if item["type"] == "value_error":
        expected = _expected(item["msg"])
    return document.problem(loc, _found(document, loc, item["input"]), expected, mend)


def _found(document: Document, loc: tuple, value: Any) -> str:
    """The value as written, and what YAML made of it where that is the surprise."""
    text = document.texts.get(loc)
    if text is None:
        return repr(value)
    if isinstance(value, str):
        return f"the text {text!r}"
    return repr(text) if str(value) == text else f"{text!r} (which YAML reads as {value!r})"


def _expected(message: str) -> str:
    for start in ("Input should be ", "Value error, "):
        if message.startswith(start):
            return message[len(start) :]
    return message[0].lower() + message[1:]


def _fields_at(model: type[Settings], loc: tuple) -> dict:
    for part in loc:
        info = model.model_fields.get(part) if isinstance(part, str) else None
        nested = _nested_model(info.annotation) if info else model
        if nested is None:
            return {}
        model = nested
    return dict(model.model_fields)


def _nested_model(annotation) -> type[Settings] | None:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    candidates = (_nested_model(part) for part in getattr(annotation, "__args__", ()))
    return next((found for found in candidates if found), None)
