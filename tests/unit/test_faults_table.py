"""The table of docs/faults.md has every case, and every test it names exists."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "faults.md"
NUMBERS = {"A": 8, "B": 11, "C": 4, "D": 8, "E": 3, "F": 6}
# The result of a case whose tests are not written yet; they need not exist.
TO_COME = "to come"


def _rows() -> dict[str, list[str]]:
    """Cells by case."""
    lines = re.findall(r"^\| ([A-F]\d+) \|(.+)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len({case for case, _ in lines}) == len(lines), "a case stands twice"
    return {case: [cell.strip() for cell in cells.split(" | ")] for case, cells in lines}


def _named(cell: str) -> list[tuple[str, str, str]]:
    """File, test and, of a test with several, the one that is meant."""
    return re.findall(r"`([\w/]+\.py)::(\w+)(?:\[([^\]]+)\])?`", cell)


def test_every_case_is_in_the_table():
    assert set(_rows()) == {f"{letter}{n}" for letter, most in NUMBERS.items() for n in range(1, most + 1)}


@pytest.mark.parametrize("case", _rows())
def test_every_case_says_what_happens_and_names_tests_that_exist(case):
    when, what, tests, result = _rows()[case]
    assert when
    assert what
    assert re.match(rf"(holds|{TO_COME})\b", result), result
    named = _named(tests)
    assert len(named) == tests.count("::") > 0, tests
    if result == TO_COME:
        return
    for file, test, meant in named:
        text = (TESTS / file).read_text(encoding="utf-8")
        functions = [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
        assert test in functions, f"{file} has no {test}"
        assert not meant or f'"{meant}"' in text, f"{file} has no case {meant}"
