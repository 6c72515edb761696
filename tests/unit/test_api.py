"""The public names: few, described, refused in one line, and the same functions that the pipeline runs."""

import ast
import importlib
import inspect
import pkgutil
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import poml_map
from poml_map.config import load_region
from poml_map.demo import write_demo
from poml_map.errors import InputError

PACKAGE = Path(poml_map.__file__).parent
SHELLS = ("cube", "sites", "mapping", "process", "products", "demo", "fetch")
COMMANDS = {"run", "validate", "report", "fetch", "write_demo"}

#: Public name -> (what runs underneath, modules of the pipeline that call the same). What is a function of its own
#: puts labels on it and nothing else.
UNDERNEATH = {
    "load_region": ("config:load_region", ["checks"]),
    "open_cube": ("cube:open_layers", ["checks"]),
    "read_samples": ("pipeline.checks:read_sites", ["trained"]),
    "carbon_stock": ("rothc.stock:carbon_stock", [":sites.stock"]),
    "calibrate": ("pipeline.parameters:find_parameters", ["trained"]),
    "simulate": ("pipeline.site_model:build_site_model", ["trained"]),
    "simulate on a cube": ("rothc:run_drivers", [":process.observed", ":mapping.process"]),
    "Options": ("rothc:Options", ["site_model", "process_choices"]),
    "training_table": ("pipeline.learning:training_frame", ["learning"]),
    "PomlRegressor": ("hybrid.training:poml_weights", [":hybrid.forest", ":hybrid.training"]),
    "cross_validate": ("hybrid:cross_validate", ["learning"]),
    "map_years": ("mapping:forest_mapper", ["tile_model", ":mapping.any_forest"]),
    "map_forest": ("mapping:forest_mapper", ["tile_model", ":mapping.any_forest"]),
    "open_store": ("mapping.store:open_store", []),  # what a run wrote, for readers alone
    "animate": ("products:write_gif", ["maps"]),
}

#: Modules inside a shell that the pipeline still reaches into. This list may only shrink.
REACHED_INTO = {
    "poml_map.cube.area", "poml_map.cube.header", "poml_map.cube.positions", "poml_map.cube.terrain",
    "poml_map.cube.timeplan",
    "poml_map.mapping.cluster",  # loads dask.distributed, so late and only where it is asked for
}  # fmt: skip


def _public():
    return [name for name in poml_map.__all__ if name != "__version__"]


def _at(text):
    module, _, name = text.partition(":")
    return getattr(importlib.import_module(f"poml_map.{module}"), name)


def test_there_are_a_dozen_names_beside_the_commands():
    assert set(_public()) > COMMANDS
    assert len(set(_public()) - COMMANDS) <= 14
    assert all(callable(getattr(poml_map, name)) for name in _public())
    assert dir(poml_map) == sorted(poml_map.__all__)


@pytest.mark.parametrize("name", [name for name in poml_map.__all__ if name != "__version__"])
def test_a_public_name_says_what_it_takes_and_gives(name):
    text, found = inspect.getdoc(getattr(poml_map, name)), getattr(poml_map, name)
    sections = ["Parameters"]
    if not inspect.isclass(found):
        sections += ["Returns", "Raises"]
    if name not in {"run", "validate", "report", "fetch"}:  # those take minutes: docs/quickstart.md runs them
        sections += ["Examples"]
        assert ">>> " in text
    assert not [section for section in sections if f"{section}\n{'-' * len(section)}" not in text]
    for parameter in inspect.signature(found).parameters:
        assert parameter in text, f"{name}: {parameter} is not described"


@pytest.mark.parametrize("name", UNDERNEATH)
def test_the_pipeline_calls_what_a_public_name_calls(name):
    ours, callers = UNDERNEATH[name]
    found = _at(ours)
    for caller in callers:
        place = caller[1:] if caller.startswith(":") else f"pipeline.{caller}"
        module = importlib.import_module(f"poml_map.{place}")
        assert found in vars(module).values(), f"{place} does not call {ours}"


def test_every_composing_name_is_held_by_that_table():
    assert set(_public()) - COMMANDS == {name.split(" on ")[0] for name in UNDERNEATH}


