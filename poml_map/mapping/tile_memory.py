"""How much memory a tile takes, before it is read."""

from __future__ import annotations

from poml_map import schema
from poml_map.mapping.tiles import TileModel

# Measured over counted: what is copied on the way (sources of other grids, columns of RothC, packed chunks).
_COPIES = 1.5


def tile_bytes(model: TileModel, tile_size: int, *, spinup_months: int = 12) -> int:
    """Memory of a thread at the peak of a tile all of whose pixels are mapped.

    Parameters
    ----------
    model : TileModel
    tile_size : int
        [pixels]
    spinup_months : int
        Months in the spin-up of the process model: 12 of a mean year, or those of all its years.

    Returns
    -------
    int
        [bytes] An estimate from above: every covariate counts as one that has years.
    """
    years = len(model.years)
    drivers = len(schema.MONTHLY)
    monthly = drivers * (12 * years + spinup_months)
    annual = years * (len(model.variables) - 2 * drivers + len(model.layers))
    values = monthly + annual + len(model.change_layers)
    return int(_COPIES * 4 * values * tile_size**2)
