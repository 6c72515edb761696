"""Prediction intervals of a run: calibrated at held-out sites, told in tables, manifest and report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from poml_map import schema
from poml_map.config import Region
from poml_map.hybrid import SitePanel
from poml_map.hybrid.intervals import (
    LEVELS,
    HeldOutChange,
    HeldOutSpread,
    TreeSpread,
    coverage_row,
    coverage_table,
    pit_table,
)
from poml_map.mapping import MapChange, MapIntervals
from poml_map.pipeline.site_draws import DrawSettings
from poml_map.units import STOCK_LABELS, stock_factor


@dataclass(frozen=True)
class Changes:
    """Limits of changes, from the sites that were sampled twice.

    Attributes
    ----------
    held_out : HeldOutChange
    level : float
    """

    held_out: HeldOutChange
    level: float

    @property
    def why_uncalibrated(self) -> str:
        """Why the limits are those of the trees alone; empty where observed changes scale them."""
        found = self.held_out.calibrated()
        return "no site was sampled twice" if found is None else found.why_no_limits(self.level)

    def calibration(self, period: tuple[int, int] | None = None) -> str:
        """What the limits rest on, for tags and pages; of a change from one year to another also what is assumed."""
        if why := self.why_uncalibrated:
            return f"uncalibrated: {why}; the spread of the trees alone, too narrow as a rule"
        observed = self.held_out.years()
        text = f"{int(self.held_out.known.sum())} changes at held-out sites, {', '.join(observed[:3])}"
        wanted = None if period is None else f"{period[0]}-{period[1]}"
        return text if wanted in (None, *observed[:1]) else f"{text}; assumed for {wanted}"

    def maps(self, period: tuple[int, int]) -> MapChange:
        """For the pixels, from the first to the last year of a period."""
        calibrated = TreeSpread() if self.why_uncalibrated else self.held_out.calibrated()
        return MapChange(calibrated, self.level, period)

    def for_manifest(self, factor: float) -> dict:
        """What the changes of held-out sites say of their limits; stocks times `factor`."""
        row = coverage_row(self.held_out.observed, *self.held_out.limits(self.level), self.level)
        row |= {name: row[name] * factor for name in ("mean_width", "interval_score")}
        return {"calibration": self.calibration(), "coverage": row}


@dataclass(frozen=True)
class Intervals:
    """What a run knows of its intervals. Make it with `Intervals.of`.

    Attributes
    ----------
    maps : MapIntervals
        For the pixels: from the residuals of all folds.
    coverage : pandas.DataFrame
        ``subset``, ``level``, ``n``, ``picp``, ``below``, ``above``, ``mean_width``, ``interval_score``, ``note``.
        [kg/m2]
    pit : list of dict
        Histograms by subset, and the CRPS. [kg/m2]
    at_sites : pandas.DataFrame
        ``site``, ``year``, ``observed``, ``POML``, limits and deviation of each site and year, held out. [kg/m2]
    changes : Changes
        What is known of changes from one campaign to another.
    draws : DrawSettings
    folds : int
        Of the calibration; POML is scored in those of `validation:`.
    notes : list of str
        What the draws do not carry, and limits that cannot be given.
    """

    maps: MapIntervals
    coverage: pd.DataFrame
    pit: list[dict]
    at_sites: pd.DataFrame
    changes: Changes
    draws: DrawSettings
    folds: int
    notes: list[str]

    @classmethod
    def of(cls, region: Region, panel: SitePanel, spread: HeldOutSpread, origin: str) -> Intervals:
        """Calibrate.

        Parameters
        ----------
        region : Region
            With the block `intervals:`.
        panel : SitePanel
        spread : HeldOutSpread
        origin : {"calibrated", "given", "assumed"}
            Of mu_max and K_m.
        """
        level = region.settings.intervals.level
        maps = MapIntervals(spread.calibrated(), level, region.years)
        why = maps.calibrated.why_no_limits(level)
        notes = [f"no interval: {why}"] if why else []
        if origin != "calibrated":
            notes.append(f"mu_max and K_m are {origin}: the draws of the intervals carry no error of them")
        return cls(
            maps,
            pd.DataFrame(coverage_table(spread, panel.years, sorted({*LEVELS, level}))),
            pit_table(spread, panel.years),
            _at_sites(panel, spread, level),
            Changes(spread.change, level),
            DrawSettings.of(region),
            len(np.unique(spread.fold)),
            notes,
        )

    def of_maps(self, years: range) -> tuple[MapIntervals, MapChange | None]:
        """For the pixels; the change is that of these years, and there is none of a single one."""
        change = self.changes.maps((years[0], years[-1])) if len(years) > 1 else None
        return self.maps, change

    @property
    def tags(self) -> dict[str, str]:
        """What the maps of limits and deviation say of themselves."""
        known = self.maps.calibrated
        campaigns = ", ".join(map(str, known.years))
        rests_on = f"residuals of {known.n_sites} held-out sites, campaigns {campaigns}"
        return {"LEVEL": f"{self.maps.level:g}", "CALIBRATION": rests_on}

    def for_manifest(self, unit: str) -> dict:
        """All numbers but the single sites', stocks in `unit`."""
        factor = stock_factor(unit)
        table = self.coverage.assign(
            mean_width=self.coverage["mean_width"] * factor,
            interval_score=self.coverage["interval_score"] * factor,
        )
        pit = [row | {"crps": row["crps"] * factor} for row in self.pit]
        settings = {
            name: getattr(self.draws, name) for name in ("draws", "stock_error", "driver_error", "seed")
        }
        return {
            "level": self.maps.level,
            "layers": {name: schema.interval_text(name) for name in self.maps.layers},
            "draws": settings,
            "calibration": {
                "folds": self.folds,
                "n_sites": self.maps.calibrated.n_sites,
                "spread_to_error": {
                    str(year): self.maps.calibrated.at(year).factor for year in self.maps.calibrated.years
                },
                "smallest_spread": self.maps.calibrated.floor * factor,
            },
            "coverage": table.to_dict(orient="records"),
            "pit": pit,
            "change": self.changes.for_manifest(factor),
            "notes": self.notes,
        }


