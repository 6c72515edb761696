"""A coordinate reference system as QGIS keeps it."""

from __future__ import annotations

import warnings
from xml.etree import ElementTree as ET

import pyproj

from poml_map.products.qgis.xml import child


def add_crs(parent: ET.Element, crs: pyproj.CRS) -> None:
    """Put ``<spatialrefsys>`` into `parent`: the whole WKT, since QGIS takes a code alone for no CRS at all."""
    element = child(parent, "spatialrefsys", nativeFormat="Wkt")
    with warnings.catch_warnings():  # PROJ strings lose things, says pyproj; QGIS reads the WKT
        warnings.simplefilter("ignore", UserWarning)
        proj4 = crs.to_proj4()
    authority, code = crs.to_authority(min_confidence=100) or ("", "")
    acronym = next((part[6:] for part in proj4.split() if part.startswith("+proj=")), "")
    for tag, text in {
        "wkt": crs.to_wkt("WKT2_2019"),
        "proj4": proj4,
        "srsid": "0",
        "srid": code if code.isdigit() else "0",
        "authid": f"{authority}:{code}" if code else "",
        "description": crs.name,
        "projectionacronym": acronym,
        "ellipsoidacronym": ellipsoid(crs),
        "geographicflag": str(crs.is_geographic).lower(),
    }.items():
        child(element, tag, text)


def ellipsoid(crs: pyproj.CRS) -> str:
    """The ellipsoid on which QGIS measures lengths and areas; WGS 84 for one that has no code.

    No ellipsoid in use on land is off by more than 0.02 % of it, and one that is given by its axes makes QGIS measure
    nothing at all.

    Examples
    --------
    >>> ellipsoid(pyproj.CRS("EPSG:32651")), ellipsoid(pyproj.CRS("EPSG:2333"))
    ('EPSG:7030', 'EPSG:7049')
    """
    geodetic = crs.geodetic_crs.to_authority(min_confidence=100) if crs.geodetic_crs else None
    base = pyproj.CRS.from_authority(*geodetic) if geodetic else crs
    code = (base.ellipsoid.to_json_dict() if base.ellipsoid else {}).get(
        "id", {"authority": "EPSG", "code": 7030}
    )
    return f"{code['authority']}:{code['code']}"
