"""`index.html` of a batch: every region with its map, its numbers, and a link to its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from poml_map._version import __version__
from poml_map.batch.names import LOGS
from poml_map.batch.state import FAILED, FINISHED, STOPPED, WAITING
from poml_map.batch.summary import SUMMARY, Row, counts
from poml_map.files import write_text_atomic
from poml_map.pipeline.progress import duration
from poml_map.products.page.house import asset, environment, policy_hash
from poml_map.products.page.thumbnails import color_stops, draw_small, limits_of, read_small
from poml_map.products.page.write import PAGE_NAME
from poml_map.products.sheet import raised
from poml_map.products.words import map_name
from poml_map.units import STOCK_LABELS

#: Name of the file in the folder of a batch.
INDEX = "index.html"
_ASSETS = files("poml_map.batch") / "assets"
_MODEL = "POML"
# Notes that the page says in words of its own.
_SAID_OTHERWISE = ("Synthetic", "Model learned in")
# Those that need somebody come first.
_FIRST = (FAILED, STOPPED, WAITING)


class IndexPage:
    """Draws the page again and again while the batch goes on; a map that was read once is kept.

    Parameters
    ----------
    out : Path
        Folder of the batch.
    heading : str
    """

    def __init__(self, out: Path, heading: str, shared: bool = False):
        self.out, self.heading, self.shared = out, heading, shared
        self._maps: dict[str, Any] = {}

    def write(self, rows: Sequence[Row], mosaic: Sequence[str] = ()) -> Path:
        """Write ``index.html``, whole or not at all.

        Parameters
        ----------
        rows : sequence of Row
        mosaic : sequence of str
            What there is of one map of all regions, in words.

        Raises
        ------
        ResourceError
            If it cannot be written.
        """
        style = asset("page.css") + _own("index.css")
        script = _own("index.js")
        context = {
            "style": Markup(style),
            "style_hash": policy_hash(style),
            "script": Markup(script),
            "script_hash": policy_hash(script),
            "mosaic": mosaic,
            **self._context(rows),
        }
        text = environment(_own).get_template(INDEX).render(context)
        return write_text_atomic(self.out / INDEX, text)

    def _context(self, rows: Sequence[Row]) -> dict[str, Any]:
        states = [row.state for row in rows]
        whole = [row for row in rows if row.state.state in FINISHED]
        limits = self._limits(whole)
        ordered = sorted(rows, key=lambda row: _order(row.state.state))
        return {
            "version": __version__,
            "heading": self.heading,
            "counts": counts(states),
            "written": f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}".strip(),
            "unfinished": len(whole) < len(rows),
            "notes": _notes(whole),
            "synthetic": sum(row.facts.synthetic for row in whole),
            "finished": len(whole),
            "shared": self.shared,
            "facts": _totals(rows, whole),
            "columns": _columns(whole),
            "rows": [self._row(row, limits) for row in ordered],
            "scales": [_scale(unit, ends) for unit, ends in limits.items()],
            "colors": color_stops(),
            "summary": SUMMARY,
        }

    def _limits(self, rows: Sequence[Row]) -> dict[str, tuple[float, float]]:
        """Ends of the colour scale of each unit."""
        units: dict[str, dict] = {}
        for row in rows:
            values = self._map(row)
            if values is not None:
                units.setdefault(row.facts.unit, {})[row.state.name] = values
        return {unit: limits_of(maps) for unit, maps in units.items()}

    def _map(self, row: Row):
        name, facts = row.state.name, row.facts
        if name not in self._maps and facts.years:
            path = self.out / name / "maps" / map_name(_MODEL, facts.years[-1])
            self._maps[name] = read_small(path)
        return self._maps.get(name)

    def _row(self, row: Row, limits: dict[str, tuple[float, float]]) -> dict[str, Any]:
        state, facts = row.state, row.facts
        values = self._map(row)
        failed = state.state == FAILED
        return {
            "name": state.name,
            "title": facts.title or state.name,
            "state": state.state,
            "order": _order(state.state),
            "error": state.error if failed else "",
            "link": f"{state.name}/{PAGE_NAME}" if state.state in FINISHED else "",
            "log": f"{LOGS}/{state.name}.log" if failed else "",
            "picture": None if values is None else draw_small(values, limits[facts.unit]),
            "last_year": facts.years[-1] if facts.years else "",
            "numbers": _numbers(row),
        }


def _columns(whole: Sequence[Row]) -> list[tuple[str, bool]]:
    """Heading of each column, and whether it holds numbers."""
    years = {row.facts.years for row in whole if row.facts.years}
    first, last = "Mean, first year", "Mean, last year"
    if len(years) == 1:
        (same,) = years
        first, last = f"Mean {same[0]}", f"Mean {same[-1]}"
    words = ("", "Region", "State")
    numbers = ("Time", "Pixels", "Sites", "RMSE", "CCC", first, last, "Change", "Files")
    return [*((name, False) for name in words), *((name, True) for name in numbers)]


def _own(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _order(state: str) -> int:
    return _FIRST.index(state) if state in _FIRST else len(_FIRST)


def _scale(unit: str, ends: tuple[float, float]) -> dict[str, str]:
    return {"label": raised(STOCK_LABELS[unit]), "low": f"{ends[0]:g}", "high": f"{ends[1]:g}"}


def _notes(whole: Sequence[Row]) -> list[tuple[str, int]]:
    """What is a stand-in or assumed, and in how many regions."""
    notes = (note for row in whole for note in row.facts.notes if not note.startswith(_SAID_OTHERWISE))
    return list(Counter(notes).items())


def _totals(rows: Sequence[Row], whole: Sequence[Row]) -> list[tuple[str, str, str]]:
    failed = sum(row.state.state == FAILED for row in rows)
    pixels = sum(row.facts.pixels or 0 for row in whole)
    seconds = sum(row.state.seconds for row in rows)
    totals = [("Regions", f"{len(whole)} of {len(rows)}", "are finished")]
    totals += [("Failed", str(failed), "the first rows say why")] if failed else []
    totals += [("Pixels", f"{pixels:,}", "mapped in every year")]
    return totals + ([("Time", duration(seconds), "of all regions in this batch")] if seconds else [])


def _numbers(row: Row) -> list[tuple[str, float | str]]:
    """Text and value to sort by, of every column of numbers."""
    state, facts = row.state, row.facts
    first, last = (facts.means[0], facts.means[-1]) if facts.means else (None, None)
    change = None if first is None or len(facts.means) < 2 else last - first
    decimals = 1 if facts.unit == "t/ha" else 2
    return [
        (duration(state.seconds), state.seconds) if state.started else ("", ""),
        _cell(facts.pixels, ",d"),
        _cell(facts.sites, "d"),
        _cell(facts.rmse.get(_MODEL), ".3f"),
        _cell(facts.ccc.get(_MODEL), ".3f"),
        _cell(first, f".{decimals}f"),
        _cell(last, f".{decimals}f"),
        _cell(change, f"+.{decimals}f"),
        _cell(facts.files, "d"),
    ]


def _cell(value: float | None, form: str) -> tuple[str, float | str]:
    return ("", "") if value is None else (f"{value:{form}}".replace("-", "−"), value)
