"""Tables of rows as the forest takes them: read, checked, refused by name."""

from __future__ import annotations

import numpy as np


def column_names(X) -> list[str] | None:
    """Names of the columns of a table-like `X` (it has ``columns``, all of them text), else None."""
    columns = getattr(X, "columns", None)
    if columns is None:
        return None
    names = list(columns)
    return names if all(isinstance(name, str) for name in names) else None


def as_rows(X, n_features: int | None = None) -> np.ndarray:
    """`X` as float32 (rows, features) in C order; too large numbers become infinite, nothing is refused for it.

    Raises
    ------
    TypeError
        If `X` is sparse.
    ValueError
        If `X` is not a table of real numbers, or has another number of columns than `n_features`.

    Examples
    --------
    >>> as_rows([[1, 2], [3, 1e39]])
    array([[ 1.,  2.],
           [ 3., inf]], dtype=float32)
    """
    if hasattr(X, "toarray"):
        raise TypeError("X is sparse, and sparse input is not supported. Mend: X.toarray().")
    X = np.asarray(X)
    if X.dtype.kind == "c":
        raise ValueError("X holds numbers with an imaginary part. Complex data not supported. Mend: X.real.")
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(X, dtype=np.float32)
    if rows.ndim != 2:
        raise ValueError(
            f"X has {rows.ndim} dimension(s), expected 2: (rows, features). Mend: Reshape your data, "
            "X.reshape(-1, features)."
        )
    if n_features is not None and rows.shape[1] != n_features:
        raise ValueError(
            f"X has {rows.shape[1]} columns, expected {n_features}, as when the forest was fitted. "
            "Mend: give the same covariates in the same order."
        )
    return rows


def refuse_gaps(rows: np.ndarray, names: list[str] | None) -> None:
    """Raise ValueError for the first row with a NaN or infinite covariate."""
    bad = ~np.isfinite(rows)
    if not bad.any():
        return
    row, column = (int(i) for i in np.argwhere(bad)[0])
    name = f"{column} ({names[column]})" if names else str(column)
    raise ValueError(
        f"X row {row}, column {name} is {rows[row, column]:g} ({int(bad.any(axis=1).sum())} such rows of "
        f"{len(rows)}), expected finite float32 numbers. Mend: drop or fill these rows before fitting."
    )


def as_vector(name: str, values, length: int) -> np.ndarray:
    """`values` as float64 (length,), refused when one is not finite.

    Examples
    --------
    >>> as_vector("y", [1.0, float("nan")], 2)
    Traceback (most recent call last):
    ...
    ValueError: y[1] is nan (1 such values), expected finite numbers. Mend: drop these rows before fitting.
    """
    if values is None:
        raise ValueError(f"{name} should be a 1d array, but it is None. Mend: give one value per row of X.")
    vector = np.asarray(values, dtype=np.float64)
    if vector.shape != (length,):
        raise ValueError(
            f"{name} has shape {vector.shape}, expected ({length},). Mend: one value of {name} per row of X."
        )
    bad = ~np.isfinite(vector)
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(
            f"{name}[{first}] is {vector[first]:g} ({int(bad.sum())} such values), expected finite numbers. "
            "Mend: drop these rows before fitting."
        )
    return vector


def as_weights(sample_weight, length: int) -> np.ndarray:
    """Weights as float64 (length,), at least 0 and one of them above; ones when `sample_weight` is None."""
    if sample_weight is None:
        return np.ones(length)
    weight = as_vector("sample_weight", sample_weight, length)
    if (weight < 0).any():
        first = int(np.argmax(weight < 0))
        raise ValueError(
            f"sample_weight[{first}] is {weight[first]:g}, expected 0 or more. Mend: correct the weights."
        )
    if not weight.any():
        raise ValueError(
            "sample_weight is 0 in every row, expected some above 0. Mend: give weights to rows to learn from."
        )
    return weight


def as_flags(name: str, values, length: int) -> np.ndarray:
    """`values` as bool (length,); numbers other than 0 and 1 are refused."""
    flags = np.asarray(values)
    if flags.shape != (length,):
        raise ValueError(
            f"{name} has shape {flags.shape}, expected ({length},). Mend: one True or False per row of X."
        )
    if flags.dtype != bool and not np.isin(flags, [0, 1]).all():
        first = int(np.argmin(np.isin(flags, [0, 1])))
        raise ValueError(f"{name}[{first}] is {flags[first]!r}, expected True or False. Mend: give booleans.")
    return flags.astype(bool)


def differences(found: list[str], expected: list[str], what: str = "column") -> str:
    """In words, how one list of names differs from another; empty when they are the same.

    Examples
    --------
    >>> differences(["ELEV", "TEMP"], ["ELEV", "TMP"])
    'missing column TMP; unknown column TEMP'
    >>> differences(["TMP", "ELEV"], ["ELEV", "TMP"])
    'same columns in another order: 1 is TMP, expected ELEV'
    """
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    parts = [f"missing {what} {name}" for name in missing] + [f"unknown {what} {name}" for name in unknown]
    if not parts and len(found) != len(expected):
        parts = [f"{len(found)} {what}s, expected {len(expected)}"]
    if not parts and found != expected:
        place = next(i for i, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1])
        parts = [f"same {what}s in another order: {place + 1} is {found[place]}, expected {expected[place]}"]
    return "; ".join(parts)
