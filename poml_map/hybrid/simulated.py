"""What a process model tells of the sites: its best estimate, and draws of it that carry its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Simulated:
    """Stocks of all sites by the process model.

    Attributes
    ----------
    stocks : ndarray (years, sites) float64
        Best estimate; NaN where there is none, such as before a site's first campaign. [kg/m2]
    draws : ndarray (draws, years, sites) float64 or None
        As many runs of the model, each with other parameters, first stocks and inputs, drawn from their errors: their
        spread is the error of `stocks`. NaN nowhere but where `stocks` is NaN. None: no draws were made. [kg/m2]

    Raises
    ------
    ValueError
        If shapes do not fit, a value is infinite, or a draw is NaN where there is a stock.

    Examples
    --------
    >>> Simulated(np.ones((2, 3)), np.ones((50, 2, 3))).n_draws
    50
    """

    stocks: np.ndarray
    draws: np.ndarray | None = None

    def __post_init__(self):
        object.__setattr__(self, "stocks", np.asarray(self.stocks, dtype=np.float64))
        if self.stocks.ndim != 2:
            raise ValueError(
                f"stocks has {self.stocks.ndim} dimension(s), expected 2: (years, sites) [kg/m2]. "
                "Mend: years on axis 0, sites on axis 1."
            )
        _refuse_infinite("stocks", self.stocks)
        if self.draws is not None:
            object.__setattr__(self, "draws", np.asarray(self.draws, dtype=np.float64))
            self._refuse_draws()

    def _refuse_draws(self):
        draws, shape = self.draws, self.stocks.shape
        if draws.ndim != 3 or draws.shape[1:] != shape or len(draws) == 0:
            raise ValueError(
                f"draws has shape {draws.shape}, expected (draws, {shape[0]}, {shape[1]}): (draws, years, sites), one "
                "draw at least. Mend: run every draw at every site and year of `stocks`, or give draws=None."
            )
        _refuse_infinite("draws", draws)
        missing = np.isnan(draws) & ~np.isnan(self.stocks)
        if missing.any():
            at = ", ".join(str(int(i)) for i in np.argwhere(missing)[0])
            raise ValueError(
                f"draws[{at}] is nan ({int(missing.sum())} such values) where `stocks` is not, expected a stock "
                "[kg/m2]. Mend: give every draw the years and sites of the best estimate, or set that stock to NaN."
            )

    @property
    def n_draws(self) -> int:
        """Number of draws; 0 without."""
        return 0 if self.draws is None else len(self.draws)


def as_simulated(result) -> Simulated:
    """What a process model returned as `Simulated`: itself, or stocks (years, sites) without draws.

    Parameters
    ----------
    result : Simulated or array_like (years, sites)
        [kg/m2]

    Returns
    -------
    Simulated

    Raises
    ------
    ValueError
        As `Simulated`.

    Examples
    --------
    >>> as_simulated([[2.0, 2.5], [2.1, np.nan]]).draws is None
    True
    """
    return result if isinstance(result, Simulated) else Simulated(result)


def _refuse_infinite(name, values):
    bad = np.isinf(values)
    if bad.any():
        at = ", ".join(str(int(i)) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name}[{at}] is infinite ({int(bad.sum())} such values), expected finite stocks [kg/m2] or NaN. "
            "Mend: check the drivers of the process model there."
        )
