"""Tables that pages name and do not show: plausible weather, a soil, measured stocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd


def weather(first: int, last: int) -> pd.DataFrame:
    """Monthly weather of a temperate place: year, month, air temperature, rain, evaporation. [degC], [mm/month]"""
    year, month = (a.ravel() for a in np.meshgrid(range(first, last + 1), range(1, 13), indexing="ij"))
    season = np.cos((month - 7) * np.pi / 6)
    noise = np.random.default_rng(1).normal(0, 1, year.size)
    return pd.DataFrame(
        {"year": year, "month": month, "temp": 10 + 8 * season + noise, "rain": 60 + 15 * np.abs(noise),
         "evaporation": 55 + 40 * season}
    ).round(2)  # fmt: skip


def write_for(page: str, folder: Path) -> None:
    """Write the tables of a page into a folder."""
    if page == "docs/site.md":
        table = weather(1939, 2010).rename(
            columns={"temp": "tmp_c", "rain": "rain_mm", "evaporation": "pet_mm"}
        )
        table.assign(crop=(table["month"] > 3).astype(int)).to_csv(folder / "weather.csv", index=False)
        rows = [
            (f"{year}-10-01", plot, stock) for year, stock in ((1970, 58.0), (2000, 52.0)) for plot in (1, 2)
        ]
        pd.DataFrame(rows, columns=["date", "plot", "soc_t_ha"]).to_csv(folder / "soc.csv", index=False)
    if page == "docs/rothc.md":
        names = {"temp": "air_temp", "rain": "precip", "evaporation": "pan_evaporation"}
        months = weather(1960, 2000).rename(columns=names).assign(cover=1)
        sites = [months.assign(site=site) for site in ("a", "b")]
        pd.concat(sites).to_csv(folder / "weather.csv", index=False)
        pd.DataFrame({"site": ["a", "b"], "stock": [45.0, 60.0], "clay": [200.0, 310.0]}).to_csv(
            folder / "sites.csv", index=False
        )
