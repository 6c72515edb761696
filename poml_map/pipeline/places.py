"""Sites that lie at one place under several ids: folds keep them together, and the run says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj

from poml_map.hybrid.evaluation.leaks import place_groups
from poml_map.sites import Samples
from poml_map.tables import listed

#: Coordinates rounded to 0.001 degree are up to 80 m from where they were taken. [m]
SAME_PLACE = 100.0


@dataclass(frozen=True)
class Places:
    """Which sites are one place.

    Attributes
    ----------
    group : ndarray (sites,) of int
        Sites of one number are one place, in the order of ``samples.sites``.
    shared : list of list of str
        The ids at each place that has several.
    within : float
        [m]
    """

    group: np.ndarray
    shared: list[list[str]]
    within: float

    @property
    def notes(self) -> list[str]:
        """One line for people; none if every site is a place of its own."""
        if not self.shared:
            return []
        several, sites = len(self.shared), sum(map(len, self.shared))
        found = listed(" and ".join(ids) for ids in self.shared)
        return [
            f"{sites} sites share {several} place{'s'[: several > 1]}, less than {self.within:g} m apart: {found}. "
            "Folds keep the sites of a place together; if they are one site, give all their samples one id"
        ]


def find_places(samples: Samples, crs: str, within: float = SAME_PLACE) -> Places:
    """Sites within some metres of each other, which are no test of each other.

    The very same position (to 1 m) under two ids is refused when samples are read; this finds what was written with
    another precision, or taken a few steps away.

    Parameters
    ----------
    samples : Samples
    crs : str
        Of their positions: that of the grid.
    within : float
        [m]

    Returns
    -------
    Places
    """
    sites = samples.sites
    group = place_groups(*metres(sites["x"].to_numpy(), sites["y"].to_numpy(), crs), within)
    ids = sites["site"].astype(str).groupby(group).agg(list)
    return Places(group, [names for names in ids if len(names) > 1], within)


def metres(x, y, crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions in metres, for distances.

    Parameters
    ----------
    x, y : array_like (n,)
        In the unit of `crs`.
    crs : str

    Returns
    -------
    x, y : ndarray (n,)
        The same positions with the unit converted; degrees are projected (equal area, around the middle of all
        positions). [m]

    Examples
    --------
    >>> x, y = metres([120.0, 120.001], [30.0, 30.0], "EPSG:4326")
    >>> round(float(x[1] - x[0]), 1)
    96.5
    """
    x, y, known = np.asarray(x, float), np.asarray(y, float), pyproj.CRS.from_user_input(crs)
    if not known.is_geographic:
        unit = known.axis_info[0].unit_conversion_factor
        return x * unit, y * unit
    middle = [float(values.min() + values.max()) / 2 for values in (y, x)]
    flat = pyproj.CRS.from_proj4("+proj=laea +lat_0={} +lon_0={} +units=m".format(*middle))
    return pyproj.Transformer.from_crs(known, flat, always_xy=True).transform(x, y)
