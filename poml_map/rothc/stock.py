"""Carbon stock of a soil layer from what the laboratory measures."""

from __future__ import annotations

import numpy as np


def carbon_stock(soc_content, bulk_density, coarse_fragments, depth_cm=20.0):
    """Soil organic carbon stock of the layer from the surface to `depth_cm`.

    Parameters
    ----------
    soc_content : array_like
        Carbon content of the fine earth. [g/kg]
    bulk_density : array_like
        [g/cm3]
    coarse_fragments : array_like
        Share of the volume that is stones, 0 to 1. [1]
    depth_cm : float
        [cm]

    Returns
    -------
    ndarray of float, the shapes broadcast
        [kg/m2]. NaN where any input is NaN.

    Raises
    ------
    ValueError
        If coarse fragments are outside 0-1: they are most likely in percent.

    References
    ----------
    Zhang et al. (2024), Eq. 1. g/kg to kg/kg (1e-3) and g/cm3 to kg/m3 (1e3) cancel.

    Examples
    --------
    >>> round(float(carbon_stock(20.0, 1.3, 0.05)), 6)
    4.94
    """
    coarse = np.asarray(coarse_fragments, float)
    if np.any((coarse < 0) | (coarse > 1)):
        worst = np.nanmax(np.abs(coarse))
        raise ValueError(
            f"coarse_fragments: found {worst}, expected a share from 0 to 1; divide percent by 100"
        )
    content, density = np.asarray(soc_content, float), np.asarray(bulk_density, float)
    return content * density * (1 - coarse) * (depth_cm / 100)
