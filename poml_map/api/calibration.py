"""mu_max and K_m of a region's sites."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from poml_map.api.samples import region_of, samples_and_points
from poml_map.config import Region
from poml_map.pipeline.parameters import Parameters, find_parameters
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.site_model import build_site_model
from poml_map.rothc import Options


def calibrate(
    samples: xr.Dataset, region: Region | str | Path, *, options: Options | None = None
) -> Parameters:
    """mu_max and K_m of RothC from sites that were sampled twice.

    Each site is spun up to its first stock; the pair is fitted to all later ones at once. Where the region file gives
    `mu_max` and `k_m`, or an `expected_change`, they are those: then nothing is fitted.

    Parameters
    ----------
    samples : xarray.Dataset
        From `read_samples`; a selection of its sites is a fit to those.
    region : Region, str or Path
        Its ``rothc:`` section says what feeds RothC.
    options : Options, optional
        In place of those of the region file.

    Returns
    -------
    Parameters
        ``mu_max`` [1] and ``k_m`` [kg/m2], ``origin`` ("calibrated", "given" or "assumed"), ``details`` (the law in
        words, misfit, and how well the pair is determined) and ``warnings``. Give it to `simulate`.

    Raises
    ------
    InputError
        If sites have one campaign only and nothing is assumed, the fit does not converge, or a stock or driver is
        impossible.

    Notes
    -----
    Stocks of two dates fix mu at the typical BIO, hardly K_m: read the two together.

    References
    ----------
    Zhang et al. (2024), section 2.2, doi:10.1016/j.scitotenv.2024.170778

    Examples
    --------
    >>> import poml_map
    >>> region = poml_map.load_region("demo/region.yaml")
    >>> found = poml_map.calibrate(poml_map.read_samples(region), region)
    >>> found.origin, found.mu_max > 1
    ('calibrated', True)
    """
    region = region_of(region)
    table, points = samples_and_points(samples, region)
    model = build_site_model(region, table, points, options or process_options(region))
    return find_parameters(region, model)
