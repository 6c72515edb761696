"""Geographic file formats that hold their own values.

Others (VRT, WMS, ...) are short texts that lead GDAL to any file of the machine or to the network, which a file that
somebody else wrote must not do.
"""

from __future__ import annotations

from pathlib import Path

#: Names of GDAL's raster drivers.
RASTER = (
    "GTiff", "COG", "AAIGrid", "AIG", "BMP", "BT", "DTED", "EHdr", "ENVI", "ERS", "GPKG", "GRASSASCIIGrid", "GRIB",
    "GS7BG", "GSAG", "GSBG", "HDF5", "HDF5Image", "HF2", "HFA", "ILWIS", "ISG", "JP2OpenJPEG", "JPEG", "MBTiles",
    "netCDF", "NITF", "NWT_GRD", "PCIDSK", "PCRaster", "PNG", "RMF", "RRASTER", "RST", "SAGA", "SRTMHGT", "USGSDEM",
    "WEBP", "XYZ",
)  # fmt: skip

#: Names of GDAL's vector drivers.
VECTOR = (
    "ESRI Shapefile", "FlatGeobuf", "GML", "GPKG", "GeoJSON", "GeoJSONSeq", "KML", "LIBKML", "MapInfo File",
    "OpenFileGDB", "Parquet", "SQLite", "TopoJSON",
)  # fmt: skip

# How texts begin that make GDAL open something else while it only looks for the format.
_POINTERS = (b"<OGRVRT", b"<OGRWFS", b"<OGRWMTS", b"gdal_streamed_alg")


def leads_elsewhere(path: Path) -> bool:
    """Whether a vector file is a short text that names other files or servers."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    return any(pointer in head for pointer in _POINTERS)
