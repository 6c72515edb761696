"""Soil samples with the cube's values at their sites, as one Dataset; and back to what the stages of a run take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from poml_map import schema
from poml_map.config import Region, load_region
from poml_map.cube import open_layers
from poml_map.errors import InputError, Problem, nearest
from poml_map.pipeline import checks
from poml_map.sites import Samples
from poml_map.sites import read_samples as read_table

#: Measured columns of the sample table beside the stock -> unit, long name.
_MEASURED = {
    "soc": ("g/kg", "soil organic carbon content"),
    "bulk_density": ("g/cm3", "bulk density of the sample"),
    "coarse_fragments": ("1", "coarse fragments, share of volume"),
}
_STOCK = schema.COLUMNS["STOCK"]


def read_samples(region: Region | str | Path) -> xr.Dataset:
    """The soil samples of a region, their stocks, and the cube at their sites.

    Parameters
    ----------
    region : Region, str or Path
        A region file, or what `load_region` made of it.

    Returns
    -------
    xarray.Dataset
        Over ``site`` (ids as text, sorted), with coordinates ``x``, ``y`` in the CRS of the grid and ``in_mask``:

        - ``stock`` (year, site): observed stock, NaN where a site was not sampled [kg/m2]; likewise ``soc`` [g/kg],
          ``bulk_density`` [g/cm3] and ``coarse_fragments`` [1], where stocks are made of them (Eq. 1)
        - the columns of `open_cube` at the pixel of each site: static (site), annual (year, site), monthly
          (time, site) of the run years, and the months that spin RothC up
        - ``dropped_line``, ``dropped_site``, ``dropped_year`` and ``dropped_reason`` (dropped): every row of the file
          that is not used, and why

        In memory: some kilobytes a site. ``attrs`` counts rows: ``n_in``, ``n_used``, ``n_dropped``.

    Raises
    ------
    InputError
        With every problem of the sources' headers, or of the samples: missing columns, impossible values, swapped
        coordinates, repeats, or more rows to drop than ``max_dropped`` allows.

    References
    ----------
    Zhang et al. (2024), Eq. 1, doi:10.1016/j.scitotenv.2024.170778

    Examples
    --------
    >>> import poml_map
    >>> samples = poml_map.read_samples("demo/region.yaml")
    >>> samples.sizes["site"], samples["stock"].units, samples["CLAY"].dims
    (60, 'kg/m2', ('site',))
    >>> samples["stock"].dropna("year", how="all").year.values
    array([1980, 2000])
    """
    region = region_of(region)
    cube = open_layers(region)
    samples, points = checks.read_sites(region, cube, read_table(region, cube.grid))
    return _labelled(samples, points)


def region_of(region: Region | str | Path) -> Region:
    """A region, read from its file if that is what was given."""
    return region if isinstance(region, Region) else load_region(region)


def _labelled(samples: Samples, points: xr.Dataset) -> xr.Dataset:
    """Samples and the cube at ``samples.sites`` as one Dataset."""
    sites = samples.sites
    coords = {
        "site": ("site", sites["site"].to_numpy(str)),
        "x": ("site", sites["x"].to_numpy(float), {"long_name": "x in the CRS of the grid"}),
        "y": ("site", sites["y"].to_numpy(float), {"long_name": "y in the CRS of the grid"}),
    }
    about = {"stock": (_STOCK.unit, f"observed {_STOCK.long_name}"), **_MEASURED}
    observed = {
        name: (("year", "site"), _by_year(samples, points, name), {"units": unit, "long_name": text})
        for name, (unit, text) in about.items()
        if name in samples.table and samples.table[name].notna().any()
    }
    dropped = {
        f"dropped_{name}": ("dropped", samples.dropped[name].to_numpy(str if name in ("site", "reason") else int))
        for name in ("line", "site", "year", "reason")
    }  # fmt: skip
    data = points.assign_coords(coords).assign(observed | dropped)
    counts = samples.counts()
    data.attrs |= {"n_in": counts["n_in"], "n_used": counts["n_used"], "n_dropped": len(samples.dropped)}
    return data


def _by_year(samples: Samples, points: xr.Dataset, name: str) -> np.ndarray:
    """A column of the table as an array (year, site), NaN where there is no sample."""
    table = samples.table.pivot_table(index="year", columns="site", values=name)
    return table.reindex(index=points["year"].to_numpy(), columns=samples.sites["site"]).to_numpy(float)


def samples_and_points(data: xr.Dataset, region: Region) -> tuple[Samples, xr.Dataset]:
    """What the stages of a run take: the samples by site and year, and the cube at their sites in that order.

    Parameters
    ----------
    data : xarray.Dataset
        From `read_samples`, or of that form. Sites without an observed stock are left out.
    region : Region

    Raises
    ------
    InputError
        If `data` is no such Dataset, lacks a year of the region, or holds no stock.
    """
    _refuse_other_forms(data, region)
    data = data.sortby("site")
    data = data.isel(
        site=np.flatnonzero((~np.isnan(data["stock"].to_numpy())).any(data["stock"].get_axis_num("year")))
    )
    if not data.sizes["site"]:
        mend = "Take the Dataset that `read_samples` returns."
        raise InputError(Problem("samples", "stock", "no value at any site", "observed stocks", mend))
    stock = data["stock"].transpose("site", "year").to_numpy()
    site, year = np.nonzero(~np.isnan(stock))
    facts = {name: data[name].to_numpy()[site] for name in ("x", "y", "in_mask") if name in data.coords}
    table = pd.DataFrame(
        {"site": data["site"].to_numpy().astype(str)[site], "year": data["year"].to_numpy()[year], **facts}
    ).assign(stock=stock[site, year])
    return Samples.of(table.rename_axis("line"), region.settings.samples.file), data


def _refuse_other_forms(data: xr.Dataset, region: Region) -> None:
    mend = "Take the Dataset that `read_samples` returns."
    if not isinstance(data, xr.Dataset):
        raise InputError(Problem("samples", "", f"a {type(data).__name__}", "an xarray.Dataset", mend))
    if "stock" not in data or set(data["stock"].dims) != {"year", "site"}:
        found = (
            f"dimensions {', '.join(map(str, data['stock'].dims))}" if "stock" in data else "no such variable"
        )
        raise InputError(
            Problem("samples", "stock", found, "observed stocks over (year, site) [kg/m2]", mend)
        )
    spread = [name for name, values in data.data_vars.items() if {"time", "year"} <= set(values.dims)]
    if spread:
        mend = "`where` and arithmetic on the whole Dataset spread it: change its stock alone, "
        mend += 'samples.assign(stock=samples["stock"].where(...)).'
        found = f"{len(spread)} variables over time and year, the first is {spread[0]}"
        raise InputError(Problem("samples", "", found, "months over (time, site)", mend))
    if "site" not in data.coords:
        raise InputError(Problem("samples", "site", "no coordinate", "the ids of the sites", mend))
    if data["year"].to_numpy().tolist() != list(region.years):
        found = f"{data.sizes['year']} years"
        expected = f"every year of the region, {region.years[0]}-{region.years[-1]}"
        raise InputError(Problem("samples", "coordinate year", found, expected, mend))


def refuse_missing(data: xr.Dataset, names, shown: str = "data") -> None:
    """Refuse a Dataset that lacks variables.

    Raises
    ------
    InputError
        Naming each, with the nearest name that is there.
    """
    known = list(map(str, data.variables))
    missing = [name for name in names if name not in known]
    if missing:
        raise InputError(
            [
                Problem(shown, name, "no such variable", "a variable of that name", nearest(name, known))
                for name in missing
            ]
        )
