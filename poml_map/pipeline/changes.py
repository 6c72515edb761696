"""Maps of the change from the first to the last year, and of what of it can be told from none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import false_discovery_control

from poml_map import schema
from poml_map.config import Region
from poml_map.grid import Grid
from poml_map.mapping import P_VALUE, read_flat, read_years
from poml_map.pipeline.intervals import Changes
from poml_map.products import map_name, weighted_mean, write_map
from poml_map.units import stock_factor

log = logging.getLogger(__name__)

# p-values come from the store as float32.
_ROUNDING = 1e-6


def write_changes(
    region: Region,
    store: Path,
    folder: Path,
    grid: Grid,
    wanted: range,
    about: dict,
    changes: Changes | None,
    write_one: Callable = write_map,
) -> dict:
    """Write the maps of the change of every model into `folder`; none where only one year is mapped.

    Parameters
    ----------
    region : Region
    store : Path
        Finished store.
    folder : Path
        Of the maps.
    grid : Grid
    wanted : range
        Years of which maps are written.
    about : dict
        ``depth_cm``, ``month`` and ``tags`` of `write_map`.
    changes : Changes or None
        With intervals: then the interval of POML's change and its classes are mapped too.
    write_one : callable
        `write_map`, or what stands for it.

    Returns
    -------
    dict
        For the manifest: ``period``, mean change by model [unit of the region], and pixels by class.

    Raises
    ------
    ResourceError
        If a file cannot be written.
    """
    if len(wanted) < 2:
        return {}
    first, last = wanted[0], wanted[-1]
    factor = np.float32(stock_factor(region.settings.units))

    def write(layer: str, values: np.ndarray, **tags) -> None:
        written = about | {"tags": about["tags"] | tags, "unit": region.settings.units}
        path = folder / map_name(layer, last, first)
        write_one(path, values, grid, model=layer, year=last, first_year=first, **written)

    means = {}
    for model in schema.MODELS:
        change = _change(store, model, wanted, region) * factor
        write(f"CHANGE_{model}", change)
        write(f"RATE_{model}", change / np.float32(last - first))
        means[model] = weighted_mean(change, grid)
    found = {"period": [first, last], "mean": means}
    if changes is not None:
        found |= _write_interval(store, write, factor, region, changes, (first, last))
    return found


def _write_interval(
    store: Path, write: Callable, factor, region: Region, changes: Changes, period: tuple[int, int]
) -> dict:
    settings = region.settings.intervals
    calibration = changes.calibration(period)
    tags = {"CALIBRATION": calibration, "LEVEL": f"{settings.level:g}"}
    for layer in schema.change_interval_maps(settings.level):
        write(layer, read_flat(store, layer) * factor, **tags)
    low, high = (read_flat(store, layer) for layer in list(schema.change_interval_maps(settings.level))[:2])
    p = read_flat(store, P_VALUE)
    classes = change_classes(low, high, p, settings.level, settings.change_control)
    write("CHANGE_POML_class", classes, CONTROL=settings.change_control, **tags)
    counts = {text: int((classes == code).sum()) for code, text in schema.CHANGE_CLASSES.items()}
    if settings.change_control == "false_discovery" and counts["not detectable"] == np.isfinite(p).sum():
        log.warning("  warning: %s", _why_none(p, settings.level))
    return {
        "classes": counts,
        "level": settings.level,
        "control": settings.change_control,
        "calibration": calibration,
    }


def _why_none(p: np.ndarray, level: float) -> str:
    """Why no change is told from none although false discoveries are controlled."""
    least = float(np.nanmin(p))
    return (
        f"no change is told from none with control of false discoveries: the smallest p-value is {least:.3g}, which "
        f"with so few sites must hold for {100 * min(least / (1 - level), 1):.0f} % of the pixels"
    )


def change_classes(low, high, p, level: float, control: str) -> np.ndarray:
    """Which changes are told from none.

    Parameters
    ----------
    low, high : ndarray (y, x)
        Limits of the change; NaN where there is no map. [kg/m2]
    p : ndarray (y, x)
        p-value of no change.
    level : float
    control : {"pixel", "false_discovery"}
        Each pixel by its own interval; or so that of the pixels that are called gain or loss two samples would show
        no such change in no more than the share ``1 - level`` (Benjamini & Hochberg 1995,
        doi:10.1111/j.2517-6161.1995.tb02031.x).

    Returns
    -------
    ndarray (y, x) of float32
        Codes of `poml_map.schema.CHANGE_CLASSES`; NaN where there is no map.

    Examples
    --------
    >>> low, high = np.array([[0.1, -0.3, -0.2, np.nan]]), np.array([[0.5, -0.1, 0.2, np.nan]])
    >>> p = np.array([[0.01, 0.08, 1.0, np.nan]])
    >>> change_classes(low, high, p, 0.9, "pixel"), change_classes(low, high, p, 0.9, "false_discovery")
    (array([[ 1., -1.,  0., nan]], dtype=float32), array([[ 1.,  0.,  0., nan]], dtype=float32))
    """
    known = np.isfinite(p)
    if control == "false_discovery":
        told = np.zeros(p.shape, bool)
        if known.any():
            told[known] = false_discovery_control(p[known].astype(np.float64)) <= 1 - level + _ROUNDING
    else:
        told = known
    gain, loss = told & (low > 0), told & (high < 0)
    return np.where(known, gain.astype(np.float32) - loss, np.nan).astype(np.float32)


def _change(store: Path, model: str, wanted: range, region: Region) -> np.ndarray:
    first, last = (region.years.index(wanted[place]) for place in (0, -1))
    before, after = read_years(store, model, slice(first, last + 1, last - first))
    return after - before
