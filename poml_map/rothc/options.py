"""The choices of the process model that its drivers do not settle."""

from __future__ import annotations

from dataclasses import dataclass

from . import checks, params
from .inputs import shares_from_weights
from .rates import rising_ndvi
from .spinup import POOL_RULES

SPINUPS = ("mean_months", "real_years")
COVERS = ("threshold", "fraction")


@dataclass(frozen=True)
class Options:
    """Choices of the process model that the drivers do not settle.

    Parameters
    ----------
    depth_cm : float
        [cm]
    sampling_month : int
        A year's stock is that at the end of this month, 1-12.
    cover_ndvi : float
        With ``cover="threshold"``: NDVI from which soil counts as covered, see `rates.cover_from_ndvi`. [1]
    input_months : tuple of 12 float, or "ndvi"
        Weights of January to December in the yearly plant input (equal; or those of a crop calendar, see
        `inputs.crop_calendar_shares`), or "ndvi": shares by the mean year of the spin-up's NDVI, see
        `inputs.shares_from_ndvi`. The same shares hold in every year.
    dpm_rpm : float
        DPM/RPM ratio of the plant input where none is given by site. [1]
    pools : {"equilibrium", "weihermueller"}
        Rule of the starting pools, see `spinup.start_state`.
    spinup : {"mean_months", "real_years"}
        Weather of the spin-up: the mean January to December of its years, or these years as they were, in a cycle.
        Decay is not linear in the weather, so the mean year decays at another rate than the years do on average.
    cover : {"threshold", "fraction"}
        Cover from NDVI: all or nothing, or a share of the soil, see `rates.cover_fraction_from_ndvi`.
    cover_ndvi_range : tuple of 2 float
        With ``cover="fraction"``: NDVI of bare and of fully covered soil. [1]
    manure_months : tuple of 12 float
        Weights of January to December in the yearly manure.

    Raises
    ------
    ValueError
        If a choice is none of those above.

    Examples
    --------
    >>> Options(depth_cm=30, spinup="real_years").input_months[:2]
    (1.0, 1.0)
    >>> Options(spinup="real")
    Traceback (most recent call last):
    ...
    ValueError: spinup is 'real', expected one of mean_months, real_years...
    """

    depth_cm: float = 20.0
    sampling_month: int = 12
    cover_ndvi: float = 0.4
    input_months: tuple[float, ...] | str = (1.0,) * 12
    dpm_rpm: float = params.DPM_RPM_CROPS
    pools: str = "equilibrium"
    spinup: str = "mean_months"
    cover: str = "threshold"
    cover_ndvi_range: tuple[float, float] = (0.1, 0.7)
    manure_months: tuple[float, ...] = (1.0,) * 12

    def __post_init__(self):
        checks.topsoil_depth(self.depth_cm)
        checks.month("sampling_month", self.sampling_month)
        for name, words in (("pools", POOL_RULES), ("spinup", SPINUPS), ("cover", COVERS)):
            checks.one_of(name, getattr(self, name), words)
        checks.ndvi("cover_ndvi", self.cover_ndvi)
        rising_ndvi("cover_ndvi_range", self.cover_ndvi_range)
        checks.not_negative("dpm_rpm", self.dpm_rpm, "1")
        shares_from_weights("manure_months", self.manure_months)
        if isinstance(self.input_months, str):
            checks.one_of("input_months", self.input_months, ("ndvi",))
        else:
            shares_from_weights("input_months", self.input_months)
