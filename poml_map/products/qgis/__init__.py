"""A QGIS project of a finished run, and its styles, written without QGIS."""

from poml_map.products.qgis.write import write_qgis

__all__ = ["write_qgis"]
