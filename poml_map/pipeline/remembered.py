"""What is written down in a run folder about an earlier run, as far as a run can have written it.

The folder may come from anybody: what is of another kind is as if it were not there, and a name that leads out of the
folder is no name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from poml_map.pipeline.staging import is_own_name


def read_json(path: Path) -> dict:
    """What a file of JSON holds; nothing where it is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def steps_in(found: Any) -> dict[str, dict]:
    """The records of steps that are whole.

    Examples
    --------
    >>> steps_in({"rasters": {"parts": {"a": "1"}}, "model": {"parts": {}}, "maps": None})
    {'rasters': {'parts': {'a': '1'}}}
    """
    if not isinstance(found, dict):
        return {}
    return {step: record for step, record in found.items() if _is_record(step, record)}


def outputs_in(found: Any) -> dict[str, str]:
    """Digests of files by their path inside the run folder.

    Examples
    --------
    >>> outputs_in({"maps/a.tif": "12", "maps/../../a.tif": "12", "/etc/passwd": "12", "zones.csv": 7})
    {'maps/a.tif': '12'}
    """
    if not isinstance(found, dict):
        return {}
    return {
        name: digest
        for name, digest in found.items()
        if isinstance(digest, str) and all(map(is_own_name, name.split("/")))
    }


def _is_record(step: str, record: Any) -> bool:
    if not isinstance(record, dict) or not _is_texts(record.get("parts")):
        return False
    if step == "model":
        return _is_texts(record.get("files"))
    if step == "maps":
        layers, size = record.get("layers"), record.get("tile_size")
        names = isinstance(layers, list) and all(map(is_own_name, layers))
        return names and type(size) is int and size > 0 and isinstance(record.get("frame"), str)
    return True


def _is_texts(found: Any) -> bool:
    """Whether it is a dict of texts."""
    return isinstance(found, dict) and all(isinstance(each, str) for each in found.values())
