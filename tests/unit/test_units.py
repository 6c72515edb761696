import pytest

from poml_map.units import conversion, is_nitrogen, other_unit, parse_unit, stock_factor, yearly_conversion


@pytest.mark.parametrize(
    ("unit", "target", "factor", "offset"),
    [
        ("g/kg", "%", 0.1, 0),
        ("g kg-1", "%", 0.1, 0),
        ("g/100g", "%", 1, 0),
        ("wt%", "%", 1, 0),
        ("dg/kg", "g/kg", 0.1, 0),
        ("%", "1", 0.01, 0),
        ("vol%", "1", 0.01, 0),
        ("cm3/dm3", "1", 0.001, 0),
        ("ratio", "1", 1, 0),
        ("0.0001", "1", 0.0001, 0),
        ("1e-4", "1", 0.0001, 0),
        ("K", "degC", 1, -273.15),
        ("0.01 K", "degC", 0.01, -273.15),
        ("degC", "degC", 1, 0),
        ("°C", "degC", 1, 0),
        ("C", "degC", 1, 0),
        ("Celsius", "degC", 1, 0),
        ("degrees_celsius", "degC", 1, 0),
        ("0.1 degC", "degC", 0.1, 0),
        ("mm/month", "mm/month", 1, 0),
        ("0.1 mm/month", "mm/month", 0.1, 0),
        ("0.1 mm", "mm", 0.1, 0),
        ("mm/day", "mm/month", 365.25 / 12, 0),
        ("m/day", "mm/month", 365.25 / 12 * 1000, 0),
        ("kg m-2 s-1", "mm/month", 365.25 / 12 * 86400, 0),
        ("mm/mo", "mm/year", 12, 0),
        ("mm yr-1", "mm/year", 1, 0),
        ("mm/year", "mm/month", 1 / 12, 0),
        ("kg C m-2", "kg/m2", 1, 0),
        ("kg C/m2", "kg/m2", 1, 0),
        ("kg m⁻²", "kg/m2", 1, 0),
        ("kg/m^2", "kg/m2", 1, 0),
        ("t C/ha", "kg/m2", 0.1, 0),
        ("Mg C ha-1", "kg/m2", 0.1, 0),
        ("cg/cm3", "g/cm3", 0.01, 0),
        ("t/m3", "g/cm3", 1, 0),
        ("kg/m3", "g/cm3", 0.001, 0),
        ("kg ha-1", "kg/ha", 1, 0),
        ("kg N/ha", "kg/ha", 1, 0),
        ("kg/mu", "kg/ha", 15, 0),
        ("g C m-2 year-1", "kg/m2/year", 1e-3, 0),
        ("gC m-2 y-1", "kg/m2/year", 1e-3, 0),
        ("kg_C/m^2/yr", "kg/m2/year", 1, 0),
        ("kg*C/m^2", "kg/m2", 1, 0),
        ("t C/ha/a", "kg/m2/year", 0.1, 0),
        ("g C/m2/day", "kg/m2/year", 0.36525, 0),
        ("rad", "degree", 57.29577951308232, 0),
        ("dm", "m", 0.1, 0),
    ],
)
def test_units_are_read_as_people_write_them(unit, target, factor, offset):
    found = conversion(unit, target)

    assert found == (pytest.approx(factor, rel=1e-12), pytest.approx(offset, abs=1e-9))


def test_fahrenheit_is_right_at_two_fixed_points():
    factor, offset = conversion("degF", "degC")

    assert 32 * factor + offset == pytest.approx(0, abs=1e-9)
    assert 212 * factor + offset == pytest.approx(100, abs=1e-9)


def test_a_conversion_and_its_inverse_cancel():
    there, back = conversion("t/ha", "kg/m2")[0], conversion("kg/m2", "t/ha")[0]

    assert there * back == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize(
    "text",
    [
        "apples",
        "__import__('os').system('true')",
        "g/kg; x",
        "[",
        "mm/month/",
        "0 mm",
        "-1 mm",
        "nan",
        "inf",
        "x" * 99,
    ],
)
def test_what_is_no_unit_is_refused(text):
    with pytest.raises(ValueError, match="is not a unit that can be read"):
        parse_unit(text)


@pytest.mark.parametrize(
    "text", ["9**9**9**9", "9^9^9^9", "m**999999999", "(9**9)**(9**9)", "2**(9**9)", "9**9.5e9"]
)
def test_a_power_without_end_is_refused_before_it_is_computed(text):
    with pytest.raises(ValueError, match="is not a unit that can be read"):
        parse_unit(text)


