"""The two published examples of Rothamsted Research as a table of two sites, in the units of their files.

Files and sources as in `test_rothc_examples`; set POML_MAP_SHARED to the folder that holds reference/rothc.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from poml_map.process import equilibrium_rothc, simulate_rothc, sites_from_table

if "POML_MAP_SHARED" not in os.environ:
    pytest.skip("POML_MAP_SHARED is not set: the published examples are not at hand", allow_module_level=True)

FOLDER = Path(os.environ["POML_MAP_SHARED"]) / "reference" / "rothc"
EXAMPLES = ["rothc_py", "rothc_code"]
POOLS = ["DPM", "RPM", "BIO", "HUM", "IOM"]
NAMES = {
    "tmp_C": "air_temp",
    "rain_mm": "precip",
    "evap_pan_mm": "pan_evaporation",
    "plant_cover": "cover",
    "c_input_t_C_ha": "c_input",
    "fym_t_C_ha": "manure",
}
# The Fortran code has constants in single precision.
TOLERANCE = {"rothc_py": 1e-9, "rothc_code": 5e-4}


@pytest.fixture(scope="module")
def soils():
    """Clay, depth and the pools after the spin-up of both examples. [t/ha]"""
    soils = pd.read_csv(FOLDER / "spinup.csv").set_index("example").loc[EXAMPLES]
    return soils.rename(columns={f"{pool}_t_C_ha": pool for pool in POOLS})


def examples(phase, soils):
    """Inputs of both as a Dataset."""
    tables = [pd.read_csv(FOLDER / f"{name}_inputs.csv").assign(example=name) for name in EXAMPLES]
    table = pd.concat(tables).query("phase == @phase")
    monthly = table[["example", "year", "month", *NAMES]].rename(columns=NAMES)
    static = soils[["clay_pct", "depth_cm", *POOLS]].rename(columns={"clay_pct": "clay", "depth_cm": "depth"})
    units = dict.fromkeys(["c_input", "manure", *POOLS], "t/ha")
    return sites_from_table(monthly, static, site="example", units=units)


def test_pools_of_828_months_are_those_of_both_codes(soils):
    data = examples("forward", soils)
    result = simulate_rothc(data, data[POOLS])
    assert result.sizes == {"time": 828, "site": 2}
    for name in EXAMPLES:
        expected = pd.read_csv(FOLDER / f"{name}_expected_monthly.csv")
        for pool in POOLS:
            found = 10 * result[pool].sel(site=name)
            assert_allclose(found, expected[f"{pool}_t_C_ha"], rtol=0, atol=TOLERANCE[name])


def test_the_equilibrium_is_what_the_spin_up_of_both_codes_comes_near_to(soils):
    """They stop when a year moves less than 1e-6 t/ha, up to 3.3e-4 t/ha short of where it leads."""
    state = equilibrium_rothc(examples("spinup", soils))
    found = 10 * np.array([state[pool] for pool in POOLS]).T
    assert_allclose(found, soils[POOLS], rtol=0, atol=5e-4)
