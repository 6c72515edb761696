"""Annual maps of soil organic carbon stock: RothC and a random forest joined (POML).

Everything in ``__all__`` is public; the rest may change. Names are imported when they are first used, so
that ``import poml_map`` and ``poml-map --help`` stay instant.
"""

import sys
from importlib import import_module
from types import ModuleType

from poml_map._version import __version__

#: Public name -> its module, and its name there if that is another one. First what a notebook composes, in the order in
#: which it does, then whole commands.
_HOME = {
    "load_region": "poml_map.config",
    "open_cube": "poml_map.cube",
    "read_samples": "poml_map.api",
    "carbon_stock": "poml_map.rothc.stock",
    "calibrate": "poml_map.api",
    "simulate": "poml_map.api",
    "Options": "poml_map.rothc",
    "training_table": "poml_map.api",
    "PomlRegressor": "poml_map.hybrid",
    "cross_validate": "poml_map.api",
    "map_years": "poml_map.mapping",
    "map_forest": "poml_map.mapping",
    "open_store": "poml_map.mapping",
    "animate": "poml_map.products",
    "write_demo": "poml_map.demo",
    "run": "poml_map.pipeline.run:run_region",
    "validate": "poml_map.pipeline.validation.run:validate_region",
    "report": "poml_map.pipeline.publish:report_run",
    "fetch": "poml_map.pipeline.fetch:fetch_region",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str):
    if name in _HOME:
        module, _, its_name = _HOME[name].partition(":")
        return getattr(import_module(module), its_name or name)
    raise AttributeError(f"module 'poml_map' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps `poml_map.fetch` the function: importing a module of the package `fetch` would put that in its place."""

    def __setattr__(self, name, value):
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
