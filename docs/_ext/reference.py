"""Reference pages from what the program itself knows: settings, catalog, columns, commands, exit codes, public names.

A page holds the line ``<!-- generated: NAME -->``; when the site is built, the text of `PARTS[NAME]` takes its place.
``python docs/_ext/reference.py NAME`` prints it.
"""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from poml_map import schema
from poml_map.catalog import Catalog
from poml_map.catalog_entry import CLASS_ROLES, MONTHLY_ROLES, Driver, Entry, Role
from poml_map.settings import RegionSettings
from poml_map.yamlmodel import Settings

_PLACE = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_PLURAL = {"a text": "texts", "a whole number": "whole numbers", "a number": "numbers"}

#: Headings of the sections that no key path names.
_TITLES = {
    "Crop": "One crop of `crop_calendar`",
    "RatioByClass": "`dpm_rpm:` by class",
    "FactorsByClass": "`rate_factor:` by class",
    "Entry": "An entry of `sources:`",
}


@cache
def meanings() -> dict[str, dict[str, str]]:
    """Model -> key -> what it does, in Markdown."""
    return yaml.safe_load((Path(__file__).parent / "meanings.yaml").read_text(encoding="utf-8"))


def sections(model: type[Settings], path: str = "") -> Iterator[tuple[str, type[Settings]]]:
    """Every model of a file with the dotted key that it stands below, each model once, in the order of the file."""
    seen: set[type] = set()

    def walk(model, path):
        if model in seen:
            return
        seen.add(model)
        yield path, model
        for name, info in model.model_fields.items():
            for inner in _models(info.annotation):
                yield from walk(inner, f"{path}.{name}" if path else name)

    return walk(model, path)


