"""The reference says what the program knows: every key, column, command, option and public name, and no other."""

import doctest
import importlib.util
import re
import sys
from importlib import import_module
from typing import get_args

import pytest

import poml_map
from poml_map import schema
from poml_map.catalog import Catalog, Role
from poml_map.settings import RegionSettings
from poml_map.units import conversion, yearly_conversion
from tests.docs.blocks import ROOT


def _extension(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / "_ext" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


reference = _extension("reference")
pages = _extension("pages")
MODELS = {model for top in (RegionSettings, Catalog) for _, model in reference.sections(top)}


@pytest.mark.parametrize("module", [reference, pages], ids=lambda module: module.__name__)
def test_examples_of_the_extensions_are_right(module):
    assert doctest.testmod(module).failed == 0


def test_every_key_has_a_meaning_and_no_other():
    keys = {model.__name__: set(model.model_fields) for model in MODELS}
    assert {name: set(told) for name, told in reference.meanings().items()} == keys
    assert [
        key for told in reference.meanings().values() for key, text in told.items() if text[-1] not in ".:)"
    ] == []


@pytest.mark.parametrize(("page", "top"), [("region", RegionSettings), ("catalog", Catalog)])
def test_every_key_is_on_its_page(page, top):
    text = reference.PARTS[page]()
    for _, model in reference.sections(top):
        assert [name for name in model.model_fields if f"\n`{name}`\n: " not in text] == []
    assert "hybrid.w_p" not in text  # a key stands below its section, as in the file


def test_types_ranges_and_defaults_are_those_of_the_schema():
    text = reference.PARTS["region"]()
    for told in (
        "`w_p`\n: a number from 0 to 1; default `0.5`.",
        "`level`\n: a share from 0.5 to 0.99; default `0.9`.",
        "`units`\n: `kg/m2` or `t/ha`; default `kg/m2`.",
        "`years`\n: FIRST-LAST, both included; **needed**.",
        "`expected_change`\n: relative change from the first to the last year, above -0.9 and below 5.",
    ):
        assert told in text


def test_every_role_and_column_is_listed_with_its_unit_and_range():
    roles, columns = reference.PARTS["roles"](), reference.PARTS["columns"]()
    assert [role for role in get_args(Role) if f"| `{role}` |" not in roles] == []
    assert [
        c.name for c in schema.COLUMNS.values() if f"| `{c.name}` | {c.long_name} | {c.unit} |" not in columns
    ] == []
    assert "| `CLAY` | clay content | % | 0 to 100 | static | role `clay` |" in columns
    assert "| `PRE` | annual precipitation | mm/year | 0 to 15000 | annual | sum of `precip` |" in columns


def test_every_command_and_option_is_listed():
    from typer.main import get_command

    from poml_map.cli import app

    text = reference.PARTS["commands"]()
    for name, command in get_command(app).commands.items():
        part = text.partition(f"## `poml-map {name}`")[2].partition("\n## ")[0]
        options = [option for param in command.params for option in param.opts if option.startswith("--")]
        assert [option for option in options if not re.search(rf"^`{option}\b", part, re.MULTILINE)] == []
        assert "Example: `poml-map" in part


def test_exit_codes_are_those_of_the_program():
    codes = re.findall(r"^\| `(\d+)` \|", reference.PARTS["exit-codes"](), re.MULTILINE)
    assert codes == ["0", "1", "2", "3", "130", "143"]


def test_every_public_name_is_listed():
    text = reference.PARTS["python"]()
    assert [n for n in poml_map.__all__ if n != "__version__" and f":: poml_map.{n}\n" not in text] == []


def test_every_placeholder_of_a_page_is_known():
    names = [
        name
        for page in (ROOT / "docs").rglob("*.md")
        for name in re.findall(r"<!-- generated: (.+) -->", page.read_text(encoding="utf-8"))
    ]
    assert sorted(set(names)) == sorted(set(names) & set(reference.PARTS))
    assert {"region", "catalog", "roles", "columns", "commands", "exit-codes", "python"} <= set(names)


def test_the_table_of_units_tells_how_they_are_converted():
    page = (ROOT / "docs" / "units.md").read_text(encoding="utf-8")
    part = page.partition("| quantity |")[2].partition("\n\n")[0]
    target, seen = "", 0
    for line in part.splitlines()[2:]:
        _, _, inside, unit, numbers, _ = (cell.strip() for cell in line.split("|"))
        target = inside or target
        convert = yearly_conversion if target.endswith("/year") else conversion
        assert convert(unit.strip("`"), target) == pytest.approx(
            [float(text) for text in numbers.split(",")]
        ), line
        seen += 1
    assert seen > 10


def test_every_file_of_a_run_is_told_of(finished):
    page = (ROOT / "docs" / "units.md").read_text(encoding="utf-8")
    names = {path.name for path in finished.iterdir()} - {".lock"}
    assert [name for name in sorted(names) if name not in page] == []


def _exists(name):
    module, _, own = name.rpartition(".")
    try:
        return hasattr(import_module(module), own) or bool(import_module(name))
    except ImportError:
        return False


def test_functions_and_tests_of_the_page_of_equations_exist():
    page = (ROOT / "docs" / "equations.md").read_text(encoding="utf-8")
    functions = re.findall(r"`(poml_map\.[\w.]+)`", page)
    assert [name for name in functions if not _exists(name)] == []
    named = re.findall(r"`((?:unit|property|reference)/[\w/]+\.py)(?:::(\w+))?`", page)
    missing = [
        (file, name)
        for file, name in named
        if not (ROOT / "tests" / file).is_file()
        or (name and f"def {name}(" not in (ROOT / "tests" / file).read_text(encoding="utf-8"))
    ]
    assert missing == []
    assert len(functions) > 20
    assert len(named) > 20
