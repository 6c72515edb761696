"""Who is held out, and the refusal of whatever of them got into training."""

from __future__ import annotations

import numpy as np

from .training import TrainingRows


def site_folds(site_ids, n_folds: int = 5, seed: int = 0) -> np.ndarray:
    """Fold of each site, drawn over the different ids: once for all years and models.

    Parameters
    ----------
    site_ids : array_like (n,)
        Site ids of sites or of rows; repeated ids get one fold.
    n_folds : int
        2 to the number of sites.
    seed : int

    Returns
    -------
    ndarray (n,) of int
        0 to `n_folds` - 1, whatever the order of `site_ids`; sizes (in sites) differ by 1 at most.

    Raises
    ------
    ValueError
        If `n_folds` is below 2 or above the number of sites.

    References
    ----------
    Zhang et al. (2024), section 2.4, doi:10.1016/j.scitotenv.2024.170778

    Examples
    --------
    >>> np.bincount(site_folds(np.arange(428), n_folds=5)).tolist()
    [86, 86, 86, 85, 85]
    """
    sites, position = np.unique(np.asarray(site_ids), return_inverse=True)
    if not 2 <= n_folds <= len(sites):
        raise ValueError(
            f"n_folds is {n_folds}, expected 2 to {len(sites)}, the number of sites. "
            "Mend: choose fewer folds, or give more sites."
        )
    fold = np.empty(len(sites), dtype=np.int64)
    fold[np.random.default_rng(seed).permutation(len(sites))] = np.sort(np.arange(len(sites)) % n_folds)
    return fold[position]


def assert_no_leak(training: TrainingRows, held_out_sites) -> None:
    """Refuse training rows, observed or simulated, of a site that is held out.

    A simulation starts from the site's own first observation; left in training it makes an unseen site look a
    third more accurate than it is.

    Raises
    ------
    ValueError
        Naming the kind of row and the first sites.

    Examples
    --------
    >>> from poml_map.hybrid import training_rows
    >>> rows = training_rows(np.zeros((2, 1)), [2, 2], ["a", "b"], [1980, 1981], [False, True], 0.5)
    >>> assert_no_leak(rows, ["b"])
    Traceback (most recent call last):
    ...
    ValueError: held-out sites have simulated rows in training: b (1 site). Mend: select training rows by site.
    """
    held_out = np.isin(training.site, np.asarray(held_out_sites))
    for kind, of_kind in (("observed", ~training.is_simulated), ("simulated", training.is_simulated)):
        leaked = np.unique(training.site[held_out & of_kind])
        if len(leaked):
            named = ", ".join(str(site) for site in leaked[:5])
            raise ValueError(
                f"held-out sites have {kind} rows in training: {named} ({len(leaked)} "
                f"site{'s' if len(leaked) > 1 else ''}). Mend: select training rows by site."
            )
