"""Training rows of the hybrid model and their weights (Eq. 8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import arrays


def refuse_w_p(w_p) -> None:
    """Raise ValueError unless `w_p` is a number from 0 to 1."""
    if isinstance(w_p, bool) or not isinstance(w_p, int | float | np.integer | np.floating):
        raise ValueError(f"w_p is {w_p!r}, expected a number from 0 to 1. Mend: w_p=0.5.")
    if not 0.0 <= w_p <= 1.0:
        raise ValueError(f"w_p is {w_p:g}, expected a number from 0 to 1. Mend: w_p=0.5.")


def poml_weights(n_observed: int, n_simulated: int, w_p: float) -> tuple[float, float]:
    """Weight of one observed and of one simulated row, such that the weighted sum of squares is Eq. 8.

    Parameters
    ----------
    n_observed, n_simulated : int
        Rows of each kind **that are trained on** (of the fold, not of the whole table).
    w_p : float
        Weight of the process model's rows, 0 to 1. [1]

    Returns
    -------
    observed, simulated : float
        ``1 - w_p`` and ``w_p * n_observed / n_simulated``; all rows together weigh `n_observed`. Without
        simulated rows 1 and 0: `w_p` then has no effect. [1]

    Raises
    ------
    ValueError
        If `w_p` is outside 0-1, or there is no observed row.

    References
    ----------
    Zhang et al. (2024), Eq. 8 and section 2.3, doi:10.1016/j.scitotenv.2024.170778

    Examples
    --------
    428 sites, two campaigns, 19 years between them: the paper's 2/19, times w_p.

    >>> poml_weights(856, 8132, 0.5)
    (0.5, 0.05263157894736842)
    """
    refuse_w_p(w_p)
    if n_observed < 1 or n_simulated < 0:
        raise ValueError(
            f"n_observed is {n_observed} and n_simulated {n_simulated}, expected at least 1 observed row. "
            "Mend: Eq. 8 weighs simulations against observations; give observed rows."
        )
    if n_simulated == 0:
        return 1.0, 0.0
    return 1.0 - float(w_p), float(w_p) * n_observed / n_simulated


@dataclass(frozen=True)
class TrainingRows:
    """Rows that a POML forest is fitted on, in one canonical order, with their Eq. 8 weights.

    Rows of weight 0 are left out: ``w_p = 0`` is then the table of observed rows alone, and ``w_p = 1`` that of
    simulated rows alone.

    Attributes
    ----------
    X : ndarray (rows, features) float32
    y, weight : ndarray (rows,) float64
        [kg/m2], [1]
    site, year : ndarray (rows,)
    is_simulated : ndarray (rows,) of bool
    w_p : float
    n_observed, n_simulated : int
        Rows of each kind before those of weight 0 were left out.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    site: np.ndarray
    year: np.ndarray
    is_simulated: np.ndarray
    w_p: float
    n_observed: int
    n_simulated: int

    @property
    def w_p_note(self) -> str:
        """Why `w_p` had no effect; empty when it had one."""
        return "" if self.n_simulated else "w_p has no effect: there are no simulated rows"


def training_rows(X, y, site, year, is_simulated, w_p: float) -> TrainingRows:
    """Sort rows by site, year and kind, and weigh them by Eq. 8.

    Parameters
    ----------
    X : array_like (rows, features)
    y : array_like (rows,)
        Observed or simulated stock. [kg/m2]
    site, year : array_like (rows,)
    is_simulated : array_like (rows,) of bool
    w_p : float
        0 to 1.

    Returns
    -------
    TrainingRows
        The same for every order of the rows that come in.

    Raises
    ------
    ValueError
        If a value is not finite, a length does not fit, no row is observed, or `w_p` is outside 0-1.

    Examples
    --------
    >>> rows = training_rows(np.zeros((3, 1)), [2.0, 2.2, 2.1], ["a"] * 3, [1980, 1982, 1981], [0, 0, 1], 0.25)
    >>> rows.year, rows.weight
    (array([1980, 1981, 1982]), array([0.75, 0.5 , 0.75]))
    """
    X = arrays.as_rows(X)
    arrays.refuse_gaps(X, None)
    y = arrays.as_vector("y", y, len(X))
    is_simulated = arrays.as_flags("is_simulated", is_simulated, len(X))
    site, year = (_labels(name, values, len(X)) for name, values in (("site", site), ("year", year)))
    n_simulated = int(is_simulated.sum())
    n_observed = len(X) - n_simulated
    of_observed, of_simulated = poml_weights(n_observed, n_simulated, w_p)
    weight = np.where(is_simulated, of_simulated, of_observed)
    order = np.lexsort((y, is_simulated, year, np.unique(site, return_inverse=True)[1]))
    order = order[weight[order] > 0]
    return TrainingRows(
        *(column[order] for column in (X, y, weight, site, year, is_simulated)),
        w_p=float(w_p),
        n_observed=n_observed,
        n_simulated=n_simulated,
    )


def _labels(name: str, values, length: int) -> np.ndarray:
    labels = np.asarray(values)
    if labels.shape != (length,):
        raise ValueError(
            f"{name} has shape {labels.shape}, expected ({length},). Mend: one value of {name} per row of X."
        )
    return labels
