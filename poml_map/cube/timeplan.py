"""Which years of a source serve which year of the run: data, a declared fill, or a refusal.

Labels of a layer's times: ``None`` (static), a year, ``(year, month)``, or ``(SPINUP, month)`` for a month of the
mean year that spins the process model up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poml_map import schema
from poml_map.catalog import Source
from poml_map.config import Region
from poml_map.cube.frames import Frame, frame_name, year_list
from poml_map.cube.series import Step
from poml_map.errors import Problems

SPINUP = "spinup"
#: First years with data that a climatology is made of.
CLIMATOLOGY_YEARS = 5
_MONTHS = range(1, 13)
_MOST_NAMED = 6


@dataclass(frozen=True)
class TimePlan:
    """Label -> the step of the source that serves it.

    Attributes
    ----------
    steps : dict
        In the order in which they are used together: run, months of the spin-up, spin-up years.
    spinup : tuple
        Of a monthly source: labels of the months that spin the process model up, January first. 12 of the mean
        year; or those of all spin-up years, in which a climatology repeats.
    filled : tuple of int
        Run years without data that the declared fill serves.
    climatology : tuple of int
        The years whose mean fills.
    """

    steps: dict[object, Step]
    spinup: tuple = ()
    filled: tuple[int, ...] = ()
    climatology: tuple[int, ...] = ()
    unique: tuple[Step, ...] = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "unique", tuple(dict.fromkeys(self.steps.values())))

    @property
    def spinup_years(self) -> tuple[int, ...]:
        """Years of the source that the spin-up is made from."""
        return tuple(sorted({year for label in self.spinup for year in self.steps[label][0]}))


def is_climate(source: Source) -> bool:
    """Whether the spin-up years of the source itself are used; NDVI has a climatology instead."""
    return source.entry.steps_in_time == "monthly" and source.entry.role != "ndvi"


def wanted_years(source: Source, region: Region) -> list[int]:
    """Years that may be read: those of the run and spin-up, and what a climatology needs, as declared."""
    years = set(region.years)
    if is_climate(source):
        years |= set(region.spinup_years)
    declared = source.entry.years
    if declared is None:
        return sorted(years)
    held = range(declared[0], declared[1] + 1)
    years = {year for year in years if year in held}
    return sorted(years | set(held[:CLIMATOLOGY_YEARS]) if _needs_climatology(source, region) else years)


def _needs_climatology(source: Source, region: Region) -> bool:
    return source.entry.role == "ndvi" or source.name in region.settings.fill


def make_plan(
    source: Source, region: Region, frames: frozenset[Frame] | None, problems: Problems
) -> TimePlan:
    """The plan of one source.

    Parameters
    ----------
    source : Source
    region : Region
    frames : frozenset of Frame or None
        What the source holds; None if it serves every year (a constant).
    problems : Problems
        Gets a problem for years and months that are missing.
    """
    time = source.entry.steps_in_time
    if time == "static":
        labels = [None, *region.years] if _is_annual_column(source) else [None]
        return TimePlan(dict.fromkeys(labels, ((None,), None)))
    monthly = time == "monthly"
    years = _Years(source, region, frames, monthly, problems)
    filled = tuple(years.filled)
    steps: dict[object, Step] = {}
    for year in region.years:
        used = years.climatology if year in filled else (year,)
        for month in _MONTHS if monthly else [None]:
            steps[(year, month) if monthly else year] = (used, month)
    spinup = _add_spinup(steps, source, region, years.climatology) if monthly else ()
    return TimePlan(steps, spinup, filled, years.climatology if filled else ())


def _add_spinup(steps: dict, source: Source, region: Region, climatology: tuple[int, ...]) -> tuple:
    """Add the months of the spin-up and of its years to `steps`; returns the labels that spin the model up."""
    real, climate = region.settings.rothc.spinup == "real_years", is_climate(source)
    of_years = [(year, month) for year in region.spinup_years for month in _MONTHS]
    mean = [(SPINUP, month) for month in _MONTHS]
    if not (real and climate):
        averaged = tuple(region.spinup_years) if climate else climatology
        steps |= {label: (averaged, label[1]) for label in mean}
    for year, month in of_years:
        steps.setdefault((year, month), ((year,) if climate else climatology, month))
    if not real:
        return tuple(mean)
    # A climatology spins up also in a year that the run maps with the year's own months.
    return tuple(of_years if climate else mean * len(region.spinup_years))


def _is_annual_column(source: Source) -> bool:
    known = schema.COLUMNS.get(source.entry.cube_column or "")
    return known is not None and known.time == "annual"


class _Years:
    """Which years of a source have data, which are filled; notes the problems."""

    def __init__(self, source: Source, region: Region, frames, monthly: bool, problems: Problems):
        self.source, self.region, self.problems = source, region, problems
        self.frames, self.monthly = frames, monthly
        known = sorted({year for year, _ in frames}) if frames is not None else []
        declared = source.entry.years
        known = [year for year in known if declared is None or declared[0] <= year <= declared[1]]
        self.whole = known if not monthly else [year for year in known if not self._gaps(year)]
        self.partly = [year for year in known if year not in self.whole]
        self.climatology = (
            tuple(self.whole[:CLIMATOLOGY_YEARS]) if frames is not None else tuple(region.years[:1])
        )
        self.filled = self._check_run()
        if is_climate(source):
            self._check("spin-up years", region.spinup_years, "Change `spinup_years:`, or bring these years.")

    def _gaps(self, year: int) -> list[Frame]:
        return [(year, month) for month in _MONTHS if (year, month) not in self.frames]

    def _check_run(self) -> list[int]:
        region, name = self.region, self.source.name
        if name in region.settings.fill and self.climatology:
            self._refuse_gaps(region.years)
            return [year for year in region.years if self.frames is not None and year not in self.whole]
        mend = f"Add `fill: {{{name}: climatology}}` to {region.file}, change `years:`, or bring these years."
        self._check("years", region.years, mend)
        if self.source.entry.role == "ndvi" and not self.climatology:
            self._add("no whole year", "some, for the spin-up climatology", "")
        return []

    def _check(self, what: str, years: range, mend: str) -> None:
        if self.frames is None:
            return
        self._refuse_gaps(years)
        missing = [year for year in years if year not in self.whole and year not in self.partly]
        if missing:
            held = year_list(self.whole) or "none"
            expected = f"every one of the {what} {year_list(years)} (the source holds {held})"
            self._add(f"no data in {year_list(missing)}", expected, mend)

    def _refuse_gaps(self, years: range) -> None:
        """A year with some of its months is a damaged series: no fill mends it in silence."""
        gaps = [frame for year in years if year in self.partly for frame in self._gaps(year)]
        if gaps:
            named = ", ".join(frame_name(frame) for frame in gaps[:_MOST_NAMED])
            more = f" and {len(gaps) - _MOST_NAMED} more" if len(gaps) > _MOST_NAMED else ""
            self._add(
                f"no {named}{more}", "all twelve months of a year", "Bring the months that are missing."
            )

    def _add(self, found: str, expected: str, mend: str) -> None:
        column = self.source.entry.cube_column or self.source.name
        self.problems.extend([self.source.problem(found, expected, mend, f"column {column}")])


def fill_note(source: Source, plan: TimePlan) -> dict | None:
    """What the run's report says about filled years; None when nothing was filled.

    Returns
    -------
    dict or None
        ``source``, ``column``, ``years`` (list), ``rule``.
    """
    if not plan.filled:
        return None
    rule = f"mean of {year_list(plan.climatology)}, the first years with data"
    column = source.entry.cube_column
    return {"source": source.name, "column": column, "years": list(plan.filled), "rule": rule}


def month_starts(months: list[tuple[int, int]]) -> np.ndarray:
    """First days of months.

    Examples
    --------
    >>> month_starts([(1980, 7)])
    array(['1980-07-01T00:00:00.000000000'], dtype='datetime64[ns]')
    """
    return np.array([f"{year:04d}-{month:02d}-01" for year, month in months], dtype="datetime64[ns]")
