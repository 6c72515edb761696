"""Geographic file formats that hold their own values.

Others (VRT, WMS, ...) are short texts that lead GDAL to any file of the machine or to the network, which a file that
somebody else wrote must not do. Some hold values but may name a file for them (ERS, PCIDSK, ILWIS), or are decoded as
a whole however large their header says they are (PNG, JPEG).
"""

from __future__ import annotations

#: Names of GDAL's raster drivers.
RASTER = (
    "GTiff", "COG", "AAIGrid", "AIG", "BT", "DTED", "EHdr", "ENVI", "GRASSASCIIGrid", "GRIB", "GS7BG", "GSAG", "GSBG",
    "HFA", "ISG", "NWT_GRD", "PCRaster", "RMF", "RRASTER", "RST", "SAGA", "SRTMHGT", "USGSDEM", "XYZ",
)  # fmt: skip

#: Names of GDAL's vector drivers.
VECTOR = ("ESRI Shapefile", "FlatGeobuf", "GPKG", "GeoJSON", "GeoJSONSeq")
