"""What a new region file takes for granted and what it lacks, in the order in which it was found."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

_WIDTH = 108


@dataclass
class Notes:
    """Collects both.

    Attributes
    ----------
    missing, assumed : list of (str, str)
        Key of the region file, and a sentence about it.
    """

    missing: list[tuple[str, str]] = field(default_factory=list)
    assumed: list[tuple[str, str]] = field(default_factory=list)

    def lacks(self, key: str, why: str) -> None:
        """Note what the user has to write."""
        self.missing.append((key, why))

    def assumes(self, key: str, why: str) -> None:
        """Note what the user should look at."""
        self.assumed.append((key, why))

    def lines(self) -> list[str]:
        """All of it, numbered, in lines of readable length; empty if there is nothing.

        Examples
        --------
        >>> notes = Notes()
        >>> notes.assumes("depth_cm", "20 cm, as in the paper.")
        >>> notes.lacks("years", "the table has no year.")
        >>> print("\\n".join(notes.lines()))
        MISSING, write these before anything else (find MISSING in the file):
          1. years: the table has no year.
        ASSUMED, look at these (a run says nothing about what it cannot know):
          2. depth_cm: 20 cm, as in the paper.
        """
        heads = (
            ("MISSING, write these before anything else (find MISSING in the file):", self.missing),
            ("ASSUMED, look at these (a run says nothing about what it cannot know):", self.assumed),
        )
        lines, number = [], 0
        for head, items in heads:
            lines += [head] if items else []
            for key, why in items:
                number += 1
                first = f"  {number}. "
                lines += textwrap.wrap(
                    f"{key}: {why}", _WIDTH, initial_indent=first, subsequent_indent=" " * len(first)
                )
        return lines
