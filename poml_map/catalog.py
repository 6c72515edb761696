"""`data_catalog.yaml`: where each source lies, in which packing and unit, and what it is for.

`load_catalog` adds to each entry where it was written, so that every later message can name file, line and
entry. Nothing is opened here.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from poml_map.catalog_checks import entry_problems
from poml_map.catalog_entry import (
    CLASS_METHODS,
    CLASS_ROLES,
    FORTNIGHTS,
    MONTHLY_ROLES,
    PAN_FACTOR,
    Driver,
    Entry,
    Resampling,
    Role,
    TableDialect,
    Time,
    file_months,
    uri_fields,
)
from poml_map.catalog_fetch import Fetch
from poml_map.errors import InputError, Problem, Problems
from poml_map.paths import leads_out
from poml_map.yamlfile import load_yaml
from poml_map.yamlmodel import Settings, validate

__all__ = [
    "CLASS_METHODS", "CLASS_ROLES", "FORTNIGHTS", "MONTHLY_ROLES", "PAN_FACTOR", "Catalog", "Driver", "Entry",
    "Resampling", "Role", "Source", "TableDialect", "Time", "file_months", "file_problems", "first_of_files",
    "load_catalog", "path_problem", "require_files", "uri_fields",
]  # fmt: skip

# So many files of one entry are named; the rest is counted.
_FILES_NAMED = 5
# How a problem of a file begins that is not there at all.
_ABSENT = "no such"


class Catalog(Settings):
    """The whole file."""

    version: Literal[1] = Field(1, description="1")
    root: str = Field(
        ".", description="folder that the uris start from, relative to this file", examples=["."]
    )
    sources: dict[str, Entry] = Field(description="entries, each with its keys below it")


@dataclass(frozen=True)
class Source:
    """An entry and where it was written.

    Attributes
    ----------
    name : str
    entry : Entry
    file : str
        The catalog, as the user wrote it.
    line : int
    root : Path
        Folder that the uri starts from.
    allowed : tuple of Path
        Real folders that files may lie in.
    """

    name: str
    entry: Entry
    file: str
    line: int
    root: Path
    allowed: tuple[Path, ...]

    def problem(
        self, found: str, expected: str = "", mend: str = "", where: str = "", file: str = ""
    ) -> Problem:
        """A problem of this entry; with `file`, of one of its files."""
        place = f"entry '{self.name}'" + (f", {where}" if where else "")
        return Problem(file or self.file, place, found, expected, mend, None if file else self.line)

    def shown(
        self, variable: str = "", year: int | None = None, month: int | None = None, fortnight: str = ""
    ) -> str:
        """The uri with its fields filled in, as the user would write it."""
        return _filled(self.entry.uri, variable, year, month, fortnight)

    def path(
        self, variable: str = "", year: int | None = None, month: int | None = None, fortnight: str = ""
    ) -> Path:
        """The file of one variable, year and month (not opened, not checked)."""
        return self.root / self.shown(variable, year, month, fortnight)

    def address(
        self,
        variable: str = "",
        year: int | None = None,
        month: int | None = None,
        fortnight: str = "",
        tile: str = "",
    ) -> str:
        """Where a file lies on its server: the url of `fetch:` with its fields filled in.

        Parameters
        ----------
        variable, year, month, fortnight
            As `files` gives them.
        tile : str
            As `TileGrid.called` names it.

        Raises
        ------
        ValueError
            If the entry has no `fetch:`.
        """
        fetch = self._fetch()
        called = fetch.names.get(variable, variable)
        return _filled(fetch.url, called, year, month, fortnight, tile=tile, span=fetch.span_of(year))

    def member(
        self, variable: str = "", year: int | None = None, month: int | None = None, fortnight: str = ""
    ) -> str:
        """What a file is called in its archive: `member:` of `fetch:` with its fields filled in.

        Raises
        ------
        ValueError
            If the entry has no `fetch:`.
        """
        fetch = self._fetch()
        return _filled(fetch.member, fetch.names.get(variable, variable), year, month, fortnight)

    def _fetch(self) -> Fetch:
        if self.entry.fetch is None:
            raise ValueError(f"entry '{self.name}' has no `fetch:`")
        return self.entry.fetch

    def files(self, years) -> list[tuple]:
        """Every (variable, year, month) of which the uri makes a file, for `years`.

        Of files that hold half a year, month is the first one in them: 1 or 7. Where a month has two files, each key
        has the half of the month behind it: ``01`` or ``02``.
        """
        fields = uri_fields(self.entry.uri)
        variables = self.entry.variables or [self.entry.variable or ""]
        return list(
            itertools.product(
                variables if "variable" in fields else [self.entry.variable or ""],
                years if "year" in fields else [None],
                file_months(fields),
                *([FORTNIGHTS] if "fortnight" in fields else []),
            )
        )


def _filled(
    text: str, variable: str, year: int | None, month: int | None, fortnight: str, **more: str
) -> str:
    """A uri, an address or a name with its fields filled in."""
    return text.format(variable=variable, year=year, fortnight=fortnight, **_month_fields(month), **more)


def _month_fields(month: int | None) -> dict[str, str]:
    """What stands for {month} and {half} in a name: ``07`` and ``0712`` of July."""
    if month is None:
        return {"month": "", "half": ""}
    return {"month": f"{month:02d}", "half": "0106" if month <= 6 else "0712"}


def load_catalog(
    path: Path, shown: str, wanted: list[str], roots: tuple[Path, ...] = ()
) -> dict[str, Source]:
    """The entries of one catalog.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user wrote it.
    wanted : list of str
        Entries that are used; only these are checked beyond their form.
    roots : tuple of Path
        Folders, besides the catalog's own, that files may lie in.

    Returns
    -------
    dict of str -> Source
        All entries, in the order of the file.

    Raises
    ------
    InputError
        With every problem of the file.
    """
    document = load_yaml(path, shown, "Check `catalog:` of the region file; paths start from its folder.")
    catalog = validate(Catalog, document)
    folder = path.resolve().parent
    root = folder / catalog.root
    allowed = tuple(dict.fromkeys([folder, *(each.resolve() for each in roots)]))
    sources, problems = {}, Problems()
    for name, entry in catalog.sources.items():
        source = Source(name, entry, shown, document.lines[("sources", name)], root, allowed)
        sources[name] = source
        if name in wanted:
            problems.extend(entry_problems(name, entry, document))
    problems.raise_if_any()
    return sources


def path_problem(source: Source, path: Path, shown: str) -> Problem | None:
    """What is wrong with a file of `source` before it is opened: outside the roots, missing, a folder, a pipe, empty.

    Parameters
    ----------
    source : Source
    path : Path
    shown : str
        The path as the user wrote it.
    """
    try:
        stray = leads_out(path, source.allowed)
        found = "" if stray else _unusable(path.resolve(), folder=source.entry.driver == "zarr")
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # no access to the folder, a loop of links, a zero byte
        stray, found = (
            None,
            f"a path that cannot be followed ({getattr(error, 'strerror', None) or error})",
        )
    if stray:
        roots, real = ", ".join(str(root) for root in source.allowed), stray.resolve()
        name = "a path that" if stray == path else f"{stray.name} beside or below it, which"
        mend = f"If it is meant, add {str(real.parent)!r} to `data_roots:` of the region file."
        return source.problem(f"{name} leads to {real}", f"a file below {roots}", mend, file=shown)
    if not found:
        return None
    return source.problem(found, "a file that can be read", _mend_of(source, found), file=shown)


def _mend_of(source: Source, found: str) -> str:
    entry, place = source.entry, f"of the entry ({source.file}:{source.line})"
    if found.startswith(_ABSENT) and entry.fetch:
        return "Run `poml-map fetch REGION.yaml`."
    if found.startswith(_ABSENT) and entry.steps:
        return f"Get it by the `steps:` {place}."
    return f"Check `uri:` and `root:` {place}."


def _unusable(path: Path, folder: bool) -> str:
    if folder:
        return "" if path.is_dir() else "no such folder"
    if path.is_dir():
        return "a folder"
    if not path.exists():
        return "no such file"
    if not path.is_file():
        return "no ordinary file"
    with path.open("rb") as stream:
        return "" if stream.read(1) else "an empty file"


def file_problems(source: Source, years) -> list[Problem]:
    """Problems of all files that the entry needs for `years`; none for a constant.

    The first few files of an entry are named, the rest of them counted in one line.
    """
    if source.entry.driver == "constant":
        return []
    files = source.files(years)
    checked = (path_problem(source, source.path(*file), source.shown(*file)) for file in files)
    problems = [problem for problem in checked if problem]
    absent = [problem for problem in problems if problem.found.startswith(_ABSENT)]
    if len(absent) > 1 and (source.entry.fetch or source.entry.steps):
        # They come together, too: one line is as good as many.
        count = f"{len(absent)} of {len(files)} files missing, the first is {absent[0].file}"
        one = dataclasses.replace(
            absent[0], file=source.entry.uri, found=count, expected="files that can be read"
        )
        problems = [one, *(problem for problem in problems if problem not in absent)]
    return first_of_files(source, problems, len(files))


def first_of_files(source: Source, problems: list[Problem], files: int) -> list[Problem]:
    """The first few problems of an entry with many files, and a line that counts the rest.

    Parameters
    ----------
    source : Source
    problems : list of Problem
    files : int
        How many files were looked at.
    """
    more = len(problems) - _FILES_NAMED
    if more <= 1:
        return problems
    found = f"the same or worse of {more} more of {files} files"
    return [*problems[:_FILES_NAMED], source.problem(found, file=source.entry.uri)]


def require_files(source: Source, years) -> None:
    """Raise `InputError` with every problem that `file_problems` finds."""
    problems = file_problems(source, years)
    if problems:
        raise InputError(problems)
