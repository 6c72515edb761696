"""Names, units and physical ranges of every column: the one place that knows them.

Shells check against it, the documentation prints it, and nothing else writes a unit down.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A quantity in the cube: its unit, what it means and what it can physically be.

    Parameters
    ----------
    name : str
    unit : str
        The unit in the cube, whatever the source had.
    long_name : str
    low, high : float
        Physical range, both ends allowed. A value outside means a wrong unit, scale or nodata value.
    time : {"static", "annual", "monthly"}
    peak : float
        What the largest value of a region reaches, over all places and months; where it does not, the unit is one in
        which numbers are smaller, such as m for mm.
    """

    name: str
    unit: str
    long_name: str
    low: float
    high: float
    time: str = "static"
    peak: float = -math.inf


_COLUMNS = [
    Column("ELEV", "m", "elevation", -500, 9000),
    Column("SLP", "degree", "slope", 0, 90),
    # Upstream area [m2] per cell width times tan(slope): the log is taken by nobody, forests do not need it.
    Column("SPI", "1", "stream power index", 0, 1e12),
    Column("CLAY", "%", "clay content", 0, 100, peak=1),
    Column("BD", "g/cm3", "bulk density", 0.1, 2.65),
    Column("CF", "1", "coarse fragments, share of volume", 0, 1),
    Column("STOCK", "kg/m2", "soil organic carbon stock", 0, 200),
    Column("TMP", "degC", "mean annual air temperature", -40, 45, "annual"),
    Column("PRE", "mm/year", "annual precipitation", 0, 15000, "annual"),
    Column("PET", "mm/year", "annual potential evapotranspiration", 0, 6000, "annual"),
    Column("NDVI_DJF", "1", "mean NDVI of January, February and December", -1, 1, "annual"),
    Column("NDVI_MAM", "1", "mean NDVI of March to May", -1, 1, "annual"),
    Column("NDVI_JJA", "1", "mean NDVI of June to August", -1, 1, "annual"),
    Column("NDVI_SON", "1", "mean NDVI of September to November", -1, 1, "annual"),
    Column("FER", "kg/ha", "fertilizer per area and year", 0, 10000, "annual"),
    # No vegetation reaches 3.2 kg; the codes of MODIS for water, towns and rock are 3.276 after its scale.
    Column("NPP", "kg/m2/year", "net primary production, carbon", 0, 3.2, "annual"),
    Column("MANURE", "kg/m2/year", "carbon in manure", 0, 5, "annual"),
    Column("DPM_RPM", "1", "decomposable over resistant plant material in the carbon input", 0.01, 100),
    # Codes above are what programs write for "no data": 32767, 65535.
    Column("LAND_USE", "1", "class of land use", 0, 30000),
    Column("air_temp", "degC", "mean air temperature of the month", -60, 60, "monthly"),
    Column("precip", "mm/month", "precipitation of the month", 0, 5000, "monthly", peak=2),
    Column("pet", "mm/month", "potential evapotranspiration of the month", 0, 1000, "monthly", peak=5),
    Column("ndvi", "1", "NDVI of the month", -1, 1, "monthly", peak=0.05),
]

#: name -> Column, for every quantity the program knows by itself.
COLUMNS: dict[str, Column] = {column.name: column for column in _COLUMNS}

#: The covariates of the paper (Table 1), in its order. [12]
PAPER_COVARIATES = [
    "ELEV", "SLP", "SPI", "TMP", "PRE", "PET", "NDVI_DJF", "NDVI_MAM", "NDVI_JJA", "NDVI_SON", "CLAY", "FER",
]  # fmt: skip

#: What the process model reads every month, in the order of its arguments.
MONTHLY = ["air_temp", "precip", "pet", "ndvi"]

#: Seasons of the same calendar year: column -> months 1-12.
SEASONS = {
    "NDVI_DJF": (1, 2, 12),
    "NDVI_MAM": (3, 4, 5),
    "NDVI_JJA": (6, 7, 8),
    "NDVI_SON": (9, 10, 11),
}

#: Annual covariates made from a monthly driver: column -> (driver, months, how).
ANNUAL_FROM_MONTHLY = {
    "TMP": ("air_temp", tuple(range(1, 13)), "mean"),
    "PRE": ("precip", tuple(range(1, 13)), "sum"),
    "PET": ("pet", tuple(range(1, 13)), "sum"),
    **{name: ("ndvi", months, "mean") for name, months in SEASONS.items()},
}

#: Terrain that can be made from the elevation.
TERRAIN = ["SLP", "SPI"]

#: Role of a catalog entry -> the column it fills. `covariate` names its own; `mask` and `zones` fill none.
ROLE_COLUMN = {
    "elevation": "ELEV",
    "slope": "SLP",
    "spi": "SPI",
    "clay": "CLAY",
    "bulk_density": "BD",
    "coarse_fragments": "CF",
    "stock": "STOCK",
    "fertilizer": "FER",
    "npp": "NPP",
    "manure": "MANURE",
    "dpm_rpm": "DPM_RPM",
    "land_use": "LAND_USE",
    "air_temperature": "air_temp",
    "precipitation": "precip",
    "pet": "pet",
    "pan_evaporation": "pet",
    "ndvi": "ndvi",
}

