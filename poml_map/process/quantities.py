"""What labelled data may hold: the unit in the program, the physical range, and the units that people use."""

from __future__ import annotations

from dataclasses import dataclass

from poml_map import schema


@dataclass(frozen=True)
class Quantity:
    """A variable of a Dataset that RothC reads or writes.

    Parameters
    ----------
    unit : str
        Unit in the program, and what a variable without the attribute ``units`` is taken to be in. Empty: any
        unit, nothing is converted.
    long_name : str
    low, high : float
        Physical range, both ends allowed.
    above : bool
        The lower end itself is impossible.
    usual : tuple of str
        Other units that people use: offered as the mend where the values would fit them.
    """

    unit: str
    long_name: str
    low: float
    high: float
    above: bool = False
    usual: tuple[str, ...] = ()

    @property
    def amount(self) -> str:
        """The unit without its period: what an amount per step is written in.

        Examples
        --------
        >>> Quantity("mm/month", "rain", 0, 5000).amount
        'mm'
        """
        return self.unit.removesuffix("/month").removesuffix("/year")

    @property
    def expected(self) -> str:
        """The range in words.

        Examples
        --------
        >>> Quantity("kg/m2", "stock", 0, 200, above=True).expected
        'above 0 to 200 kg/m2'
        """
        unit = "" if self.unit in ("", "1") else f" {self.unit}"
        return f"{'above ' if self.above else ''}{self.low:g} to {self.high:g}{unit}"

    def outside(self, values):
        """Which values cannot be; NaN can."""
        below = values <= self.low if self.above else values < self.low
        return below | (values > self.high)


def _of_column(name: str, *usual: str, above: bool = False) -> Quantity:
    column = schema.COLUMNS[name]
    return Quantity(column.unit, column.long_name, column.low, column.high, above, usual)


# Carbon of one month: ten times what the most productive vegetation brings into the soil.
_MOST_MONTHLY, _MOST_YEARLY = 5.0, 20.0
_CARBON = ("t/ha", "g/m2")

#: Variables by name. [program's units]
QUANTITIES = {
    "air_temp": _of_column("air_temp", "K", "degF", "0.1 degC"),
    "precip": _of_column("precip", "0.1 mm/month", "mm/day"),
    "pet": _of_column("pet", "0.1 mm/month", "mm/day"),
    "pan_evaporation": Quantity("mm/month", "open-pan evaporation of the month", -50, 1500),
    "cover": Quantity("1", "covered share of the soil", 0, 1, usual=("%",)),
    "ndvi": _of_column("ndvi", "0.0001", "0.004"),
    "c_input": Quantity("kg/m2/month", "plant carbon that enters the soil", 0, _MOST_MONTHLY, usual=_CARBON),
    "manure": Quantity("kg/m2/month", "manure carbon", 0, _MOST_MONTHLY, usual=_CARBON),
    "yearly_manure": Quantity("kg/m2/year", "manure carbon", 0, _MOST_YEARLY, usual=_CARBON),
    "rate_factor": Quantity("1", "further factor on all decay rates", 0, 10, usual=("%",)),
    "dpm_rpm": Quantity("1", "DPM/RPM ratio of the plant input", 0, 100),
    "clay": _of_column("CLAY", "g/kg", "1"),
    "depth": Quantity("cm", "depth of the soil layer", 1, 300, usual=("m", "mm")),
    "input_driver": Quantity("", "what the yearly plant input follows", 0, 1e12),
    "mu_max": Quantity("1", "largest factor of the microbes on decay", 0, 1e12),
    "k_m": Quantity("kg/m2", "biomass at which mu is half of mu_max", 0, 1e12, usual=_CARBON),
    "observed": _of_column("STOCK", "t/ha", "g/m2", above=True),
    "stock": _of_column("STOCK", "t/ha", "g/m2"),
    "DPM": Quantity("kg/m2", "carbon in decomposable plant material", 0, 200, usual=_CARBON),
    "RPM": Quantity("kg/m2", "carbon in resistant plant material", 0, 200, usual=_CARBON),
    "BIO": Quantity("kg/m2", "carbon in microbial biomass", 0, 200, usual=_CARBON),
    "HUM": Quantity("kg/m2", "carbon in humus", 0, 200, usual=_CARBON),
    "IOM": Quantity("kg/m2", "inert organic carbon", 0, 200, usual=_CARBON),
    "deficit": Quantity("mm", "soil water deficit at the end of the month", -2000, 0),
    "co2": Quantity("kg/m2", "carbon respired since the time before", 0, 200),
    "annual_input": Quantity("kg/m2/year", "plant carbon that holds the first stock", 0, _MOST_YEARLY),
    "added": Quantity("kg/m2", "carbon added over the whole run", 0, 1e6),
    "respired": Quantity("kg/m2", "carbon respired over the whole run", 0, 1e6),
    "a": Quantity("1", "temperature modifier of decay", 0, 20),
    "b": Quantity("1", "moisture modifier of decay", 0, 1),
    "c": Quantity("1", "cover modifier of decay", 0, 1),
    "mu": Quantity("1", "factor of the microbes on decay", 0, 1000),
}

#: The active pools in the order of the process model.
ACTIVE = ("DPM", "RPM", "BIO", "HUM")
POOLS = (*ACTIVE, "IOM")
