"""What the program says when it cannot go on.

Every error that a user can mend is a list of `Problem`: one line each that names the file as the user wrote
it, the field, what was found, what was expected, and how to mend it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Of what was found; more would bury the rest of the line.
_MOST_LETTERS = 200


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one input, in one line.

    Parameters
    ----------
    file : str
        Path or name as the user wrote it.
    where : str
        The field, row, band, year or window; empty when the whole file is meant.
    found, expected : str
        What was seen and what would be right, with units. Either may be empty.
    mend : str
        What the user can do about it.
    line : int, optional
        Line of `file`, from 1.

    Examples
    --------
    >>> str(Problem("region.yaml", "hybrid.w_p", "-0.1", "a number from 0 to 1", "Set w_p: 0.5.", line=12))
    'region.yaml:12, hybrid.w_p: found -0.1, expected a number from 0 to 1. Set w_p: 0.5.'
    """

    file: str
    where: str
    found: str
    expected: str = ""
    mend: str = ""
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        head = ", ".join(part for part in (place, self.where) if part)
        found = self.found if len(self.found) <= _MOST_LETTERS else self.found[:_MOST_LETTERS] + "..."
        facts = [f"found {found}"] if found else []
        facts += [f"expected {self.expected}"] if self.expected else []
        text = f"{head}: {', '.join(facts)}." if facts else f"{head}."
        return re.sub(r"\s*[\r\n]+\s*", " ", f"{text} {self.mend}").strip()


def nearest(word: str, known: Iterable[str]) -> str:
    """A question for the known name that is most like `word`; empty if none is like it.

    Examples
    --------
    >>> nearest("max_feature", ["n_trees", "max_features"])
    'Did you mean `max_features`?'
    >>> nearest("elev", ["ELEV", "SLP"])
    'Did you mean `ELEV`?'
    """
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), by_lower, 1, 0.6)
    return f"Did you mean `{by_lower[found[0]]}`?" if found else ""


class PomlError(Exception):
    """Base of all errors that the program explains; `exit_code` is what the command returns."""

    exit_code = 1


class InputError(PomlError):
    """Configuration, catalog, raster or table is wrong: exit code 2, all problems of the stage at once.

    Examples
    --------
    >>> error = InputError([Problem("a.tif", "", "no CRS", "a CRS", "Add `crs:` to the entry.")])
    >>> print(error)
    a.tif: found no CRS, expected a CRS. Add `crs:` to the entry.
    """

    exit_code = 2
    #: What helps with several of the problems, as lines to print after them.
    advice: tuple[str, ...] = ()

    def __init__(self, problems: Iterable[Problem] | Problem):
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self):  # the problems travel between processes, not only the text
        return type(self), (self.problems,)


class ResourceError(PomlError):
    """The machine refused: disk full, folder gone or read-only, no memory: exit code 3."""

    exit_code = 3


class RefusedFileError(OSError):
    """A data file that asks for more than its own values: another file, a server, code, or too much memory.

    Readers turn it into an `InputError` that names the file.

    Parameters
    ----------
    found, expected, mend : str
        As in `Problem`.

    Examples
    --------
    >>> print(RefusedFileError("blocks of 150 GiB", "at most 512 MiB", "Write it in tiles."))
    blocks of 150 GiB, expected at most 512 MiB
    """

    def __init__(self, found: str, expected: str = "", mend: str = ""):
        self.found, self.expected, self.mend = found, expected, mend
        super().__init__(f"{found}, expected {expected}" if expected else found)

    def __reduce__(self):
        return type(self), (self.found, self.expected, self.mend)


class Problems:
    """Collects what is wrong, so that a stage can name everything at once.

    Examples
    --------
    >>> problems = Problems()
    >>> problems.add("region.yaml", "years", "2000-1980", "FIRST-LAST, both included", "Write 1980-2000.")
    >>> len(problems)
    1
    """

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(
        self, file: str, where: str, found: str, expected: str = "", mend: str = "", line: int | None = None
    ) -> None:
        """Note one problem; see `Problem` for the arguments."""
        self._found.append(Problem(file, where, found, expected, mend, line))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note several problems."""
        self._found.extend(problems)

    def collect(self, error: InputError) -> None:
        """Note all problems of an error that was caught."""
        self._found.extend(error.problems)

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def raise_if_any(self) -> None:
        """Raise `InputError` with all that was noted; do nothing when nothing was."""
        if self._found:
            raise InputError(dict.fromkeys(self._found))
