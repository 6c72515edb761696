"""The arguments of `forcing.prepare`, checked before anything is made of them."""

from __future__ import annotations

import numpy as np

from . import checks, params

NAMES = ("air_temp", "precip", "pet", "ndvi")


class Given:
    """Drivers by calendar as float64 arrays that fit together; refusals name the argument as the caller knows it.

    Attributes
    ----------
    run, spinup : dict of str -> ndarray (months, *shape), or (months, k) with `cell`
        Air temperature, precipitation and evaporation; NDVI always (months, *shape).
    shape : tuple of int
        Of the sites or pixels.
    years : int
        Run years.
    ratio : ndarray (years, ...)
        The driver over its first year.
    clay, dpm_rpm, rate_factor, manure, cell, zone
        As in `forcing.prepare`; the rate factor is never None.
    """

    def __init__(self, run, spinup, clay, driver, dpm_rpm, rate_factor, manure, cell, zone):
        self.clay = checks.percent_clay(clay)
        self.cell, self.zone = column_index("cell", cell), column_index("zone", zone)
        self.run, self.spinup = _weather("run", run), _weather("spinup", spinup)
        self.ratio = _ratio(driver)
        self.years = len(self.ratio)
        self.dpm_rpm = None if dpm_rpm is None else checks.not_negative("dpm_rpm", dpm_rpm, "1")
        self.manure = None if manure is None else checks.not_negative("manure", manure, "kg/m2/year")
        self.rate_factor = (
            None if rate_factor is None else checks.not_negative("rate_factor", rate_factor, "1")
        )
        self.shape = self._common_shape()
        if self.rate_factor is None:
            self.rate_factor = self.beside_sites(np.ones(params.MONTHS_PER_YEAR))
        self._check_lengths()
        self._spread()

    def beside_sites(self, months):
        """Values of months alone with axes of length 1 for the sites."""
        return months.reshape(-1, *(1,) * len(self.shape))

    def _common_shape(self):
        """Shape of the sites; columns that an index picks from must exist, everything else must broadcast."""
        shapes = {"clay": self.clay.shape}
        for which, drivers in (("run", self.run), ("spinup", self.spinup)):
            for name, values in drivers.items():
                if self.cell is not None and name != "ndvi":
                    check_columns("cell", self.cell, f"{which} {name}", values)
                else:
                    shapes[f"{which} {name}"] = values.shape[1:]
        if self.zone is None:
            shapes["driver"] = self.ratio.shape[1:]
        else:
            check_columns("zone", self.zone, "driver", self.ratio)
        for name in ("cell", "zone", "dpm_rpm"):
            values = getattr(self, name)
            shapes |= {} if values is None else {name: values.shape}
        for name in ("rate_factor", "manure"):
            values = getattr(self, name)
            shapes |= {} if values is None else {name: values.shape[1:]}
        return checks.common_shape(**shapes)

    def _check_lengths(self):
        lengths = {"driver": self.years}
        lengths |= {} if self.manure is None else {"manure": len(self.manure)}
        for name, years in lengths.items():
            if len(self.run["ndvi"]) != years * params.MONTHS_PER_YEAR:
                raise ValueError(
                    f"{name} has {years} years on axis 0 and run {len(self.run['ndvi'])} months, expected "
                    "12 months for each year. Mend: give both for the same years, from January to December."
                )
        if len(self.rate_factor) != params.MONTHS_PER_YEAR:
            raise ValueError(
                f"rate_factor has {len(self.rate_factor)} months on axis 0, expected 12. "
                "Mend: give January to December, the same in every year."
            )

    def _spread(self):
        """Give every site its column where one stood for all (views, nothing is copied)."""
        self.clay = np.broadcast_to(self.clay, self.shape)
        for drivers in (self.run, self.spinup):
            for name, values in drivers.items():
                if self.cell is None or name == "ndvi":
                    drivers[name] = np.broadcast_to(values, (len(values), *self.shape))


def _weather(which, drivers):
    missing = [name for name in NAMES if name not in drivers]
    if missing:
        raise ValueError(
            f"{which} lacks {', '.join(missing)}, expected {', '.join(NAMES)}. Mend: add the monthly series."
        )
    checked = {
        "air_temp": checks.celsius(drivers["air_temp"], f"{which} air_temp"),
        "precip": checks.rain(f"{which} precip", drivers["precip"]),
        "pet": checks.evaporation(f"{which} pet", drivers["pet"]),
        "ndvi": checks.ndvi(f"{which} ndvi", drivers["ndvi"]),
    }
    named = {f"{which} {name}": values for name, values in checked.items()}
    checks.same_months(**named)
    checks.whole_years(**named)
    return checked


def _ratio(driver):
    driver = checks.not_negative("driver", driver, "1")
    if driver.ndim == 0 or len(driver) == 0:
        raise ValueError(
            f"driver has shape {driver.shape}, expected (years, ...). Mend: give one value for each run year."
        )
    zero = np.zeros(driver.shape, bool)
    zero[0] = driver[0] == 0
    mend = (
        "correct the source, mask the place (NaN), or choose another driver: all input is scaled by this year"
    )
    checks.refuse("driver", driver, zero, "above 0 in the first year", mend)
    return driver / driver[0]


def column_index(name, index):
    """Whole numbers (n,) that say which column a pixel reads; None stays None."""
    if index is None:
        return None
    index = np.asarray(index)
    if not np.issubdtype(index.dtype, np.integer) or index.ndim != 1:
        raise ValueError(
            f"{name} has type {index.dtype} and shape {index.shape}, expected whole numbers (n,). "
            "Mend: give the column that each pixel reads, counted from 0."
        )
    return index


def check_columns(name, index, what, values):
    """Refuse an index that points beside the columns of `values` (months or years, columns)."""
    if values.ndim != 2:
        raise ValueError(
            f"{what} has shape {values.shape}, expected 2 axes with `{name}`. Mend: give one column for each {name}."
        )
    columns = values.shape[1]
    bad = (index < 0) | (index >= columns)
    checks.refuse(name, index, bad, f"0 to {columns - 1}, the columns of {what}", "count columns from 0")
