"""Lines of region.yaml: a key, its value as YAML, and why it is so."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass

from poml_map.yamlmodel import MISSING

_WIDTH = 108
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Plain words that YAML reads as something else.
_OTHER = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "missing"}


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes
    ----------
    name : str
    value : str
        YAML.
    why : str
        What it is, why it has this value, what else it could be.
    off : bool
        Written as a comment, to be switched on by taking the ``#`` away.
    """

    name: str
    value: str
    why: str = ""
    off: bool = False

    @property
    def is_missing(self) -> bool:
        """Whether the user has to write the value."""
        return self.value == MISSING

    def lines(self, indent: int = 0) -> list[str]:
        """The comment, then the key."""
        blank = " " * indent
        head = f"{blank}{'# ' if self.off else ''}{self.name}:{' ' if self.value else ''}"
        value = self.value
        if len(head) + len(value) > _WIDTH and value.startswith("["):
            rest = textwrap.wrap(value, _WIDTH - len(head), break_long_words=False, break_on_hyphens=False)
            if '"' in value:  # a text must not break at its blanks
                rest = _at_commas(value, _WIDTH - len(head))
            value = ("\n" + blank + ("# " if self.off else "") + "  ").join(rest)
        return [*comment(self.why, indent), head + value]


def lines_of(keys: list[Key], indent: int = 0) -> list[str]:
    """The lines of several keys; at the left margin a blank one follows."""
    lines = [line for key in keys for line in key.lines(indent)]
    return [*lines, ""] if indent == 0 and lines else lines


def comment(text: str, indent: int = 0) -> list[str]:
    """A comment in lines of readable length; none for no text."""
    start = " " * indent + "# "
    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False)


def _at_commas(value: str, width: int) -> list[str]:
    lines, line = [], ""
    for part in re.split(r"(?<=\",) ", value):
        if line and len(line) + len(part) + 1 > width:
            lines, line = [*lines, line], part
        else:
            line = f"{line} {part}".strip()
    return [*lines, line]


def quoted(text: str) -> str:
    """A text as YAML, in quotes unless it is a plain word.

    Examples
    --------
    >>> [quoted(each) for each in ("soc_g_kg", "no", "有机质 g/kg", "2000", 'a"b')]
    ['soc_g_kg', '"no"', '"有机质 g/kg"', '"2000"', '"a\\\\"b"']
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _OTHER:
        return text
    return json.dumps(text, ensure_ascii=False)


def text_list(texts: list[str], plain: bool = False) -> str:
    """A list of texts as YAML; all in quotes unless `plain`.

    Examples
    --------
    >>> text_list(["330101", "a"]), text_list(["dem", "clay"], plain=True)
    ('["330101", "a"]', '[dem, clay]')
    """
    shown = quoted if plain else lambda text: json.dumps(text, ensure_ascii=False)
    return f"[{', '.join(shown(text) for text in texts)}]"


def unit_text(unit: str) -> str:
    """A unit as YAML: a bare % opens nothing that YAML can read, a bare 1 is a number."""
    return f'"{unit}"' if unit in ("%", "1") else unit
