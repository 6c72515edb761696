"""What other choices of the process model would do to its result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from poml_map.config import Region
from poml_map.pipeline.parameters import Parameters
from poml_map.pipeline.site_model import build_site_model, process_options
from poml_map.rothc.forcing import Options
from poml_map.sites import Samples


def effects_of_choices(
    region: Region, samples: Samples, points: xr.Dataset, parameters: Parameters
) -> list[tuple[str, float]]:
    """How the mean simulated stock of the last year moves when one choice is another.

    Parameters are kept, so that a line shows the choice alone.

    Returns
    -------
    list of (text, difference)
        [kg/m2]
    """
    options = process_options(region)
    harvest = tuple(1.0 if month == options.sampling_month - 1 else 0.0 for month in range(12))
    months = (options.sampling_month + 5) % 12 + 1
    pools = "weihermueller" if options.pools == "equilibrium" else "equilibrium"
    others = {
        f"soil covered from NDVI {options.cover_ndvi - 0.1:g} instead of {options.cover_ndvi:g}": replace(
            options, cover_ndvi=options.cover_ndvi - 0.1
        ),
        f"soil covered from NDVI {options.cover_ndvi + 0.1:g} instead of {options.cover_ndvi:g}": replace(
            options, cover_ndvi=options.cover_ndvi + 0.1
        ),
        "the year's input all in the sampling month instead of as stated": replace(
            options, input_months=harvest
        ),
        f"stocks at the end of month {months} instead of {options.sampling_month}": replace(
            options, sampling_month=months
        ),
        f"starting pools by {pools} instead of {options.pools}": replace(options, pools=pools),
    }

    def last_mean(choice: Options) -> float:
        model = build_site_model(region, samples, points, choice)
        return float(np.nanmean(model.simulate(parameters.mu_max, parameters.k_m)[-1]))

    reference = last_mean(options)
    return [(text, last_mean(choice) - reference) for text, choice in others.items()]
