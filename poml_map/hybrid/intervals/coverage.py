"""Do intervals hold what they promise? Shares inside, widths and scores, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from .cross import HeldOutSpread

#: Levels that tables show.
LEVELS = (0.5, 0.8, 0.9, 0.95)

#: Bins of the histogram of the probability integral transform.
PIT_BINS = 10


def interval_score(observed, low, high, level: float) -> np.ndarray:
    """Width of the interval, plus a fine for what lies outside. Smaller is better.

    Parameters
    ----------
    observed, low, high : array_like (...)
        [kg/m2]
    level : float
        Above 0 and below 1; what lies outside costs ``2 / (1 - level)`` times its distance.

    Returns
    -------
    ndarray (...)
        NaN stays NaN. [kg/m2]

    References
    ----------
    Gneiting & Raftery (2007), Eq. 43, doi:10.1198/016214506000001437

    Examples
    --------
    >>> interval_score([2.0, 1.0, 4.5], 1.5, 4.0, level=0.9)
    array([ 2.5, 12.5, 12.5])
    """
    observed, low, high = (np.asarray(values, dtype=np.float64) for values in (observed, low, high))
    outside = np.maximum(low - observed, 0.0) + np.maximum(observed - high, 0.0)
    return high - low + 2.0 / (1.0 - level) * outside


def coverage_row(observed, low, high, level: float) -> dict:
    """Share of values inside their interval, and how wide it is.

    Parameters
    ----------
    observed, low, high : array_like (rows,)
        Observations (or true values) and limits; rows with a NaN are left out. [kg/m2]
    level : float

    Returns
    -------
    dict
        ``level``, ``n``, ``picp`` (share inside, ends included), ``below`` and ``above`` (shares outside) [1],
        ``mean_width`` and ``interval_score`` [kg/m2], ``note``. NaN with a note that says why where no row is left.

    Examples
    --------
    >>> row = coverage_row([1.0, 2.0, 3.0, 9.0], np.zeros(4), np.full(4, 3.0), 0.9)
    >>> row["n"], row["picp"], row["below"], row["above"], row["mean_width"]
    (4, 0.75, 0.0, 0.25, 3.0)
    """
    observed, low, high = (np.asarray(values, dtype=np.float64) for values in (observed, low, high))
    known = ~np.isnan(observed + low + high)
    observed, low, high = observed[known], low[known], high[known]
    row = {"level": level, "n": len(observed)}
    if not len(observed):
        nothing = dict.fromkeys(("picp", "below", "above", "mean_width", "interval_score"), np.nan)
        return row | nothing | {"note": "no observation has an interval"}
    below, above = float(np.mean(observed < low)), float(np.mean(observed > high))
    return row | {
        "picp": float(np.mean((observed >= low) & (observed <= high))),
        "below": below,
        "above": above,
        "mean_width": float(np.mean(high - low)),
        "interval_score": float(np.mean(interval_score(observed, low, high, level))),
        "note": "" if known.all() else f"{int((~known).sum())} of {len(known)} without an interval",
    }


def coverage_table(held_out: HeldOutSpread, years, levels: Iterable[float] = LEVELS) -> list[dict]:
    """Coverage at held-out sites, each fold's intervals from the residuals of the other folds.

    Parameters
    ----------
    held_out : HeldOutSpread
    years : array_like (years,)
        Of axis 0.
    levels : iterable of float

    Returns
    -------
    list of dict
        As `coverage_row`, with ``subset`` first: ``"all"``, then each year with an observation; for each all levels.
    """
    limits = {level: held_out.limits(level) for level in levels}
    rows = []
    for subset, used in _subsets(held_out, years).items():
        for level, (low, high) in limits.items():
            rows.append(
                {"subset": subset, **coverage_row(held_out.observed[used], low[used], high[used], level)}
            )
            if rows[-1]["n"] == 0:
                rows[-1]["note"] = _why(held_out, level) or rows[-1]["note"]
    return rows


def pit_table(held_out: HeldOutSpread, years) -> list[dict]:
    """Histogram of the probability integral transform, and the CRPS, at held-out sites.

    Parameters
    ----------
    held_out : HeldOutSpread
    years : array_like (years,)

    Returns
    -------
    list of dict
        ``subset`` as in `coverage_table`, ``n``, ``counts`` (list of 10 int; even where intervals are right at every
        level, high in the middle where they are too wide, at the ends where too narrow), ``crps`` [kg/m2].
    """
    pit, crps = held_out.pit(), held_out.crps()
    return [
        {
            "subset": subset,
            "n": int(np.isfinite(pit[used]).sum()),
            "counts": np.histogram(pit[used & ~np.isnan(pit)], PIT_BINS, (0.0, 1.0))[0].tolist(),
            "crps": float(np.nanmean(crps[used])) if np.isfinite(crps[used]).any() else np.nan,
        }
        for subset, used in _subsets(held_out, years).items()
    ]


def _subsets(held_out: HeldOutSpread, years) -> Mapping[str, np.ndarray]:
    seen = ~np.isnan(held_out.observed)
    of_year = np.arange(len(seen))[:, np.newaxis]
    names = np.asarray(years)
    return {"all": seen} | {
        str(names[row]): seen & (of_year == row) for row in np.flatnonzero(seen.any(axis=1))
    }


def _why(held_out: HeldOutSpread, level: float) -> str:
    return held_out.without(int(held_out.fold[0])).why_no_limits(level)
