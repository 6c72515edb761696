"""How a map is called and what it says of itself: file name, band, unit, date and sentence."""

from __future__ import annotations

import calendar

from poml_map.schema import (
    CHANGE_CLASSES,
    INDEX_MAPS,
    MODELS,
    PROCESS_MAPS,
    change_text,
    interval_text,
)
from poml_map.units import STOCK_LABELS

# Maps of the process model beside its stock -> what they are.
_PROCESS = {name: text for maps in PROCESS_MAPS.values() for name, text in maps.items()}
_AOA_CLASSES = {0: "outside", 1: "by simulated rows alone", 2: "by observed rows"}
_WHAT = {
    "CHANGE": "Change of the soil organic carbon stock",
    "RATE": "Mean annual change of the soil organic carbon stock",
}


def map_name(layer: str, year: int, first_year: int | None = None) -> str:
    """File name of a map: of a model's stock, its interval, what RothC (PO) has beside it, an index, or a change.

    Examples
    --------
    >>> map_name("POML", 1980), map_name("BIO", 1980), map_name("AOA", 1980)
    ('SOCS_POML_1980.tif', 'BIO_PO_1980.tif', 'AOA_1980.tif')
    >>> map_name("POML_q05", 1980), map_name("CHANGE_POML", 2000, 1980)
    ('SOCS_POML_q05_1980.tif', 'CHANGE_POML_1980_2000.tif')
    """
    if change_text(layer):
        return f"{layer}_{first_year}_{year}.tif"
    if layer in INDEX_MAPS:
        return f"{layer}_{year}.tif"
    return f"{layer}_PO_{year}.tif" if layer in _PROCESS else f"SOCS_{layer}_{year}.tif"


def band_name(layer: str, year: int, first_year: int | None = None) -> str:
    """Description of the band.

    Examples
    --------
    >>> band_name("POML", 1980), band_name("CHANGE_POML", 2000, 1980)
    ('SOCS 1980 POML', 'CHANGE_POML 1980-2000')
    """
    if change_text(layer):
        return f"{layer} {first_year}-{year}"
    if layer in INDEX_MAPS:
        return f"{layer} {year}"
    return f"{layer} {year} PO" if layer in _PROCESS else f"SOCS {year} {layer}"


def unit_label(unit: str, layer: str) -> str:
    """The unit as people write it; respired carbon and rates are amounts a year, an index or a class has none.

    Raises
    ------
    ValueError
        If `unit` is no unit of stocks.

    Examples
    --------
    >>> unit_label("kg/m2", "POML"), unit_label("t/ha", "RATE_POML"), unit_label("t/ha", "CHANGE_POML_class")
    ('kg C m-2', 't C ha-1 year-1', '1')
    """
    if unit not in STOCK_LABELS:
        raise ValueError(f"unit: {unit!r}, expected one of {', '.join(STOCK_LABELS)}")
    if has_no_unit(layer):
        return "1"
    is_rate = layer in PROCESS_MAPS["co2"] or layer.startswith("RATE_")
    return STOCK_LABELS[unit] + (" year-1" if is_rate else "")


def has_no_unit(layer: str) -> bool:
    """Whether a layer holds an index or a class."""
    return layer in INDEX_MAPS or is_class(layer)


def is_class(layer: str) -> bool:
    """Whether a layer holds classes: numbers that have no mean.

    Examples
    --------
    >>> is_class("AOA"), is_class("CHANGE_POML_class"), is_class("POML")
    (True, True, False)
    """
    return bool(class_names(layer))


def class_names(layer: str) -> dict[int, str]:
    """What the numbers of a map of classes mean; empty for every other map.

    Examples
    --------
    >>> class_names("CHANGE_POML_class"), class_names("POML")
    ({-1: 'loss', 0: 'not detectable', 1: 'gain'}, {})
    """
    if layer == "AOA":
        return _AOA_CLASSES
    return CHANGE_CLASSES if layer.startswith("CHANGE_") and layer.endswith("_class") else {}


def of_model(layer: str) -> str:
    """The model that a map is of, itself or its interval, change or pool; empty for an index.

    Examples
    --------
    >>> [of_model(layer) for layer in ("ML", "POML_q05", "CHANGE_POML_sd", "RATE_PO", "BIO", "AOA")]
    ['ML', 'POML', 'POML', 'PO', 'PO', '']
    """
    if layer in INDEX_MAPS:
        return ""
    if layer in _PROCESS:
        return "PO"
    return layer.removeprefix("CHANGE_").removeprefix("RATE_").split("_")[0]


def quantity(layer: str) -> str:
    """What a map holds of its model, in one word to search for.

    Examples
    --------
    >>> [quantity(layer) for layer in ("PO", "POML_q05", "POML_q975", "POML_sd", "RATE_ML", "CO2", "AOA")]
    ['stock', 'lower_limit', 'upper_limit', 'standard_deviation', 'rate', 'respired_carbon', 'area_of_applicability']
    >>> [quantity(f"CHANGE_POML{part}") for part in ("", "_q05", "_q95", "_sd", "_class")]
    ['change', 'change_lower_limit', 'change_upper_limit', 'change_standard_deviation', 'change_class']
    """
    if layer in INDEX_MAPS:
        return "area_of_applicability" if layer == "AOA" else "dissimilarity_index"
    if layer in _PROCESS:
        return "respired_carbon" if layer in PROCESS_MAPS["co2"] else "pool"
    if not change_text(layer):
        return _part(layer) or "stock"
    head, _, rest = layer.partition("_")
    return "_".join(filter(None, [head.lower(), _part(rest)]))


def _part(layer: str) -> str:
    """What follows the name of the model, in words; empty where nothing does."""
    part = layer.partition("_")[2]
    if part.startswith("q"):
        return "lower_limit" if float(f"0.{part[1:]}") < 0.5 else "upper_limit"
    return "standard_deviation" if part == "sd" else part


def end_of_month(year: int, month: int) -> str:
    """Date of the stock in TIFF's spelling; `month` outside 1-12 raises ValueError."""
    if not 1 <= month <= 12:
        raise ValueError(f"month: {month}, expected 1 to 12")
    return f"{year:04d}:{month:02d}:{calendar.monthrange(year, month)[1]:02d} 00:00:00"


def sentence(
    layer: str, year: int, month: int, unit: str, depth_cm: float, first_year: int | None = None
) -> str:
    """What the map is, in words.

    Examples
    --------
    >>> sentence("POML_q05", 1980, 12, "kg/m2", 20)[:59]
    'Soil organic carbon stock at 0-20 cm, end of 1980-12, in kg'
    >>> sentence("CHANGE_ML", 2000, 12, "t/ha", 20, 1980)[:66]
    'Change of the soil organic carbon stock at 0-20 cm, 1980-12 to 200'
    """
    if layer in INDEX_MAPS:
        text = INDEX_MAPS[layer]
        return f"{text[0].upper()}{text[1:]}, {year:04d}"
    change = change_text(layer)
    text = (MODELS | _PROCESS).get(layer) or interval_text(layer) or change
    meaning = f"{layer}: {text}" if text else layer
    stock = "Carbon of RothC" if layer in _PROCESS else "Soil organic carbon stock"
    what = _WHAT[layer.partition("_")[0]] if change else stock
    when = (
        f"{first_year:04d}-{month:02d} to {year:04d}-{month:02d}"
        if change
        else f"end of {year:04d}-{month:02d}"
    )
    label = "classes" if has_no_unit(layer) else f"in {unit_label(unit, layer)}"
    return f"{what} at 0-{depth_cm:g} cm, {when}, {label} ({meaning})"
