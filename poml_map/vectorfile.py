"""Vector files that we write: the same bytes for the same content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyogrio

if TYPE_CHECKING:
    import geopandas as gpd

# GeoPackage notes when it was written; a fixed date keeps the file the same to the last byte.
_DATE = "2000-01-01T00:00:00.000Z"
# Newer ones make QGIS 3.22 and GDAL before 3.7 warn; nothing of theirs is needed here.
_VERSION = "1.2"


def write_layer(frame: gpd.GeoDataFrame, path: Path, layer: str, description: str = "") -> Path:
    """Write a GeoPackage of one layer.

    Parameters
    ----------
    frame : geopandas.GeoDataFrame
    path : Path
        Replaced if it is there.
    layer : str
    description : str
        Of the layer, in its metadata.

    Returns
    -------
    Path
        `path`.
    """
    path.unlink(missing_ok=True)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _DATE})
    try:
        metadata = {"DESCRIPTION": description} if description else None
        options = {"VERSION": _VERSION}
        pyogrio.write_dataframe(frame, path, layer=layer, layer_metadata=metadata, dataset_options=options)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    return path
