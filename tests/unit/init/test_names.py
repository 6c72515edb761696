"""The order of columns and the spelling of their names change nothing."""

import itertools

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poml_map.init import init_region
from poml_map.init.names import named

VOCABULARY = {
    "site": ["site", "ID", "Profile ID", "plot", "PointID", "样点编号", "SOURCEID"],
    "x": ["lon", "Longitude", "经度", "LONWGS84", "decimalLongitude", "TH_LONG"],
    "y": ["lat", "Latitude", "纬度", "LATWGS84", "decimalLatitude", "TH_LAT"],
    "year": ["year", "Year", "sampling_year", "年份", "采样年份"],
    "soc": ["soc_g_kg", "SOC (g/kg)", "OC [g kg-1]", "有机碳(g/kg)", "organic carbon g/kg", "Corg_gkg"],
    "bulk_density": ["bd_g_cm3", "Bulk density (g/cm3)", "BD [g cm-3]", "容重(g/cm³)"],
}
OTHERS = ["remark", "pH", "sand_pct", "soc_sd", "lab no", "elevation"]
VALUES = {
    "site": ["p1", "p1", "p2", "p2", "p3", "p3"], "x": [119.1, 119.1, 119.2, 119.2, 119.3, 119.3],
    "y": [30.1, 30.1, 30.2, 30.2, 30.3, 30.3], "year": [1985, 2005] * 3, "soc": [12.5, 13.5, 20, 21, 9.5, 11],
    "bulk_density": [1.3, 1.3, 1.25, 1.25, 1.4, 1.4],
}  # fmt: skip


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_is_found_in_any_order_and_spelling(data, tmp_path_factory):
    axes = data.draw(st.integers(0, len(VOCABULARY["x"]) - 1))
    names = {key: data.draw(st.sampled_from(words)) for key, words in VOCABULARY.items()}
    names |= {"x": VOCABULARY["x"][axes], "y": VOCABULARY["y"][axes]}
    columns = {names[key]: values for key, values in VALUES.items()}
    columns |= {
        name: [0.5, 0.25, 0.125, 1.5, 2.5, 3.5] for name in data.draw(st.sets(st.sampled_from(OTHERS)))
    }
    order = data.draw(st.permutations(list(columns)))
    rows = data.draw(st.permutations(range(6)))
    folder = tmp_path_factory.mktemp("init")
    pd.DataFrame(columns)[order].iloc[rows].to_csv(folder / "s.csv", index=False)
    init_region(folder / "s.csv", None, folder / "out")
    made = yaml.safe_load((folder / "out" / "region.yaml").read_text(encoding="utf-8"))
    assert made["samples"]["columns"] == names
    assert made["samples"]["units"] == {"soc": "g/kg", "bulk_density": "g/cm3"}
    assert made["years"] == "1985-2005"


@pytest.mark.parametrize(
    "name",
    [
        "soc_sd",
        "SOC error",
        "soc_class",
        "bd_method",
        "pH",
        "x",
        "temperature_c",
        "sand_g_kg",
        "min soc",
        "tillage",
        "inorganic carbon",
        "microbial biomass carbon",
        "total carbon",
    ],
)
def test_what_is_about_a_quantity_is_not_the_quantity(name):
    assert named(name).meaning == ""


def test_every_unit_is_told_from_names_as_people_write_them():
    spellings = {
        "g/kg": ["soc_g_kg", "SOC (g/kg)", "SOC [g kg-1]", "soc gkg-1", "有机碳（g·kg-1）", "SOC g per kg"],
        "kg/m2": ["stock_kg_m2", "stock (kg/m2)", "stock kg m-2", "SOCS [kg C m-2]", "stock kg/m²"],
        "t/ha": ["stock_t_ha", "stock (t/ha)", "SOCS Mg C ha-1", "stock t C/ha"],
        "kg/m3": ["bd_kg_m3", "BD (kg/m³)"],
        "%": ["soc_pct", "SOC %", "SOC (%)", "oc percent", "gravel vol%", "SOC (g/100 g)"],
        "mg/g": ["soc_mg_g", "SOC (mg g-1)"],
    }
    found = {unit: {named(name).unit for name in names} for unit, names in spellings.items()}
    assert found == {unit: {unit} for unit in spellings}
    assert list(itertools.chain(*found.values()))
    assert np.all([named(n).meaning for n in itertools.chain(*spellings.values())])
