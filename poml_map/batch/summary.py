"""`summary.csv`, and the table at the end on the terminal."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from poml_map.batch.facts import Facts
from poml_map.batch.state import DONE, FAILED, FINISHED, KEPT, RUNNING, STOPPED, WAITING, State
from poml_map.files import write_text_atomic
from poml_map.pipeline.progress import duration
from poml_map.tables import listed

#: Name of the file in the folder of a batch.
SUMMARY = "summary.csv"
_MODELS = ("POML", "ML")
# Regions that failed alike.
_NAMED = 8
_ORDER = (DONE, KEPT, RUNNING, FAILED, STOPPED, WAITING)


@dataclass(frozen=True)
class Row:
    """A region with what its folder tells, as far as it is whole."""

    state: State
    facts: Facts

    @classmethod
    def of(cls, state: State, out: Path) -> Row:
        """Read the manifest of a region that is finished."""
        return cls(state, Facts.of(out / state.name) if state.state in FINISHED else Facts())


def write_summary(rows: Sequence[Row], out: Path) -> Path:
    """Write ``summary.csv``, whole or not at all: one line a region.

    Raises
    ------
    ResourceError
        If it cannot be written.
    """
    records = [_record(row) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return write_text_atomic(out / SUMMARY, text.getvalue())


def _record(row: Row) -> dict[str, object]:
    state, facts = row.state, row.facts
    first, last = (facts.years[0], facts.years[-1]) if facts.years else ("", "")
    means = facts.means or ("", "")
    scores = {
        f"{name}_{model}": _number(values.get(model))
        for name, values in (("rmse", facts.rmse), ("ccc", facts.ccc))
        for model in _MODELS
    }
    return {
        "region": state.name,
        "state": state.state,
        "exit_code": "" if state.code is None else state.code,
        "error": state.error,
        "seconds": f"{state.seconds:.0f}" if state.started else "",
        "started": _time(state.started),
        "finished": _time(state.finished),
        "pixels": "" if facts.pixels is None else facts.pixels,
        "sites": "" if facts.sites is None else facts.sites,
        **scores,
        "scores_of": facts.model_of or (state.name if facts.rmse else ""),
        "first_year": first,
        "mean_first_year": _number(means[0]),
        "last_year": last,
        "mean_last_year": _number(means[-1]),
        "unit": facts.unit,
        "notes": "; ".join(facts.notes),
        "files": "" if facts.files is None else facts.files,
        "folder": state.name if state.state in FINISHED else "",
        "file": state.planned.source,
    }


def _number(value: float | str | None) -> str:
    return f"{value:.4g}" if isinstance(value, float) else ""


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone().isoformat(timespec="seconds")


def counts(states: Sequence[State]) -> str:
    """How many regions are in which state.

    Examples
    --------
    >>> from poml_map.batch.plan import Planned
    >>> counts([State(Planned("a", "a.yaml"), state=DONE), State(Planned("b", "b.yaml"))])
    '1 done, 1 waiting'
    """
    count = Counter(state.state for state in states)
    return ", ".join(f"{count[name]} {name}" for name in _ORDER if count[name])


def table(rows: Sequence[Row]) -> list[str]:
    """Lines for people: every region with state, time and accuracy, and why the others failed."""
    unit = next((row.facts.unit for row in rows if row.facts.unit), "")
    head = ["region", "state", "time", "pixels", "sites", "RMSE", "CCC", "mean stock", "files"]
    cells = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = [
        "  ".join(
            text.ljust(width) if column < 2 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    if unit:
        others = list(dict.fromkeys(row.facts.model_of for row in rows if row.facts.model_of))
        where = f" of {listed(others, _NAMED)}, where the model was learned" if others else ""
        lines.append(
            f"sites, RMSE, CCC: POML at held-out sites{where}; mean stock: POML, first and last year; {unit}"
        )
    return lines + failures([row.state for row in rows])


def failures(states: Sequence[State]) -> list[str]:
    """Why regions failed; those that failed alike on one line.

    Examples
    --------
    >>> from poml_map.batch.plan import Planned
    >>> states = [State(Planned(name, f"{name}.yaml")) for name in "abc"]
    >>> for state in states[:2]: state.fail(3, ["The disk is full."])
    >>> failures(states)
    ['a, b: The disk is full.']
    """
    names: dict[str, list[str]] = {}
    for state in states:
        if state.state == FAILED:
            names.setdefault(state.error, []).append(state.name)
    return [f"{listed(regions, _NAMED)}: {error}" for error, regions in names.items()]


def _cells(row: Row) -> list[str]:
    state, facts = row.state, row.facts
    rmse, ccc = facts.rmse.get(_MODELS[0]), facts.ccc.get(_MODELS[0])
    means = " > ".join(f"{mean:.2f}" for mean in dict.fromkeys(facts.means))
    return [
        state.name,
        state.state.upper() if state.state == FAILED else state.state,
        duration(state.seconds) if state.started else "-",
        "-" if facts.pixels is None else f"{facts.pixels:,}",
        "-" if facts.sites is None else str(facts.sites),
        "-" if rmse is None else f"{rmse:.3f}",
        "-" if ccc is None else f"{ccc:.3f}",
        means or "-",
        "-" if facts.files is None else str(facts.files),
    ]