def _models(annotation: Any) -> list[type[Settings]]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def kind(annotation: Any, limits: tuple = ()) -> str:
    """Type and range in words.

    Examples
    --------
    >>> from pydantic import Field
    >>> kind(float, tuple(Field(ge=0, le=1).metadata))
    'a number from 0 to 1'
    >>> kind(Literal["mean", "max"] | None), kind(list[int])
    ('`mean` or `max`', 'a list of whole numbers')
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind(arguments[0], (*_limits_of(arguments[1:]), *limits))
    if origin in (Union, types.UnionType):
        return "; or ".join(
            dict.fromkeys(kind(part, limits) for part in arguments if part is not types.NoneType)
        )
    if origin is Literal:
        return _joined([f"`{word}`" for word in arguments])
    if origin is list:
        inner = kind(arguments[0])
        head, _, rest = inner.partition(" from ")
        plural = _PLURAL.get(head, head) + (f" from {rest}" if rest else "")
        return f"a list of {_count(limits)}{plural}"
    if origin is dict:
        return f"lines `name: value`, each value {kind(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return "a section"
    return _WORDS[annotation] + _range(limits)


def _limits_of(metadata: tuple) -> tuple:
    return tuple(
        limit for item in metadata for limit in (item.metadata if isinstance(item, FieldInfo) else [item])
    )


def _find(limits: tuple, name: str):
    return next((getattr(limit, name) for limit in limits if getattr(limit, name, None) is not None), None)


def _count(limits: tuple) -> str:
    least, most = _find(limits, "min_length"), _find(limits, "max_length")
    return f"{least} " if least is not None and least == most else ""


def _range(limits: tuple) -> str:
    low, above = _find(limits, "ge"), _find(limits, "gt")
    high, below = _find(limits, "le"), _find(limits, "lt")
    first = f" from {low}" if low is not None else f" above {above}" if above is not None else ""
    last = f" to {high}" if high is not None else f" below {below}" if below is not None else ""
    return first + (" and" if above is not None and below is not None else "") + last


def _joined(words: list[str]) -> str:
    return ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else words[0]


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True)
    if info.is_required():
        return "**needed**"
    if value is None or isinstance(value, Settings) or value in ([], {}, ""):
        return ""
    text = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()
    return f"default `{text}`"


def _same(one: str, other: str) -> bool:
    return re.sub(r"[`\s]|^an? ", "", one) == re.sub(r"[`\s]|^an? ", "", other)


def _key(path: str, model: type[Settings], name: str, info: FieldInfo) -> str:
    words = kind(info.annotation, tuple(info.metadata))
    if "each value a section" in words or words == "a section":
        words = "a section, [below](#" + _anchor(path, _models(info.annotation)[0], name) + ")"
    told = info.description and not _same(info.description, words)
    bounds = _range(tuple(info.metadata)).strip()
    if told and bounds and bounds in info.description:
        words, told = info.description, False
    if any(type(limit).__name__ == "BeforeValidator" for limit in info.metadata):
        words, told = info.description or words, False
    plain = words.replace("`", "")
    text = info.description.removeprefix(f"{plain}: ").rstrip(".") if told else ""
    facts = [words, text, _default(info)]
    line = "; ".join(fact for fact in facts if fact)
    shown = f"Example: `{name}: {info.examples[0]}`." if info.examples else ""
    return f"`{name}`\n: {line}.\n\n  {meanings()[model.__name__][name]} {shown}\n"


def _heading(path: str, model: type[Settings]) -> str:
    return _TITLES.get(model.__name__) or (f"`{path}:`" if path else "Keys at the left margin")


def _anchor(path: str, model: type[Settings], name: str) -> str:
    heading = _heading(f"{path}.{name}" if path else name, model)
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def keys(model: type[Settings]) -> str:
    """Markdown with every section of a file and every key in it."""
    parts = []
    for path, part in sections(model):
        doc = (part.__doc__ or "").split("\n\n")[0]
        lines = [_key(path, part, name, info) for name, info in part.model_fields.items()]
        parts.append(f"## {_heading(path, part)}\n\n{' '.join(doc.split())}\n\n" + "\n".join(lines))
    return "\n".join(parts)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _number(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e6 else f"{value:.0e}"


def _span(column: schema.Column) -> str:
    return f"{_number(column.low)} to {_number(column.high)}"


def columns() -> str:
    """Table of the columns of the cube."""
    roles: dict[str, list[str]] = {}
    for role, column in schema.ROLE_COLUMN.items():
        roles.setdefault(column, []).append(f"`{role}`")

    def origin(name: str) -> str:
        made = schema.ANNUAL_FROM_MONTHLY.get(name)
        if made:
            return f"{made[2]} of `{made[0]}`"
        also = ["`derive:` of an elevation"] if name in schema.TERRAIN else []
        return ", ".join([*(f"role {role}" for role in roles.get(name, [])), *also])

    rows = [
        [f"`{c.name}`", c.long_name, c.unit, _span(c), c.time, origin(c.name)]
        for c in schema.COLUMNS.values()
    ]
    return _table(["column", "what", "unit", "physical range", "time", "from"], rows)


def roles() -> str:
    """Table of the roles of catalog entries."""
    rows = []
    for role in get_args(Role):
        column = schema.COLUMNS.get(schema.ROLE_COLUMN.get(role, ""))
        facts = [f"`{column.name}`", column.unit, _span(column)] if column else [""] * 3
        sample = Entry(driver="raster", role=role)
        often = "" if role in CLASS_ROLES else "monthly" if role in MONTHLY_ROLES else sample.steps_in_time
        rows.append([f"`{role}`", column.long_name if column else _OTHER_ROLES[role], *facts, often])
    return _table(["role", "what", "column", "unit in the cube", "physical range", "time"], rows)


_OTHER_ROLES = {
    "covariate": "anything else that the forest should see, under `column:`",
    "mask": "what is mapped: its `classes:`",
    "zones": "polygons, such as counties",
}


def drivers() -> str:
    """The drivers in words."""
    return _joined([f"`{driver}`" for driver in get_args(Driver)])


def commands() -> str:
    """Every command with its arguments and options, as ``--help`` has them."""
    from typer import Context
    from typer.main import get_command

    from poml_map.cli import app

    group = get_command(app)
    parts = [f"## `poml-map`\n\n{group.help}\n\n{_options(group, Context(group))}"]
    for name, command in group.commands.items():
        text, _, example = command.help.partition("Example:")
        context = Context(command, info_name=f"poml-map {name}", parent=None)
        usage = re.sub(r"\s+", " ", context.get_usage().removeprefix("Usage: "))
        parts.append(
            f"## `poml-map {name}`\n\n{text.strip()}\n\n```text\n{usage}\n```\n\nExample: `{example.strip()}`\n\n"
            + _options(command, context)
        )
    return "\n\n".join(parts)


def _options(command, context) -> str:
    lines = []
    for param in command.params:
        if param.name == "help":
            continue
        name, text = param.get_help_record(context)
        if param.param_type_name == "argument":
            name = param.metavar or name
        text = re.sub(r"\s*\[([^]]+)\]$", lambda found: f" *({_plain(found[1])})*", text)
        lines.append(f"`{name}`\n: {text}\n")
    return "\n".join(lines)


def _plain(bound: str) -> str:
    """What stands in brackets at the end of a help text, in words."""
    found = re.fullmatch(r"(?:(\d+)<=)?x(?:>=(\d+))?(?:<=(\d+))?", bound)
    if not found:
        return bound
    low, high = found[1] or found[2], found[3]
    return " ".join([*([f"from {low}"] if low else []), *([f"to {high}"] if high else [])])


def exit_codes() -> str:
    """Table of the exit codes."""
    from poml_map import cli, errors

    rows = [
        ["0", "every promised file exists and passed its check"],
        ["1", "a bug of ours, with a traceback"],
    ]
    for error in (errors.InputError, errors.ResourceError):
        first = error.__doc__.split("\n")[0].split(": exit code")[0]
        rows.append([error.exit_code, first[0].lower() + first[1:]])
    rows += [[cli._INTERRUPTED, "stopped by Ctrl-C"], [cli._TERMINATED, "stopped by SIGTERM"]]
    return _table(["code", "what"], [[f"`{code}`", text] for code, text in rows])


def python() -> str:
    """Directives of autodoc for every public name."""
    import inspect

    import poml_map

    parts = []
    for name in poml_map.__all__:
        if name == "__version__":
            continue
        member = getattr(poml_map, name)
        directive = "autoclass" if inspect.isclass(member) else "autofunction"
        own = [key for key, value in vars(member).items() if key[0] != "_" and inspect.isfunction(value)]
        more = f"\n   :members: {', '.join(own)}" if directive == "autoclass" and own else ""
        parts.append(f"## {name}\n\n```{{eval-rst}}\n.. {directive}:: poml_map.{name}{more}\n```\n")
    return "\n".join(parts)


#: Name of a placeholder -> what makes its text.
PARTS: dict[str, Callable[[], str]] = {
    "region": lambda: keys(RegionSettings),
    "catalog": lambda: keys(Catalog),
    "roles": roles,
    "drivers": drivers,
    "columns": columns,
    "commands": commands,
    "exit-codes": exit_codes,
    "python": python,
}


def fill(text: str) -> str:
    """The text of a page with its placeholders filled."""
    return _PLACE.sub(lambda match: PARTS[match[1]](), text)


def _read(app, docname, content):
    content[0] = fill(content[0])


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", _read)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    print(PARTS[sys.argv[1]]())  # noqa: T201
