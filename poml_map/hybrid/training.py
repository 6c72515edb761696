"""Training rows of the hybrid model and their weights (Eq. 8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import arrays

#: How simulated rows share the weight ``w_p``: all alike (the paper), or by years from the nearest campaign.
TIME_WEIGHTS = ("constant", "distance")


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
    time_weight : {"constant", "distance"}
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
    time_weight: str = "constant"

    @property
    def w_p_note(self) -> str:
        """Why `w_p` had no effect; empty when it had one."""
        return "" if self.n_simulated else "w_p has no effect: there are no simulated rows"


def training_rows(X, y, site, year, is_simulated, w_p: float, time_weight: str = "constant") -> TrainingRows:
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
    time_weight : {"constant", "distance"}
        "constant": every simulated row weighs the same, as in the paper. "distance": in proportion to
        `years_to_campaign`, so that the process model speaks where no measurement is near.

    Returns
    -------
    TrainingRows
        The same for every order of the rows that come in.

    Raises
    ------
    ValueError
        If a value is not finite, a length does not fit, no row is observed, `w_p` is outside 0-1, `time_weight`
        is another word, or as `years_to_campaign`.

    Notes
    -----
    With "distance" a simulated row ``i`` weighs ``w_p * n_o / n_s * d_i / mean(d)``, in which ``d_i`` are its years
    to the nearest campaign: as with "constant", all rows together weigh ``n_o`` and the simulated ones ``w_p`` of
    that. At ``w_p = 0`` there is no difference; at ``w_p = 1`` there is: simulated rows alone, by distance.

    Examples
    --------
    >>> rows = training_rows(np.zeros((3, 1)), [2.0, 2.2, 2.1], ["a"] * 3, [1980, 1982, 1981], [0, 0, 1], 0.25)
    >>> rows.year, rows.weight
    (array([1980, 1981, 1982]), array([0.75, 0.5 , 0.75]))

    Five years between two campaigns: the middle one, two years from both, weighs most.

    >>> year = np.arange(1980, 1985)
    >>> is_simulated = [0, 1, 1, 1, 0]
    >>> rows = training_rows(np.zeros((5, 1)), year / 1000, ["a"] * 5, year, is_simulated, 0.5, "distance")
    >>> rows.weight
    array([0.5 , 0.25, 0.5 , 0.25, 0.5 ])
    """
    if time_weight not in TIME_WEIGHTS:
        raise ValueError(
            f"time_weight is {time_weight!r}, expected one of {', '.join(TIME_WEIGHTS)}. Mend: time_weight='constant'."
        )
    X = arrays.as_rows(X)
    arrays.refuse_gaps(X, None)
    y = arrays.as_vector("y", y, len(X))
    is_simulated = arrays.as_flags("is_simulated", is_simulated, len(X))
    site, year = (_labels(name, values, len(X)) for name, values in (("site", site), ("year", year)))
    n_simulated = int(is_simulated.sum())
    n_observed = len(X) - n_simulated
    of_observed, of_simulated = poml_weights(n_observed, n_simulated, w_p)
    weight = np.where(is_simulated, of_simulated, of_observed)
    if time_weight == "distance" and n_simulated:
        years = years_to_campaign(site, year, is_simulated)[is_simulated]
        weight[is_simulated] *= years / years.mean()
    order = np.lexsort((y, is_simulated, year, np.unique(site, return_inverse=True)[1]))
    order = order[weight[order] > 0]
    return TrainingRows(
        *(column[order] for column in (X, y, weight, site, year, is_simulated)),
        w_p=float(w_p),
        n_observed=n_observed,
        n_simulated=n_simulated,
        time_weight=time_weight,
    )


def years_to_campaign(site, year, is_simulated) -> np.ndarray:
    """Years from each row to the nearest observed row of its site, before or after it.

    Parameters
    ----------
    site, year : array_like (rows,)
    is_simulated : array_like (rows,) of bool
        False for the rows that are campaigns.

    Returns
    -------
    ndarray (rows,) float64
        0 for observed rows. After a site's last campaign it grows by one a year without an end, as the process model
        has nothing but its start to hold it there. [years]

    Raises
    ------
    ValueError
        If a site has simulated rows but no observed one, or no simulated row lies outside the campaigns.

    Examples
    --------
    >>> years_to_campaign(["a"] * 6, [1980, 1981, 1982, 1983, 1984, 1985], [0, 1, 1, 0, 1, 1])
    array([0., 1., 1., 0., 1., 2.])
    """
    site, year, is_simulated = np.asarray(site), np.asarray(year), np.asarray(is_simulated, bool)
    distance = np.zeros(len(site))
    order = np.argsort(site, kind="stable")
    first = np.flatnonzero(np.r_[True, site[order][1:] != site[order][:-1]]) if len(site) else []
    for rows in np.split(order, first[1:]):
        campaigns = year[rows][~is_simulated[rows]]
        if len(campaigns) == 0:
            raise ValueError(
                f"site is {site[rows[0]]} in {len(rows)} simulated rows, expected an observed row too. Mend: give its "
                "campaigns, or time_weight='constant'."
            )
        distance[rows] = np.abs(year[rows][:, None] - campaigns).min(axis=1)
    if is_simulated.any() and not distance.any():
        raise ValueError(
            "year of every simulated row is one of its site's campaigns, expected years between or after them. "
            "Mend: simulate years without an observation, or time_weight='constant'."
        )
    return distance


def _labels(name: str, values, length: int) -> np.ndarray:
    labels = np.asarray(values)
    if labels.shape != (length,):
        raise ValueError(
            f"{name} has shape {labels.shape}, expected ({length},). Mend: one value of {name} per row of X."
        )
    return labels
