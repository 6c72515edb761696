"""The published example of Rothamsted Research, run from its files by the site command.

RothC_Py (commit f2ab6df, Apache-2.0), t C/ha. The files are not part of the repository: set POML_MAP_SHARED to the
folder that holds reference/rothc.
"""

import csv
import os
from pathlib import Path

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from poml_map.pipeline.site_run import run_site

if "POML_MAP_SHARED" not in os.environ:
    pytest.skip("POML_MAP_SHARED is not set: the published examples are not at hand", allow_module_level=True)

FOLDER = Path(os.environ["POML_MAP_SHARED"]) / "reference" / "rothc"
POOLS = ("DPM", "RPM", "BIO", "HUM", "IOM")

SITE = """
title: RothC_Py, its own example
folder: ${{POML_MAP_SHARED}}/reference/rothc
weather:
  file: rothc_py_inputs.csv
  where: {{phase: [forward]}}
  columns: {{air_temp: tmp_C, precip: rain_mm, pan_evaporation: evap_pan_mm}}
  units: {{air_temp: degC, precip: mm/month, pan_evaporation: mm/month}}
soil: {{clay_percent: {clay}, depth_cm: {depth}}}
start: {{month: 1938-12, unit: t/ha, deficit_mm: {deficit}, pools: {{{pools}}}}}
end: 2007-12
inputs: {{plant: c_input_t_C_ha, manure: fym_t_C_ha, cover: plant_cover, dpm_rpm: dpm_rpm}}
"""


def test_every_published_pool_of_828_months_comes_out_of_the_command(tmp_path):
    """From the pools after the published spin-up: 1e-9 t/ha; the table is written with 12 digits."""
    with open(FOLDER / "spinup.csv", newline="", encoding="utf-8") as file:
        soil = next(row for row in csv.DictReader(file) if row["example"] == "rothc_py")
    text = SITE.format(
        clay=soil["clay_pct"],
        depth=soil["depth_cm"],
        deficit=soil["SWC_end_mm"],
        pools=", ".join(f"{name}: {soil[f'{name}_t_C_ha']}" for name in POOLS),
    )
    (tmp_path / "site.yaml").write_text(text, encoding="utf-8")
    run_site(tmp_path / "site.yaml", tmp_path / "out")
    found = pd.read_csv(tmp_path / "out" / "site.csv")[1:]
    expected = pd.read_csv(FOLDER / "rothc_py_expected_monthly.csv")
    assert len(found) == len(expected) == 828
    for name in POOLS:
        assert_allclose(found[f"{name}_t_ha"], expected[f"{name}_t_C_ha"], rtol=0, atol=1e-9)
    assert_allclose(found["total_t_ha"], expected["SOC_t_C_ha"], rtol=0, atol=1e-9)
