"""A YAML document as a checked model, and what is wrong with it in words that a user can act on."""

from __future__ import annotations

import datetime
import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from poml_map.errors import InputError, Problem, nearest
from poml_map.yamlfile import Document, dotted

# What other software calls our keys.
_OTHER_NAMES = {
    "n_estimators": "n_trees",
    "n_folds": "folds",
    "path": "uri",
    "units": "unit",
    "missing_value": "nodata",
    "scale_factor": "scale",
    "add_offset": "offset",
}

# pydantic's kinds of error, where the field itself has no better words.
_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "`key: value` lines",
    "model_type": "`key: value` lines",
}

#: What stands for a value that the user has still to write; `poml-map init` leaves it.
MISSING = "MISSING"

_LEAST_TELLING = {"string_type": 1, "list_type": 2}

# A list of keys longer than this hides the one that was meant.
_MOST_KEYS_NAMED = 12


class Settings(BaseModel):
    """Base of all models read from YAML: unknown keys, wrong types, infinity and NaN are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def validate(model: type[Settings], document: Document) -> Settings:
    """The document as an instance of `model`.

    Raises
    ------
    InputError
        With one problem for every key that is unknown, missing, or of the wrong type or range. Where a value is still
        `MISSING`, with those alone: what else looks wrong may come from them.
    """
    unwritten = [_unwritten(model, document, loc) for loc, text in document.texts.items() if text == MISSING]
    if unwritten:
        raise InputError(unwritten)
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        items = sorted(error.errors(), key=lambda item: _LEAST_TELLING.get(item["type"], 0))
    # Every member of a union complains about one value: the most telling is kept.
    found: dict[tuple, Problem] = {}
    for item in items:
        problem = _explain(model, document, item)
        found.setdefault((problem.line, problem.where), problem)
    raise InputError(sorted(found.values(), key=lambda problem: problem.line or 0))


def _unwritten(model: type[Settings], document: Document, loc: tuple) -> Problem:
    annotation, info = _reach(model, loc)
    if info is not None and annotation is info.annotation:
        words, mend = info.description or "a value", _example(loc, info)
    else:  # an item inside a field, such as a source below `fill:`
        words, mend = " or ".join(map(str, get_args(annotation))) or "a value", ""
    return document.problem(loc, MISSING, words, f"Write it; the lines above it say more. {mend}".strip())


def _explain(model: type[Settings], document: Document, item: dict) -> Problem:
    kind = item["type"]
    loc = _written(document, tuple(item["loc"]), kind)
    if kind == "extra_forbidden":
        return _unknown_key(model, document, loc)
    if kind == "missing":
        info = _reach(model, loc)[1]
        return document.problem(loc, "nothing", (info and info.description) or "a value", _example(loc, info))
    annotation, info = _reach(model, loc)
    own = info is not None and annotation is info.annotation  # not an item inside the field
    words = _WANTED.get(kind, item["msg"].removeprefix("Value error, ").removeprefix("Input should be "))
    if kind == "literal_error" and not (own and info.description and get_origin(annotation) is Union):
        options = item["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        words = f"one of {options}" if "," in options else options
    elif own and info.description and kind != "value_error":
        words = info.description
    found, mend = _found(document, loc), _mend(document, loc, item, _example(loc, info) if own else "")
    return document.problem(loc, found, words, mend)


def _written(document: Document, loc: tuple, kind: str) -> tuple:
    """The key path as the file has it; pydantic adds the name of the member of a union that it tried."""
    kept, value = (), document.data
    for part in loc:
        inside = range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
        if part in inside:
            kept, value = (*kept, part), value[part]
    return (*kept, loc[-1]) if kind == "missing" else kept


def _unknown_key(model: type[Settings], document: Document, loc: tuple) -> Problem:
    key, fields = str(loc[-1]), _fields(_reach(model, loc[:-1])[0])
    aliases = {name: other for name, other in _OTHER_NAMES.items() if other in fields}
    near = nearest(key, [*fields, *aliases])
    for alias, name in aliases.items():
        near = near.replace(f"`{alias}`", f"`{name}`")
    section = next((path for path, names in _sections(model) if key in names), None)
    if section is not None:
        place = f"below `{dotted(section)}:`" if section else "at the left margin"
        near = f"`{key}` belongs {place}."
    listed = not near or len(fields) <= _MOST_KEYS_NAMED
    return document.problem(
        loc, "an unknown key", f"one of {', '.join(fields)}" if listed else "", near or "Remove it."
    )


def _mend(document: Document, loc: tuple, item: dict, example: str) -> str:
    kind, value, text = item["type"], item["input"], document.texts.get(loc, "")
    if value is None:
        return example or "Give a value, or remove the key."
    if kind == "literal_error":
        return nearest(str(value), re.findall(r"'([^']*)'", item["ctx"]["expected"]))
    if kind == "string_type" and text:
        return f'Put it in quotes: "{text}". {example}'.strip()
    if kind == "list_type" and text:
        return example or f'Write a list: ["{text}"].'
    if isinstance(value, str) and kind in ("int_type", "float_type"):
        return number_mend(value) or example
    return example


def number_mend(text: str) -> str:
    """How to write a text that is nearly a number; empty if it is none.

    Examples
    --------
    >>> number_mend("1e-3")
    'Write 1.0e-3: YAML takes 1e-3 for a text.'
    >>> number_mend("0,5")
    'Write 0.5, with a point.'
    >>> number_mend("0.5")
    'Write 0.5 without quotes.'
    """
    text = text.strip()
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", text):
        return f"Write {text.replace(',', '.')}, with a point."
    if re.fullmatch(r"0+[0-9]+", text):
        return f"Write {int(text)}, without the zero before it."
    if re.fullmatch(r"[-+]?([0-9]+|[0-9]*\.[0-9]*)", text):
        return f"Write {text} without quotes."
    power = re.fullmatch(r"([-+]?[0-9]+)(\.[0-9]*)?[eE]([-+]?)([0-9]+)", text)
    if not power:
        return ""
    whole, rest, sign, exponent = power.groups()
    number = f"{whole}{rest or '.0'}e{sign or '+'}{exponent}"
    return (
        f"Write {number} without quotes."
        if number == text
        else f"Write {number}: YAML takes {text} for a text."
    )


def _example(loc: tuple, info: FieldInfo | None) -> str:
    return f"For example `{loc[-1]}: {info.examples[0]}`." if info and info.examples else ""


def _found(document: Document, loc: tuple) -> str:
    """The value as written, and what YAML made of it where that is the surprise."""
    value: Any = document.data
    for part in loc:
        value = value[part]
    text = document.texts.get(loc)
    if text is None:
        return repr(value)
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, datetime.date):
        return f"{text} (which YAML reads as a date)"
    if isinstance(value, bool):
        return text if text.lower() == str(value).lower() else f"{text} (which YAML reads as {value})"
    return text


def _reach(model: type[Settings], loc: tuple) -> tuple[Any, FieldInfo | None]:
    """Type and field that belong to a key path; (None, None) where the model has nothing."""
    annotation, info = model, None
    for part in loc:
        annotation, own = _step(annotation, part)
        info = own or info
    return annotation, info


def _step(annotation: Any, part: str | int) -> tuple[Any, FieldInfo | None]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        own = annotation.model_fields.get(str(part))
        return (own.annotation, own) if own else (None, None)
    if origin is dict:
        return arguments[1], None
    if origin is list and isinstance(part, int):
        return arguments[0], None
    if origin in (Union, types.UnionType, Annotated):
        steps = (_step(argument, part) for argument in arguments)
        return next((step for step in steps if step[0] is not None), (None, None))
    return None, None


def _fields(annotation: Any) -> dict[str, FieldInfo]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return dict(annotation.model_fields)
    found = (_fields(argument) for argument in get_args(annotation))
    return next((fields for fields in found if fields), {})


def _sections(annotation: Any, path: tuple = ()) -> Iterator[tuple[tuple, dict]]:
    """Every section of the file with its keys; entries of mappings and lists have no fixed path."""
    if not (isinstance(annotation, type) and issubclass(annotation, Settings)):
        return
    yield path, annotation.model_fields
    for name, info in annotation.model_fields.items():
        yield from _sections(info.annotation, (*path, name))
