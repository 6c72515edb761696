"""Blocks of code on the pages, and what comments before them say about running them.

A comment directly before a block, one a line, several lines if need be:

- ``<!-- not run: REASON -->``: cannot run in a test;
- ``<!-- slow -->``: runs in the slow suite;
- ``<!-- continues -->``: Python that goes on with the names of the block before;
- ``<!-- exits 2 -->``: its commands end with this code, as the page says;
- ``<!-- edits FILE -->``: YAML that the reader writes into a file in place of the same keys there.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_OPEN = re.compile(r"^ {0,3}```([a-z]+)$")
_MARK = re.compile(r"^<!-- (slow|continues|exits \d|edits [\w./-]+|not run(?:: (.*))?) -->$")


def pages() -> list[Path]:
    """README, CONTRIBUTING, all of docs/, and the READMEs of the examples."""
    docs = sorted((ROOT / "docs").rglob("*.md"))
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *docs,
        *sorted((ROOT / "examples").glob("*/README.md")),
    ]


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Parameters
    ----------
    page : str
        Path from the top of the repository.
    line : int
    language, text : str
    marks : frozenset of str
        ``slow``, ``continues``, ``exits N``, ``edits FILE``, ``not run``.
    reason : str
        Why it is not run.
    """

    page: str
    line: int
    language: str
    text: str
    marks: frozenset[str] = frozenset()
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file_name(self) -> str:
        """The name of the file that the block shows, which its first line states: ``# region.yaml``."""
        found = re.match(r"# ([\w./-]+\.\w+)\n", self.text)
        return found[1] if found else ""

    def mark(self, word: str) -> str:
        """What follows a word among the marks; empty without it."""
        return next((mark.split()[1] for mark in self.marks if mark.startswith(f"{word} ")), "")

    def commands(self) -> list[list[str]]:
        """Words of each line that begins with ``$``, without comments."""
        joined = self.text.replace("\\\n", " ")
        lines = [line[2:] for line in joined.splitlines() if line.startswith("$ ")]
        return [shlex.split(line, comments=True) for line in lines]


def blocks(page: Path, *languages: str) -> list[Block]:
    """All blocks of a page in these languages, in order.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> page = Path(mkdtemp()) / "page.md"
    >>> _ = page.write_text("<!-- slow -->\\n```console\\n$ poml-map check a.yaml  # all\\n```\\n")
    >>> (block,) = blocks(page, "console")
    >>> sorted(block.marks), block.commands()
    (['slow'], [['poml-map', 'check', 'a.yaml']])
    """
    lines = page.read_text(encoding="utf-8").splitlines()
    found, at = [], 0
    while at < len(lines):
        opened = _OPEN.match(lines[at])
        if opened is None:
            at += 1
            continue
        end = next(n for n in range(at + 1, len(lines)) if lines[n].strip() == "```")
        marks, reason = _marks(lines, at)
        name = page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name
        text = "\n".join(lines[at + 1 : end]) + "\n"
        found.append(Block(name, at + 1, opened[1], text, marks, reason))
        at = end + 1
    return [block for block in found if block.language in languages or not languages]


def _marks(lines: list[str], at: int) -> tuple[frozenset[str], str]:
    marks, reason = set(), ""
    while at and (found := _MARK.match(lines[at - 1])):
        marks.add(found[1].partition(":")[0])
        reason = found[2] or reason
        at -= 1
    return frozenset(marks), reason


def all_blocks(*languages: str) -> list[Block]:
    """Blocks of all pages."""
    return [block for page in pages() for block in blocks(page, *languages)]
