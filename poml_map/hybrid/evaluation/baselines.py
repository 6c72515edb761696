"""Two models without a covariate, which keep everyone honest."""

from __future__ import annotations

import numpy as np

from ..panel import SitePanel


def persistence(panel: SitePanel, is_training) -> np.ndarray:
    """The site's own first stock, and from there the mean change of the training sites.

    Parameters
    ----------
    panel : SitePanel
    is_training : array_like (sites,) of bool
        Sites whose change is known.

    Returns
    -------
    ndarray (years, sites)
        At a site's first campaign its observed stock; NaN before it, and everywhere if no training site was sampled
        twice. Between and after the campaigns the change is in proportion to time. [kg/m2]

    Examples
    --------
    >>> from poml_map.hybrid import site_panel
    >>> panel = site_panel(["a", "b"], [1980, 1981, 1982], np.zeros((3, 2, 1)), ["a", "a", "b"],
    ...                    [1980, 1982, 1980], [2.0, 2.4, 3.0])
    >>> persistence(panel, [True, False])[:, 1]
    array([3. , 3.2, 3.4])
    """
    year, site = np.nonzero(panel.later_campaign & np.asarray(is_training, bool))
    begin = np.argmax(panel.first_campaign, axis=0)
    first = panel.observed[begin, np.arange(len(panel.sites))]
    elapsed = np.arange(len(panel.years))[:, None] - begin
    if len(year) == 0:
        return np.full(panel.observed.shape, np.nan)
    # Change of all sites over years of all sites: with two common campaigns exactly the mean change.
    rate = (panel.observed[year, site] - first[site]).sum() / elapsed[year, site].sum()
    return np.where(elapsed >= 0, first + rate * elapsed, np.nan)


def year_mean(panel: SitePanel, is_training) -> np.ndarray:
    """Mean of the training sites in each year, the same for every site.

    Parameters
    ----------
    panel : SitePanel
    is_training : array_like (sites,) of bool

    Returns
    -------
    ndarray (years, sites)
        Between sampled years a straight line, outside them the nearest one; NaN without an observation. [kg/m2]

    Examples
    --------
    >>> from poml_map.hybrid import site_panel
    >>> panel = site_panel(["a", "b"], [1980, 1981, 1982], np.zeros((3, 2, 1)), ["a", "a", "b"],
    ...                    [1980, 1982, 1980], [2.0, 2.4, 3.0])
    >>> year_mean(panel, [True, False])[:, 1]
    array([2. , 2.2, 2.4])
    """
    seen = panel.has_observation & np.asarray(is_training, bool)
    count = seen.sum(axis=1)
    if not count.any():
        return np.full(panel.observed.shape, np.nan)
    total = np.where(seen, panel.observed, 0.0).sum(axis=1)
    sampled = count > 0
    means = np.interp(panel.years, panel.years[sampled], total[sampled] / count[sampled])
    return np.broadcast_to(means[:, None], panel.observed.shape).copy()
