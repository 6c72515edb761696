"""How each model looks and is called in every figure of the evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from poml_map.products.palette import ACCENT


@dataclass(frozen=True)
class Look:
    """Of a model or another series.

    Attributes
    ----------
    name : str
        As people call it.
    color : str
    marker : str
        A second cue beside the colour, for print in grey and for all colour vision.
    dashes : tuple or str
        Line style of matplotlib.
    """

    name: str
    color: str
    marker: str = "o"
    dashes: tuple | str = "-"


#: Model -> its look. Hue, lightness, marker and dashes differ: no two models are told apart by one of them alone.
LOOKS = {
    "POML": Look("POML", ACCENT, "o", "-"),
    "ML": Look("ML", "#1f5fa8", "s", (0, (5, 1.5))),
    "ML_T1": Look("ML on first campaign", "#7db8ee", "^", (0, (1.2, 1.2))),
    "PO": Look("PO (RothC)", "#1f9580", "D", (0, (6, 1.2, 1.5, 1.2))),
    "PERSISTENCE": Look("Persistence", "#dba51c", "v", (0, (3, 2))),
    "ML_LINEAR": Look("ML, straight lines", "#a6b455", "P", (0, (4, 1.5, 1, 1.5))),
    "FIRST_MAP": Look("First map, held", "#1a1a1a", "*", (0, (1, 1.4))),
    "YEAR_MEAN": Look("Mean of the year", "#55504b", "X", (0, (1.2, 2))),
}

#: Of series that are no models: campaigns, foldings, coverage of several data sets.
SERIES = (
    Look("", ACCENT, "o", "-"),
    Look("", "#1f5fa8", "s", (0, (5, 1.5))),
    Look("", "#1f9580", "D", (0, (6, 1.2, 1.5, 1.2))),
    Look("", "#dba51c", "v", (0, (3, 2))),
    Look("", "#55504b", "X", (0, (1.2, 2))),
)

#: Short words where a name would not fit.
_SHORT = {"ML_T1": "ML first camp.", "YEAR_MEAN": "Year mean", "PO": "PO"}


def model_look(model: str) -> Look:
    """The look of a model; an unknown one is grey and called what it is called.

    Examples
    --------
    >>> model_look("PO").name, model_look("GUESS").name
    ('PO (RothC)', 'GUESS')
    """
    return LOOKS.get(model, Look(model, "#9b948d", "P", (0, (2, 1))))


def model_name(model: str, short: bool = False) -> str:
    """A model's name as people read it.

    Examples
    --------
    >>> model_name("ML_T1"), model_name("YEAR_MEAN", short=True)
    ('ML on first campaign', 'Year mean')
    """
    return _SHORT.get(model, model_look(model).name) if short else model_look(model).name


def series_look(number: int, name: str) -> Look:
    """The look of the series with this number, counted from 0.

    Examples
    --------
    >>> series_look(1, "blocks").color == series_look(6, "others").color
    True
    """
    look = SERIES[number % len(SERIES)]
    return Look(name, look.color, look.marker, look.dashes)
