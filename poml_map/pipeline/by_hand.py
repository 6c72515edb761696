"""How sources whose files are not there are got: the command for those that servers give, steps for the others."""

from __future__ import annotations

import textwrap

from poml_map.catalog import Entry, Source
from poml_map.config import Region
from poml_map.cube.timeplan import wanted_years

_ACCESS = {
    "open": "open to all, brought by hand",
    "account": "needs an account",
    "request": "needs a request to its owner",
    "manual": "brought by hand",
}
_STRUCTURE = {
    "documented": "; its structure is known from documentation",
    "tried": "; its structure was tried",
}


def how_to_get(region: Region) -> list[str]:
    """How the sources whose files are not there are got, in lines of readable length; none if all are there.

    Parameters
    ----------
    region : Region

    Returns
    -------
    list of str
        A command for those that a server gives openly. Of each of the others, once: what access it needs, its steps and
        its page, and whether its structure was tried or is known from documentation only.
    """
    absent = _absent(region)
    open_ones = [source.name for source in absent if source.entry.fetch]
    lines = []
    if open_ones:
        lines += wrapped(f"Run `poml-map fetch {region.file}` for {', '.join(open_ones)}.", "", "  ")
    for source in absent:
        if source.entry.steps and not source.entry.fetch:
            lines += [f"{source.name}: {_means(source.entry)}.", *_steps(source.entry, "  ")]
    return lines


def by_hand(region: Region) -> list[str]:
    """Of each source without `fetch:` whose files are not there: where they belong, and how they are got.

    Parameters
    ----------
    region : Region

    Returns
    -------
    list of str
        Indented, in lines of readable length.
    """
    lines = []
    for source in _absent(region):
        entry = source.entry
        if entry.fetch is None:
            lines += [f"  {source.name}: bring it yourself to {entry.uri} ({_means(entry)})"]
            unknown = not entry.steps and not entry.url
            lines += ["    The catalog does not say from where."] if unknown else _steps(entry, "    ")
    return lines


def _means(entry: Entry) -> str:
    return _ACCESS[entry.access or "manual"] + _STRUCTURE.get(entry.structure or "", "")


def _steps(entry: Entry, indent: str) -> list[str]:
    lines = wrapped(entry.steps or "", indent, indent)
    return [*lines, f"{indent}Page: {entry.url}"] if entry.url else lines


def wrapped(text: str, first: str, others: str) -> list[str]:
    """Lines of at most 100 letters; addresses and file names stay whole.

    Parameters
    ----------
    text : str
    first, others : str
        What the first line and the others begin with.
    """
    whole = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.wrap(" ".join(text.split()), 100, initial_indent=first, subsequent_indent=others, **whole)


def _absent(region: Region) -> list[Source]:
    return [source for source in region.sources.values() if _is_absent(source, region)]


def _is_absent(source: Source, region: Region) -> bool:
    """Whether a file that the run needs is not there; what else may be wrong with it is told elsewhere."""
    if source.entry.driver == "constant":
        return False
    try:
        return not all(source.path(*key).exists() for key in source.files(wanted_years(source, region)))
    except (OSError, ValueError):
        return False