#: Model -> what it is, in the order in which tables and pages show them.
MODELS = {
    "POML": "forest on observations and RothC simulations",
    "ML": "forest on observations only",
    "PO": "RothC with the microbial factor",
}

#: What can be mapped of the process model beside its stock: kind -> name of each map -> what it is.
PROCESS_MAPS = {
    "pools": {
        "DPM": "decomposable plant material in RothC",
        "RPM": "resistant plant material in RothC",
        "BIO": "microbial biomass in RothC",
        "HUM": "humified organic matter in RothC",
        "IOM": "inert organic matter in RothC",
    },
    "co2": {"CO2": "carbon respired in RothC in the twelve months before"},
}

#: Maps without a unit that say where the forest has training rows that are anything like a pixel -> what they are.
INDEX_MAPS = {
    "DI_ALL": "dissimilarity index to all training rows, simulated ones too",
    "DI_OBSERVED": "dissimilarity index to observed training rows alone",
    "AOA": "area of applicability: 2 by observed rows, 1 by simulated rows alone, 0 outside",
}


#: Maps of the change of a model: how their names begin -> what they are. `CHANGE_POML` has an interval too.
CHANGE_HEADS = {
    "CHANGE": "last year minus first",
    "RATE": "mean change of a year from the first to the last",
}

#: Classes of ``CHANGE_POML_class``.
CHANGE_CLASSES = {-1: "loss", 0: "not detectable", 1: "gain"}

#: Groups of maps, in the order in which projects and pages show them -> what they are.
MAP_GROUPS = {
    "POML": MODELS["POML"],
    "ML": MODELS["ML"],
    "PO": MODELS["PO"],
    "intervals": "prediction intervals of POML",
    "change": "last year minus first",
    "process": "pools and respired carbon of RothC",
    "index": "where the forest has training rows like a pixel",
}


def map_group(layer: str) -> str:
    """Which group of `MAP_GROUPS` a layer belongs to.

    Examples
    --------
    >>> [map_group(layer) for layer in ("POML", "POML_q05", "CHANGE_POML_sd", "RATE_ML", "BIO", "AOA")]
    ['POML', 'intervals', 'change', 'change', 'process', 'index']
    """
    if layer in MODELS:
        return layer
    if layer in INDEX_MAPS:
        return "index"
    if layer.startswith(("CHANGE_", "RATE_")):
        return "change"
    return "process" if any(layer in maps for maps in PROCESS_MAPS.values()) else "intervals"


def interval_maps(level: float) -> dict[str, str]:
    """Maps of the prediction interval of POML at a level -> what they are.

    Examples
    --------
    >>> list(interval_maps(0.9)), list(interval_maps(0.95))[:2]
    (['POML_q05', 'POML_q95', 'POML_sd'], ['POML_q025', 'POML_q975'])
    """
    tails = [f"{(1 + sign * level) / 2:.9f}".rstrip("0")[2:].ljust(2, "0") for sign in (-1, 1)]
    names = [*(f"POML_q{digits}" for digits in tails), "POML_sd"]
    return {name: interval_text(name) for name in names}


def interval_text(name: str) -> str:
    """What a map of the prediction interval is; empty for every other map.

    Examples
    --------
    >>> interval_text("POML_q05")
    'lower limit of the 90 % prediction interval of a sample, calibrated at held-out sites'
    >>> interval_text("POML")
    ''
    """
    found = re.fullmatch(r"POML_(?:q(\d{2,})|(sd))", name)
    if found is None:
        return ""
    if found[2]:
        return "standard deviation of the prediction of a sample, calibrated at held-out sites"
    share = float(f"0.{found[1]}")
    end, level = ("lower", 1 - 2 * share) if share < 0.5 else ("upper", 2 * share - 1)
    return f"{end} limit of the {100 * level:.6g} % prediction interval of a sample, calibrated at held-out sites"


def change_interval_maps(level: float) -> dict[str, str]:
    """Maps of the interval of the change of POML at a level -> what they are.

    Examples
    --------
    >>> list(change_interval_maps(0.9))
    ['CHANGE_POML_q05', 'CHANGE_POML_q95', 'CHANGE_POML_sd']
    """
    names = [f"CHANGE_{name}" for name in interval_maps(level)]
    return {name: change_text(name) for name in names}


def change_text(name: str) -> str:
    """What a map of the change from the first to the last year is; empty for every other map.

    Examples
    --------
    >>> change_text("CHANGE_POML_q05")
    'lower limit of the 90 % interval of the change of a sample'
    >>> change_text("RATE_ML")
    'mean change of a year from the first to the last, ML: forest on observations only'
    """
    kind, _, rest = name.partition("_")
    model, _, part = rest.partition("_")
    if kind not in CHANGE_HEADS or model not in MODELS:
        return ""
    if part == "class":
        return "change that the interval of a sample tells from none: 1 gain, -1 loss, 0 not detectable"
    if part == "p":
        return "p-value of no change, two-sided"
    if part == "sd":
        return "standard deviation of the change of a sample"
    if part:
        return interval_text(rest).split(" prediction")[0] + " interval of the change of a sample"
    return f"{CHANGE_HEADS[kind]}, {model}: {MODELS[model]}"


def spinup_name(driver: str) -> str:
    """Name of the mean months of the spin-up years of a monthly driver.

    Examples
    --------
    >>> spinup_name("air_temp")
    'air_temp_spinup'
    """
    return f"{driver}_spinup"
