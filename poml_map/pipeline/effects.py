"""What other choices of the process model would do to its result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from poml_map.config import Region
from poml_map.pipeline.parameters import Parameters
from poml_map.pipeline.process_choices import process_inputs, process_options
from poml_map.pipeline.site_model import build_site_model
from poml_map.rothc.columns import ProcessInputs
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
    options, inputs = process_options(region), process_inputs(region)

    def last_mean(choice: Options, feeds: ProcessInputs) -> float:
        model = build_site_model(region, samples, points, choice, feeds)
        return float(np.nanmean(model.simulate(*parameters.at(model))[-1]))

    reference = last_mean(options, inputs)
    others = {text: (choice, inputs) for text, choice in other_options(options).items()}
    if inputs.rate_factor is not None:
        others["no rate factor instead of the one stated"] = options, replace(inputs, rate_factor=None)
    return [(text, last_mean(*choice) - reference) for text, choice in others.items()]


def other_options(options: Options) -> dict[str, Options]:
    """Options that differ in one choice each, by what differs.

    Examples
    --------
    >>> list(other_options(Options(spinup="real_years")))[-1]
    'spin-up on mean months instead of real years'
    """
    harvest = tuple(1.0 if month == options.sampling_month - 1 else 0.0 for month in range(12))
    month = (options.sampling_month + 5) % 12 + 1
    pools = "weihermueller" if options.pools == "equilibrium" else "equilibrium"
    others = _other_covers(options) | {
        "the year's input all in the sampling month instead of as stated": replace(
            options, input_months=harvest
        ),
        f"stocks at the end of month {month} instead of {options.sampling_month}": replace(
            options, sampling_month=month
        ),
        f"starting pools by {pools} instead of {options.pools}": replace(options, pools=pools),
    }
    # The other way round it cannot be told: a run on mean months has not read the months of real years.
    if options.spinup == "real_years":
        others["spin-up on mean months instead of real years"] = replace(options, spinup="mean_months")
    return others


def _other_covers(options: Options) -> dict[str, Options]:
    bare, full = options.cover_ndvi_range
    threshold = options.cover_ndvi
    if options.cover == "fraction":
        text = f"soil covered from NDVI {threshold:g} instead of as a share from {bare:g} to {full:g}"
        return {text: replace(options, cover="threshold")}
    found = {
        f"soil covered from NDVI {other:g} instead of {threshold:g}": replace(options, cover_ndvi=other)
        for other in (round(max(threshold - 0.1, -1.0), 3), round(min(threshold + 0.1, 1.0), 3))
        if other != threshold
    }
    text = f"cover as a share from NDVI {bare:g} to {full:g} instead of all or nothing from {threshold:g}"
    return found | {text: replace(options, cover="fraction")}
