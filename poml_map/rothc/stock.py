"""Carbon stock of a soil layer from what the laboratory measures."""

from __future__ import annotations

from . import checks

MOST_CARBON = 1000.0
"""Pure carbon [g/kg]."""

DENSEST_SOIL = 3.0
"""Above the density of rock that soils form from [g/cm3]."""


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
        If a value is out of its range: most likely percent, a fraction or kg/m3 where something else is meant; or
        if the shapes do not fit together.

    References
    ----------
    Zhang et al. (2024), Eq. 1. g/kg to kg/kg (1e-3) and g/cm3 to kg/m3 (1e3) cancel.

    Examples
    --------
    >>> round(float(carbon_stock(20.0, 1.3, 0.05)), 6)
    4.94
    """
    coarse = checks.fraction("coarse_fragments", coarse_fragments)
    mend = "give grams of organic carbon per kg of fine earth (percent times 10)"
    content = checks.in_range("soc_content", soc_content, 0.0, MOST_CARBON, "g/kg", mend)
    mend = "give the density in g/cm3 (kg/m3 divided by 1000)"
    density = checks.in_range("bulk_density", bulk_density, 0.0, DENSEST_SOIL, "g/cm3", mend)
    checks.common_shape(soc_content=content.shape, bulk_density=density.shape, coarse_fragments=coarse.shape)
    return content * density * (1 - coarse) * (checks.topsoil_depth(depth_cm) / 100)
