"""Coordinate reference systems from files of somebody else: PROJ opens the grid files that they name."""

from __future__ import annotations

import re

import pyproj

# In a PROJ string, and in WKT of any version; a plain name is looked for among the grids of PROJ itself.
_GRID_FILE = re.compile(
    r"""(?:grids|init|file)\s*=\s*["'@]*(?P<proj>[^\s"',|]+)"""
    r"""|PARAMETERFILE\["[^"]*",\s*"(?P<wkt>[^"]*)\"""",
    re.IGNORECASE,
)


def known_crs(value) -> pyproj.CRS:
    """The CRS of a text, or of what a file holds, unless it names a grid file by its path.

    Parameters
    ----------
    value : str, pyproj.CRS, or anything else that pyproj reads

    Raises
    ------
    pyproj.exceptions.CRSError
        If it is none, or leads to a file.

    Examples
    --------
    >>> known_crs("EPSG:32651").name
    'WGS 84 / UTM zone 51N'
    >>> known_crs("+proj=longlat +ellps=intl +nadgrids=/home/you/a.gsb")
    Traceback (most recent call last):
    pyproj.exceptions.CRSError: a CRS with the grid file /home/you/a.gsb: only names of PROJ's own grids are followed
    """
    if isinstance(value, str):
        _refuse_paths(value)  # for PROJ may look for the file at once
    crs = pyproj.CRS.from_user_input(value)
    _refuse_paths(crs.to_wkt())
    return crs


def _refuse_paths(text: str) -> None:
    for found in _GRID_FILE.finditer(text):
        path = found["proj"] or found["wkt"] or ""
        if re.search(r"[/\\]|^~", path):
            reason = f"a CRS with the grid file {path}: only names of PROJ's own grids are followed"
            raise pyproj.exceptions.CRSError(reason)
