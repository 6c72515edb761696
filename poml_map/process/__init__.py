"""RothC on labelled data: one site, a table of sites or a cube, as an xarray Dataset with units.

`poml_map.simulate` runs it for users and regions; these are its parts. The process model itself takes plain arrays
(`poml_map.rothc`); here are names, units, dates, places and laziness.
"""

from poml_map.process.balance import equilibrium_rothc
from poml_map.process.forward import simulate_rothc
from poml_map.process.observed import run_rothc
from poml_map.process.results import finished
from poml_map.process.table import sites_from_table

__all__ = ["equilibrium_rothc", "finished", "run_rothc", "simulate_rothc", "sites_from_table"]