def interval_lines(intervals: dict | None, unit: str, *, has_change: bool = True) -> list[str]:
    """The part of `report.md` about intervals, from the manifest's section; None where there are none."""
    if intervals is None:
        return [
            "- No map carries an interval: the region file has no `intervals:` block. The spread of the trees is not "
            "one."
        ]
    label, names = STOCK_LABELS[unit], list(intervals["layers"])
    lines = [
        f"- The interval ({', '.join(f'SOCS_{name}' for name in names)}) is that of one sample, with the error of its "
        "measurement, at one place and year. It is none of a sum or mean over an area, which has limits of its own "
        "(zones.csv), and two of them make none of a change (CHANGE_POML_*, zone_changes.csv).",
        "- POML is the mean over trees that learned from draws of RothC; without intervals it differs a little.",
    ]
    rows = [row for row in intervals["coverage"] if row["subset"] == "all" and row["n"]]
    lines += [
        f"- {100 * row['level']:g} % interval: {100 * row['picp']:.1f} % of {row['n']} observations at held-out sites "
        f"inside ({100 * row['below']:.1f} % below, {100 * row['above']:.1f} % above), mean width "
        f"{row['mean_width']:.3f} {label}."
        for row in rows
    ]
    lines += _change_lines(intervals["change"], label) if has_change else []
    return [*lines, *(f"- {note[0].upper()}{note[1:]}." for note in intervals["notes"])]


def _change_lines(change: dict, label: str) -> list[str]:
    row = change["coverage"]
    held = (
        f"; {100 * row['picp']:.1f} % of {row['n']} changes at held-out sites inside, mean width "
        f"{row['mean_width']:.3f} {label}"
        if row["n"]
        else ""
    )
    return [
        f"- The interval of the change (CHANGE_POML_*) is that of two samples of one place ({change['calibration']})"
        f"{held}. It holds the error of measuring twice: where it holds zero, two samples could not tell the change "
        "from none, which is not to say that there is none."
    ]


def _at_sites(panel: SitePanel, spread: HeldOutSpread, level: float) -> pd.DataFrame:
    low, high, deviation = schema.interval_maps(level)
    limits = spread.limits(level)
    year, site = (axis.T.ravel() for axis in np.indices(panel.observed.shape))
    values: Sequence[np.ndarray] = (panel.observed, spread.mean, *limits, spread.deviation())
    names = ("observed", "POML", low, high, deviation)
    table = {name: each.T.ravel() for name, each in zip(names, values, strict=True)}
    return pd.DataFrame({"site": panel.sites[site], "year": panel.years[year], **table})
