"""Scores of predictions: RMSE, Lin's concordance, mean error, model efficiency.

All take observed first, drop nothing, and answer NaN when there is no pair or a pair has a NaN: a score over
rows that nobody chose would be a number without meaning. Choose the rows before.
"""

from __future__ import annotations

import numpy as np


def rmse(observed, predicted) -> float:
    """Root of the mean squared error.

    Parameters
    ----------
    observed, predicted : array_like (n,)
        [kg/m2, or any common unit]

    Returns
    -------
    float
        [the same unit]; NaN for no pair or a NaN in one.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> rmse([1, 2, 3, 4], [2, 3, 4, 5])
    1.0
    """
    observed, predicted = _pairs(observed, predicted)
    return float(np.sqrt(np.mean((predicted - observed) ** 2))) if len(observed) else np.nan


def mean_error(observed, predicted) -> float:
    """Mean of predicted minus observed: above 0 when the model predicts too much.

    Parameters, Returns and Raises as in `rmse`.

    Examples
    --------
    >>> mean_error([1, 2, 3, 4], [2, 3, 4, 5])
    1.0
    """
    observed, predicted = _pairs(observed, predicted)
    return float(np.mean(predicted - observed)) if len(observed) else np.nan


def mec(observed, predicted) -> float:
    """Model efficiency: 1 - SSE / sum of squares around the mean observation (not the squared correlation).

    Parameters, Raises as in `rmse`.

    Returns
    -------
    float
        1 is perfect, 0 as good as the mean observation, below 0 worse. NaN for fewer than two pairs, a NaN in
        one, or equal observations (nothing to explain). [1]

    Examples
    --------
    >>> round(mec([1, 2, 3, 4], [2, 3, 4, 5]), 6)
    0.2
    """
    observed, predicted = _pairs(observed, predicted)
    if _constant(observed):
        return np.nan
    around_mean = np.sum((observed - observed.mean()) ** 2)
    return float(1.0 - np.sum((predicted - observed) ** 2) / around_mean)


def ccc(observed, predicted) -> float:
    """Lin's concordance correlation coefficient, moments with 1/n.

    Parameters, Raises as in `rmse`.

    Returns
    -------
    float
        ``2 s_xy / (s_x^2 + s_y^2 + (mean_x - mean_y)^2)``, -1 to 1. NaN for fewer than two pairs, a NaN in one,
        or equal observations. [1]

    References
    ----------
    Lin (1989), Biometrics 45, 255-268, doi:10.2307/2532051

    Examples
    --------
    >>> round(ccc([1, 2, 3, 4], [2, 3, 4, 5]), 6)
    0.714286
    """
    observed, predicted = _pairs(observed, predicted)
    if _constant(observed):
        return np.nan
    covariance = np.mean((observed - observed.mean()) * (predicted - predicted.mean()))
    bias = observed.mean() - predicted.mean()
    return float(2.0 * covariance / (observed.var() + predicted.var() + bias**2))


def why_undefined(observed) -> str:
    """Why CCC and MEC of these observations are NaN; empty when they are not.

    Examples
    --------
    >>> why_undefined([2.0, 2.0])
    'all 2 observations are equal'
    """
    observed = np.asarray(observed, dtype=np.float64)
    if len(observed) < 2:
        return f"{len(observed)} observation(s), at least 2 are needed"
    return f"all {len(observed)} observations are equal" if _constant(observed) else ""


def _constant(observed) -> bool:
    return len(observed) < 2 or bool((observed == observed[0]).all())


def _pairs(observed, predicted) -> tuple[np.ndarray, np.ndarray]:
    observed, predicted = (np.asarray(values, dtype=np.float64) for values in (observed, predicted))
    if observed.shape != predicted.shape or observed.ndim != 1:
        raise ValueError(
            f"observed has shape {observed.shape}, predicted {predicted.shape}, expected one common (n,). "
            "Mend: one prediction per observation."
        )
    return observed, predicted
