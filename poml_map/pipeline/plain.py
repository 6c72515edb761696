"""Results of a run as arrays and text, from which nothing is ever executed.

A file is a NumPy ``.npz``: member ``header`` is JSON (UTF-8 bytes), the others are the arrays that it names. Only the
classes that a caller lists can come out of it.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poml_map.npz import read_npz

_UNREADABLE = (ValueError, OSError, EOFError, KeyError, TypeError, zipfile.BadZipFile, zlib.error)
_PLAIN_KINDS = "biufU"


def save_plain(path: Path, value: Any) -> None:
    """Write a value: dataclasses, tables, arrays, dicts, lists, tuples, ranges, numbers and texts, in any nesting.

    Parameters
    ----------
    path : Path
    value

    Raises
    ------
    TypeError
        If something in it is of another kind.

    Notes
    -----
    The same value gives the same bytes; what comes back is equal to the last bit.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.npz"
    ...     save_plain(path, {"years": range(1980, 1983), "stocks": np.array([1.5, np.nan])})
    ...     load_plain(path, ())
    {'years': range(1980, 1983), 'stocks': array([1.5, nan])}
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_encoded(value, arrays), ensure_ascii=False)
    with open(path, "wb") as file:
        np.savez_compressed(file, header=np.frombuffer(text.encode(), np.uint8), **arrays)


def load_plain(path: Path, classes: Iterable[type]) -> Any:
    """Read what `save_plain` wrote.

    Parameters
    ----------
    path : Path
    classes : iterable of type
        Dataclasses and named tuples that may be in it.

    Raises
    ------
    ValueError
        If it is no such file, is damaged, or holds another class.
    """
    try:
        with open(path, "rb") as file:
            arrays = read_npz(file)
        header = json.loads(arrays.pop("header").tobytes().decode())
        return _decoded(header, arrays, {each.__name__: each for each in classes})
    except (*_UNREADABLE, RecursionError) as error:
        raise ValueError(f"no file that poml_map wrote: {error}") from error


def plain_text(value: Any) -> str:
    """All of a value as one text, arrays included, for a digest of it.

    Examples
    --------
    >>> plain_text((1, "a")) == plain_text([1, "a"])
    False
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_encoded(value, arrays), ensure_ascii=False)
    return text + json.dumps({name: [each.dtype.str, each.tolist()] for name, each in arrays.items()})


def _encoded(value: Any, arrays: dict) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):  # np.float64 is a float
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, np.generic):
        return _encoded(value.item(), arrays)
    if isinstance(value, np.ndarray):
        return _encoded_array(value, arrays)
    if isinstance(value, pd.DataFrame):
        return {"table": _encoded_table(value, arrays)}
    if isinstance(value, range):
        return {"range": [value.start, value.stop, value.step]}
    if isinstance(value, dict):
        return {"dict": [[_encoded(each, arrays) for each in pair] for pair in value.items()]}
    if isinstance(value, list):
        return [_encoded(each, arrays) for each in value]
    if isinstance(value, tuple):
        parts = [_encoded(each, arrays) for each in value]
        return {"named": [type(value).__name__, parts]} if hasattr(value, "_fields") else {"tuple": parts}
    if is_dataclass(value) and not isinstance(value, type):
        given = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
        return {"object": [type(value).__name__, _encoded(given, arrays)]}
    raise TypeError(f"{type(value).__name__} is none of the kinds that are stored as arrays and text")


def _encoded_array(value: np.ndarray, arrays: dict) -> dict:
    if value.dtype.kind not in _PLAIN_KINDS:
        return {"objects": [list(value.shape), [_encoded(each, arrays) for each in value.ravel().tolist()]]}
    name = f"a{len(arrays)}"
    arrays[name] = value
    return {"array": name}


def _encoded_table(table: pd.DataFrame, arrays: dict) -> list:
    def column(values) -> list:
        kind = values.dtype
        plain = isinstance(kind, np.dtype) and kind.kind in _PLAIN_KINDS
        kept = values.to_numpy() if plain else [None if pd.isna(each) else each for each in values.tolist()]
        return [str(kind), _encoded(kept, arrays)]

    columns = [[_encoded(name, arrays), column(table[name])] for name in table.columns]
    names = [_encoded(each.name, arrays) for each in (table.index, table.columns)]
    return [columns, column(table.index), names]


def _decoded(node: Any, arrays: dict, classes: dict[str, type]) -> Any:
    if not isinstance(node, list | dict):
        return node
    if isinstance(node, list):
        return [_decoded(each, arrays, classes) for each in node]
    ((kind, content),) = node.items()

    def inner(each: Any) -> Any:
        return _decoded(each, arrays, classes)

    match kind:
        case "array":
            return arrays[content]
        case "objects":
            shape, values = content
            found = np.empty(len(values), object)
            found[:] = inner(values)
            return found.reshape(shape)
        case "table":
            return _decoded_table(content, inner)
        case "range":
            return range(*content)
        case "dict":
            return {inner(key): inner(value) for key, value in content}
        case "tuple":
            return tuple(inner(content))
        case "named" | "object":
            name, parts = content
            if name not in classes:
                raise ValueError(f"it holds a {name}, which is not looked for")
            return classes[name](*inner(parts)) if kind == "named" else classes[name](**inner(parts))
    raise ValueError(f"it holds {kind!r}, which no version wrote")


def _decoded_table(content: list, inner) -> pd.DataFrame:
    columns, index, names = content
    rows = pd.Index(inner(index[1]), dtype=index[0], name=inner(names[0]))
    series = [pd.Series(inner(values), index=rows, dtype=kind) for _, (kind, values) in columns]
    table = pd.concat(series, axis=1) if series else pd.DataFrame(index=rows)
    table.columns = pd.Index([inner(name) for name, _ in columns], name=inner(names[1]))
    return table
