"""Names of regions: each becomes a folder, so they are safe, short and told apart on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

#: Folders of a batch beside those of its regions.
LOGS, MODEL, MOSAIC = RESERVED = ("logs", "model", "mosaic")
_LONGEST = 60
_HASH = 6


def slug(text: str) -> str:
    """Letters, digits, - and _ of a text; empty if nothing is left of it.

    Examples
    --------
    >>> slug("Jiāxīng Shì (北)"), slug("0330501"), slug("土")
    ('Jiaxing-Shi', '0330501', '')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-_")


def zone_names(template: str, values: Sequence[str]) -> list[str]:
    """A name for each value: the template's and what can be kept of the value.

    A value of which little is kept, or that looks like another, is told apart by a digest of it: its name stays
    the same when zones are added.

    Examples
    --------
    >>> zone_names("north", ["0330501", "Huzhou"])
    ['north-0330501', 'north-Huzhou']
    >>> zone_names("north", ["A/1", "A 1"])
    ['north-A-1-a5b3d2', 'north-A-1-937bb4']
    """
    slugs = [slug(value) for value in values]
    count = Counter(each.casefold() for each in slugs)
    names = []
    for value, short in zip(values, slugs, strict=True):
        room = _LONGEST - len(template) - 1
        if not short or count[short.casefold()] > 1 or len(short) > room:
            digest = hashlib.sha256(value.encode()).hexdigest()[:_HASH]
            kept = short[: max(room - _HASH - 1, 0)].rstrip("-_")
            short = f"{kept}-{digest}" if kept else digest
        names.append(f"{template[: _LONGEST - len(short) - 1]}-{short}")
    return names
