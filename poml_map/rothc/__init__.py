"""RothC with a Michaelis-Menten factor on decay: rates, pools, spin-up, calibration.

Plain arrays in, plain arrays out; months on axis 0, carbon in kg/m2, everything in float64.
"""

from .calibrate import CalibrationError, CalibrationResult, calibrate
from .checks import part_of_map
from .columns import by_class
from .drivers import Course, Drivers, Weather
from .forcing import Forcing, build_forcing, derive, prepare
from .forward import run_drivers
from .groups import GroupFits, calibrate_groups
from .inputs import Crop, crop_calendar_shares, shares_from_ndvi
from .moisture import (
    evaporation_from_pan,
    largest_deficit,
    moisture_deficit,
    moisture_modifier,
    periodic_deficit,
)
from .options import Options
from .pools import carbon_balance, humification, inert_carbon, michaelis_menten, simulate, simulate_stock
from .presets import DPM_RPM, RATE_FACTORS, dpm_rpm_of, flooded_months, rate_factor_preset
from .problem import CalibrationProblem, forward, solve_constant_mu
from .profile import RidgePoint, RidgeProfile
from .rates import (
    cover_fraction_from_ndvi,
    cover_from_ndvi,
    cover_modifier,
    rate_modifier,
    temperature_modifier,
)
from .spinup import StartState, equilibrium, required_input, start_state, weihermueller
from .stock import carbon_stock

__all__ = [
    "DPM_RPM",
    "RATE_FACTORS",
    "CalibrationError",
    "CalibrationProblem",
    "CalibrationResult",
    "Course",
    "Crop",
    "Drivers",
    "Forcing",
    "GroupFits",
    "Options",
    "RidgePoint",
    "RidgeProfile",
    "StartState",
    "Weather",
    "build_forcing",
    "by_class",
    "calibrate",
    "calibrate_groups",
    "carbon_balance",
    "carbon_stock",
    "cover_fraction_from_ndvi",
    "cover_from_ndvi",
    "cover_modifier",
    "crop_calendar_shares",
    "derive",
    "dpm_rpm_of",
    "equilibrium",
    "evaporation_from_pan",
    "flooded_months",
    "forward",
    "humification",
    "inert_carbon",
    "largest_deficit",
    "michaelis_menten",
    "moisture_deficit",
    "moisture_modifier",
    "part_of_map",
    "periodic_deficit",
    "prepare",
    "rate_factor_preset",
    "rate_modifier",
    "required_input",
    "run_drivers",
    "shares_from_ndvi",
    "simulate",
    "simulate_stock",
    "solve_constant_mu",
    "start_state",
    "temperature_modifier",
    "weihermueller",
]
