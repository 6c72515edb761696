"""Annual maps of soil organic carbon stock: RothC and a random forest joined (POML).

Everything in ``__all__`` is public; the rest may change. Names are imported when they are first used, so
that ``import poml_map`` and ``poml-map --help`` stay instant.
"""

from importlib import import_module

from poml_map._version import __version__

_HOME = {
    "Options": "poml_map.rothc",
    "PomlRegressor": "poml_map.hybrid",
    "animate": "poml_map.products",
    "carbon_stock": "poml_map.rothc.stock",
    "equilibrium_rothc": "poml_map.process",
    "load_region": "poml_map.config",
    "map_forest": "poml_map.mapping",
    "map_years": "poml_map.mapping",
    "open_cube": "poml_map.cube",
    "open_store": "poml_map.mapping",
    "report": "poml_map.pipeline.publish:report_run",
    "run": "poml_map.pipeline.run:run_region",
    "run_rothc": "poml_map.process",
    "simulate_rothc": "poml_map.process",
    "sites_from_table": "poml_map.process",
    "validate": "poml_map.pipeline.validation.run:validate_region",
    "write_demo": "poml_map.demo",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str):
    if name in _HOME:
        module, _, its_name = _HOME[name].partition(":")
        return getattr(import_module(module), its_name or name)
    raise AttributeError(f"module 'poml_map' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
