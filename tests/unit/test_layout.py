"""The rules that keep the parts of the package apart: who may import whom, and what every part must have."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import poml_map

PACKAGE = Path(poml_map.__file__).parent
MODULES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))
}

# From the ground up: a part may import those below it, never one beside it or above it.
GROUND = {"errors": 0, "units": 0, "compiling": 0, "schema": 1}
SCIENCE = ("rothc", "hybrid")
SHELLS = ("cube", "sites", "mapping", "products", "demo", "process", "fetch")
TOP = {"pipeline": 5, "init": 5, "api": 6, "batch": 6, "cli": 7, "__main__": 8, "__init__": 8}
OPEN_LEVEL, SCIENCE_LEVEL, SHELL_LEVEL = 2, 3, 4

SCIENCE_NEVER_SEES = {
    "xarray",
    "dask",
    "rasterio",
    "rioxarray",
    "geopandas",
    "pyogrio",
    "pandas",
    "pathlib",
    "zarr",
    "netCDF4",
}
ROTHC_SEES_ONLY = {"numpy", "scipy", "numba"}
HYBRID_SEES_ONLY = {*ROTHC_SEES_ONLY, "llvmlite", "sklearn", "joblib"}
HEAVY = [
    "xarray",
    "dask",
    "rasterio",
    "rioxarray",
    "geopandas",
    "pandas",
    "sklearn",
    "scipy",
    "matplotlib",
    "zarr",
    "netCDF4",
    "numba",
    "pint",
    "fsspec",
    "aiohttp",
]


def _part(module):
    return module.split("/")[0]


def _level(part):
    if part in SCIENCE:
        return SCIENCE_LEVEL
    if part in SHELLS:
        return SHELL_LEVEL
    return TOP.get(part, GROUND.get(part, OPEN_LEVEL))


def _imports(module):
    """Dotted names that a module imports anywhere, relative ones resolved; not those for type checkers only."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    skipped = {
        inner for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }  # fmt: skip
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split("/")[: -node.level] if node.level else []
            base = ".".join(
                [*(["poml_map", *package] if node.level else []), *([node.module] if node.module else [])]
            )
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _own_parts(module):
    """Parts of this package that a module imports."""
    names = {_part(name) for name in MODULES}
    for name in _imports(module):
        words = name.split(".")
        if words[0] == "poml_map" and len(words) > 1 and words[1] in names:
            yield words[1]


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down_and_never_sideways(module):
    part = _part(module)
    for other in _own_parts(module):
        if other == part:
            continue
        if part in SHELLS:
            assert other not in SHELLS, f"{module} imports its neighbour {other}"
        if part in SCIENCE or part in SHELLS or part in TOP or part in GROUND:
            assert _level(other) < _level(part), f"{module} imports {other}, which is not below it"
        else:
            assert _level(other) <= OPEN_LEVEL, f"{module} imports {other}, which is above it"


@pytest.mark.parametrize("module", [name for name in MODULES if _part(name) in SCIENCE])
def test_science_takes_plain_arrays(module):
    part = _part(module)
    allowed = ROTHC_SEES_ONLY if part == "rothc" else HYBRID_SEES_ONLY
    for name in _imports(module):
        top = name.split(".")[0]
        assert top not in SCIENCE_NEVER_SEES, f"{module} imports {name}"
        assert top in allowed | {"poml_map"} or top in sys.stdlib_module_names, f"{module} imports {name}"
    assert set(_own_parts(module)) <= {part, "compiling", "npz"}, f"{module} knows more than its own part"


def _loaded_by(statement):
    code = f"import sys; {statement}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()


@pytest.mark.parametrize("statement", ["import poml_map", "import poml_map.cli"])
def test_the_first_import_loads_nothing_heavy(statement):
    """`poml-map --help` must answer at once."""
    if statement.endswith("cli") and "cli" not in MODULES:
        pytest.skip("no command line yet")

    assert set(_loaded_by(statement)) & set(HEAVY) == set()


def _public(tree):
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    inner for inner in node.body
                    if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_")
                    and not any("setter" in ast.unparse(mark) for mark in inner.decorator_list)
                )  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_says_what_it_is(module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    bare = [node.name for node in _public(tree) if not ast.get_docstring(node)]

    assert module == "_version" or ast.get_docstring(tree), f"{module} has no docstring"
    assert not bare, f"{module}: no docstring in {', '.join(bare)}"


@pytest.mark.parametrize("module", MODULES)
def test_the_package_does_not_print(module):
    """Messages go to the log, paths through the command line: a library that prints cannot be used in one."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]

    assert "print" not in {call.func.id for call in calls}


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) < 400
