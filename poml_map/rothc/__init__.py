"""RothC with a Michaelis-Menten factor on decay: rates, pools, spin-up, calibration.

Plain arrays in, plain arrays out; months on axis 0, carbon in kg/m2, everything in float64.
"""

from .calibrate import CalibrationError, CalibrationResult, calibrate
from .moisture import evaporation_from_pan, moisture_deficit, moisture_modifier, periodic_deficit
from .pools import carbon_balance, humification, inert_carbon, michaelis_menten, simulate, simulate_stock
from .problem import CalibrationProblem, forward, solve_constant_mu
from .rates import cover_from_ndvi, cover_modifier, rate_modifier, temperature_modifier
from .spinup import StartState, equilibrium, required_input, start_state, weihermueller

__all__ = [
    "CalibrationError",
    "CalibrationProblem",
    "CalibrationResult",
    "StartState",
    "calibrate",
    "carbon_balance",
    "cover_from_ndvi",
    "cover_modifier",
    "equilibrium",
    "evaporation_from_pan",
    "forward",
    "humification",
    "inert_carbon",
    "michaelis_menten",
    "moisture_deficit",
    "moisture_modifier",
    "periodic_deficit",
    "rate_modifier",
    "required_input",
    "simulate",
    "simulate_stock",
    "solve_constant_mu",
    "start_state",
    "temperature_modifier",
    "weihermueller",
]