def _imports_of_shells(part):
    """(module, name) that a part takes from shells, at any place in its code."""
    for path in sorted((PACKAGE / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            words = (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else []
            if len(words) > 1 and words[0] == "poml_map" and words[1] in SHELLS:
                yield from ((node.module, alias.name) for alias in node.names)


def _offered(module, name):
    """Whether a shell, or a part of it that is a package, lists a name in `__all__`."""
    found = importlib.import_module(module)
    if not hasattr(found, "__path__"):
        return False
    packages = {info.name for info in pkgutil.iter_modules(found.__path__) if info.ispkg}
    return name in getattr(found, "__all__", ()) or name in packages


def test_the_pipeline_takes_from_shells_what_they_offer_but_for_a_list_that_may_only_shrink():
    inner = {module for module, name in _imports_of_shells("pipeline") if not _offered(module, name)}
    assert inner <= REACHED_INTO, "name it in the shell's __all__ and import it from there"
    assert {module for module, name in _imports_of_shells("api") if not _offered(module, name)} == set()


def test_fetch_stays_the_function_whatever_is_imported():
    importlib.import_module("poml_map.fetch")
    assert inspect.isfunction(poml_map.fetch)
    with pytest.raises(AttributeError, match="has no attribute 'run_rothc'"):
        _ = poml_map.run_rothc


@pytest.fixture(scope="module")
def region(built_once):
    folder = built_once("e2e-demo", lambda folder: write_demo(folder / "demo", size="tiny"))
    return load_region(folder / "demo" / "region.yaml")


@pytest.fixture(scope="module")
def samples(region):
    return poml_map.read_samples(region)


def _line(call, *arguments, **options):
    with pytest.raises(InputError) as refusal:
        call(*arguments, **options)
    (line,) = str(refusal.value).splitlines()
    return line


def test_what_a_notebook_gives_wrong_is_refused_in_one_line_that_says_what_to_give(samples, region):
    simulate, table = poml_map.simulate, poml_map.training_table
    stock = samples["stock"]
    first = stock.isel(year=0, drop=True)
    for line, words in [
        (_line(simulate, samples, stock), "arguments, stock: found stocks over year without a region"),
        (
            _line(simulate, samples, stock, region, keep=["pools"]),
            "arguments, keep: found keep with stocks over",
        ),
        (_line(simulate, samples, first, input_driver="FRE"), "data, FRE: found no such variable"),
        (_line(simulate, samples.drop_vars("CLAY"), first), "clay"),
        (_line(simulate, stock, first, region), "data: found a DataArray"),
        (_line(table, samples, ["ELEV", "CLYA"]), "Did you mean `CLAY`"),
        (_line(table, samples, ["ELEV"], stock.isel(site=slice(9))), "simulated: found no site"),
        (_line(table, samples, ["ELEV"], stock.to_numpy()), "simulated: found ndarray"),
        (
            _line(poml_map.calibrate, samples.drop_vars("stock"), region),
            "samples, stock: found no such variable",
        ),
        (
            _line(poml_map.calibrate, samples.isel(year=slice(5)), region),
            "samples, coordinate year: found 5 years",
        ),
        (_line(poml_map.calibrate, stock, region), "samples: found a DataArray"),
        (
            _line(poml_map.calibrate, samples.where(samples["year"] < 1990), region),
            "change its stock alone",
        ),
        (_line(poml_map.cross_validate, samples, region, "POML"), "arguments, model: found a str"),
        (_line(poml_map.cross_validate, samples, region, folds=1), "n_folds is 1"),
        (_line(poml_map.map_years, stock, None), "cube: found a DataArray"),
        (
            _line(poml_map.animate, samples, "a.gif"),
            "maps, stock: found dimensions year, site, expected year, y",
        ),
        (_line(poml_map.animate, samples[["CLAY"]], "a.gif"), "maps, layer: found '', expected one of"),
    ]:
        assert words in line


def test_sites_are_told_by_name_in_whatever_order_they_come(samples, region):
    whole = poml_map.simulate(samples, samples["stock"], region, mu_max=1.4, k_m=0.05)
    turned = samples.isel(site=slice(None, None, -1))
    again = poml_map.simulate(turned, turned["stock"], region, mu_max=1.4, k_m=0.05)
    xr.testing.assert_identical(again.sel(site=whole["site"]), whole)
    assert again["site"].to_numpy().tolist() == turned["site"].to_numpy().tolist()
    assert poml_map.calibrate(turned, region).mu_max == poml_map.calibrate(samples, region).mu_max
    unknown = samples["stock"].where(samples["site"] != "S002")
    gone = poml_map.simulate(samples, unknown, region, mu_max=1.4, k_m=0.05)["stock"]
    assert gone.sel(site="S002").isnull().all()
    np.testing.assert_array_equal(gone.drop_sel(site="S002"), whole["stock"].drop_sel(site="S002"))


def test_a_site_starts_from_its_own_first_campaign(samples, region):
    late = samples["stock"].where((samples["site"] != "S001") | (samples["year"] == 2000))
    course = poml_map.simulate(samples, late, region)["stock"]
    assert course.sel(site="S001").count() == 1
    assert course.sel(site="S001", year=2000) == samples["stock"].sel(site="S001", year=2000)
    assert course.units == "kg/m2"


def test_both_engines_agree_at_sites_and_places(samples, region):
    """Sites run as in calibration, places as on the map: the same model, sums in another order."""
    at_sites = poml_map.simulate(samples, samples["stock"], region, mu_max=1.4, k_m=0.05)
    first = samples["stock"].isel(year=0, drop=True)
    at_places = poml_map.simulate(samples, first, region, mu_max=1.4, k_m=0.05)
    for name in ("stock", "annual_input", "added", "respired"):
        xr.testing.assert_allclose(
            at_sites[name].drop_vars(["in_mask", "x", "y"], errors="ignore"),
            at_places[name].drop_vars(["in_mask", "x", "y"], errors="ignore"), rtol=1e-9,
        )  # fmt: skip


def test_rows_that_are_not_used_are_there_with_their_reasons(samples, region, tmp_path):
    own = shutil.copytree(region.folder, tmp_path / "own")
    table = (own / "samples.csv").read_text(encoding="utf-8").splitlines()
    head, first, *others = table
    (own / "samples.csv").write_text(
        "\n".join([head, first.replace(",1980,", ",1970,"), *others]), encoding="utf-8"
    )
    found = poml_map.read_samples(own / "region.yaml")
    assert found["dropped_reason"].values.tolist() == ["year outside 1980-2000"]
    assert found["dropped_site"].item() == first.split(",")[0]
    assert (found.attrs["n_in"], found.attrs["n_used"], found.attrs["n_dropped"]) == (120, 119, 1)
    assert int(found["stock"].count()) == 119
    np.testing.assert_array_equal(found["ELEV"], samples["ELEV"])


#: Checks of scikit-learn that this estimator fails on purpose, and why.
_OTHERWISE = {
    "check_n_features_in_after_fitting": "refuses other columns, in words of its own",
    "check_estimators_empty_data_messages": "refuses a table without columns, in words of its own",
    "check_estimators_nan_inf": "fit refuses a gap; predict gives NaN there, as maps need it",
    "check_supervised_y_2d": "refuses a target of two dimensions instead of guessing",
}


@pytest.mark.filterwarnings("ignore")
def test_the_estimator_is_one_of_scikit_learn_but_for_what_is_meant():
    import sklearn
    from sklearn.utils.estimator_checks import check_estimator

    found = check_estimator(poml_map.PomlRegressor(n_trees=3), on_fail=None)
    assert {each["check_name"] for each in found if each["status"] == "failed"} == set(_OTHERWISE)
    rows = np.arange(12.0).reshape(6, 2)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = poml_map.PomlRegressor(n_trees=3).set_fit_request(is_simulated=True)
    assert routed.get_metadata_routing().fit.requests == {"is_simulated": True}
    assert routed.fit(rows, rows[:, 0], is_simulated=rows[:, 0] > 4).n_simulated_ == 3