@pytest.mark.parametrize(
    "unit", ["g/m2", "g/m2/year", "gC/m2", "0.001 kg C m-2 yr-1", "10 kg/ha", "0.01 t/ha/a"]
)
def test_the_amount_of_a_year_needs_no_period(unit):
    assert yearly_conversion(unit, "kg/m2/year") == (pytest.approx(1e-3, rel=1e-12), 0)


@pytest.mark.parametrize("unit", ["g", "mm/year", "kg/ha2", "1"])
def test_what_is_no_amount_of_a_year_is_refused(unit):
    with pytest.raises(ValueError, match="'kg/m2/year': they measure different things"):
        yearly_conversion(unit, "kg/m2/year")


def test_nitrogen_is_told_from_carbon():
    assert [is_nitrogen(unit) for unit in ("kg N/ha", "gN m-2", "t_N/ha", "kg/ha", "kg C/ha", "nm")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "target", "hint"),
    [
        ("mm", "mm/month", "such as 'mm/month'"),
        ("0.1 mm", "mm/year", "such as '0.1 mm/year'"),
        ("kg/ha/yr", "kg/ha", "leave out the period"),
        ("K", "%", "measure different things"),
    ],
)
def test_a_unit_of_another_quantity_is_refused_with_a_hint(unit, target, hint):
    with pytest.raises(ValueError, match=hint):
        conversion(unit, target)


def test_a_slope_in_percent_is_no_angle():
    """100 % is 45 degrees: a factor would give 57."""
    with pytest.raises(ValueError, match="different things"):
        conversion("%", "degree")


def test_ten_tonnes_per_hectare_are_one_kilogram_per_square_metre():
    assert stock_factor("t/ha") == 10
    assert stock_factor("kg/m2") == 1


@pytest.mark.parametrize(
    ("unit", "target", "factor"),
    [
        ("degrees C", "degC", 1), ("deg C", "degC", 1), ("degree_Celsius", "degC", 1), ("kelvin", "K", 1),
        ("mm mon-1", "mm/month", 1), ("mm/mon", "mm/month", 1), ("mm per month", "mm/month", 1),
        ("kg m**-2 s**-1", "mm/month", 365.25 / 12 * 86400), ("m s**-1", "mm/month", 365.25 / 12 * 86400 * 1000),
        ("mm/8day", "mm/month", 365.25 / 12 / 8), ("Percent", "1", 0.01), ("% (w/w)", "1", 0.01), ("%vol", "1", 0.01),
        ("% vol", "1", 0.01), ("m3 m-3", "1", 1), ("10 * kg / m2", "kg/m2", 10),
        ("g C m-2", "kg/m2", 1e-3), ("Meter", "m", 1),        ("metres", "m", 1), ("Mg m-3", "g/cm3", 1),
        ("g/cm³", "g/cm3", 1), ("g per kg", "%", 0.1), ("g·kg-1", "%", 0.1),
    ],
)  # fmt: skip
def test_units_are_read_as_published_files_say_them(unit, target, factor):
    assert conversion(unit, target)[0] == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize(
    ("said", "declared", "target", "other"),
    [
        ("K", "degC", "degC", "K"), ("degC", "K", "degC", "degC"), ("m", "mm/month", "mm/month", "m/month"),
        ("%", "1", "1", "%"), ("1", "%", "%", "1"), ("g/kg", "%", "%", "g/kg"),
        ("g C m-2", "kg/m2/year", "kg/m2/year", "g C m-2"),
        ("W m-2", "mm/month", "mm/month", "W m-2"), ("%", "degree", "degree", "%"),
        ("mm/day", "mm/month", "mm/month", "mm/day"),
    ],
)  # fmt: skip
def test_a_file_that_says_another_unit_is_contradicted(said, declared, target, other):
    assert other_unit(said, declared, target) == other


@pytest.mark.parametrize(
    ("said", "declared", "target"),
    [
        ("kelvin", "K", "degC"), ("degrees C", "degC", "degC"), ("mm", "0.001 m/month", "mm/month"),
        ("mm", "mm/day", "mm/month"),
        ("kg m-2 s-1", "mm/s", "mm/month"), ("kg m-2", "mm/month", "mm/month"), ("percent", "%", "1"),
        ("NDVI", "1", "1"),        ("unitless", "1", "1"), ("1", "mm/month", "mm/month"),
        ("g C m-2", "g/m2/year", "kg/m2/year"),
        ("10 g/kg", "%", "%"),        ("meters above sea level", "m", "m"), ("m a.s.l.", "m", "m"),
        ("none", "%", "%"), ("degC*10", "0.1 degC", "degC"), ("kg m**-2", "mm/month", "mm/month"),
    ],
)  # fmt: skip
def test_another_spelling_no_period_and_no_unit_contradict_nothing(said, declared, target):
    assert other_unit(said, declared, target) == ""
