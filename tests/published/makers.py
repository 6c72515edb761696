"""For each published entry of the catalog the function that writes its files: structure as published, values synthetic.

A maker takes the folder, the entry's `Source`, the bounds and the years. Entries with an address get
``folder/HOST/PATH``, as the server has them; the others ``folder/by_hand/URI``, as the entry's steps leave them.
"""

from __future__ import annotations

import io
import itertools
import json
import math
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import geopandas as gpd
import shapely

from poml_map.catalog import Source
from tests.published import arrays, world
from tests.published.rasters import Bounds, Layout, window_of, write_sparse

#: Where files go that no address gives.
BY_HAND = "by_hand"
_ARC3 = 1 / 1200
_DEPTHS = {"d0_5": 2.5, "d5_15": 10.0, "d15_30": 22.5}
_MARGIN = 0.1

HOMOLOSINE = (
    'PROJCS["Homolosine",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,'
    'AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]],'
    'PROJECTION["Interrupted_Goode_Homolosine"],UNIT["Meter",1]]'
)
SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"
ALBERS = "+proj=aea +lat_0=0 +lon_0=105 +lat_1=25 +lat_2=47 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"

Maker = Callable[[Path, Source, Bounds, Iterable[int]], None]


def at_address(folder: Path, address: str) -> Path:
    """``folder/HOST/PATH`` of an address."""
    parts = urlsplit(address)
    return folder / parts.netloc / parts.path.lstrip("/")


def by_hand(folder: Path, source: Source, *key) -> Path:
    """Where the steps of an entry without an address put a file."""
    return folder / BY_HAND / source.shown(*key)


def tile_corners(bounds: Bounds, degrees: float, margin: float = _MARGIN) -> list[tuple[float, float]]:
    """Lower left corners of the tiles that the bounds touch."""
    west, south, east, north = bounds
    xs = range(math.floor((west - margin) / degrees), math.ceil((east + margin) / degrees))
    ys = range(math.floor((south - margin) / degrees), math.ceil((north + margin) / degrees))
    return [(x * degrees, y * degrees) for y, x in itertools.product(ys, xs)]


def copernicus_layout(lon: float, lat: float) -> Layout:
    """A tile of GLO-90: points at whole degrees, cells wider in longitude towards the poles, no nodata value."""
    nearest = abs(lat) if lat >= 0 else abs(lat) - 1
    bands = ((50, 1), (60, 1.5), (70, 2), (80, 3), (85, 5), (91, 10))
    wider = next(factor for limit, factor in bands if nearest < limit)
    across = wider * _ARC3
    options = {"tags": {"AREA_OR_POINT": "Point"}, "predictor": 3}
    width = round(1 / across)
    return Layout(
        "EPSG:4326", lon - across / 2, lat + 1 + _ARC3 / 2, _ARC3, width, 1200, "float32", None, 1024, across, options
    )  # fmt: skip


def copernicus_dem(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
    """Tiles of one degree."""
    for lon, lat in tile_corners(bounds, 1):
        tile = source.entry.fetch.tiles.called(lon + 0.5, lat + 0.5)
        layout = copernicus_layout(lon, lat)
        write_sparse(
            at_address(folder, source.address(tile=tile)), layout, bounds, world.elevation, whole=True
        )


def merit_layout(lon: float, lat: float) -> Layout:
    """A tile of MERIT DEM and Geomorpho90m: five degrees, cell centres at whole degrees, -9999 on the ocean."""
    return Layout("EPSG:4326", lon - _ARC3 / 2, lat + 5 - _ARC3 / 2, _ARC3, 6000, 6000, "float32", -9999, 512)


def merit_dem(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
    """As gdalwarp joins the tiles."""
    west, north = math.floor(bounds[0] - 0.5), math.ceil(bounds[3] + 0.5)
    width = (math.ceil(bounds[2] + 0.5) - west) * 1200
    height = (north - math.floor(bounds[1] - 0.5)) * 1200
    layout = Layout("EPSG:4326", west - _ARC3 / 2, north - _ARC3 / 2, _ARC3, width, height, "float32", -9999)
    write_sparse(by_hand(folder, source), layout, bounds, world.elevation)


def geomorpho(variable: str, values: Callable) -> Maker:
    """Archives of 30 degrees with GeoTIFFs of five degrees at their top."""

    def make(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
        tiles = source.entry.fetch.tiles
        for lon, lat in tile_corners(bounds, 30):
            tile = tiles.called(lon + 1, lat + 1)
            path = at_address(folder, source.address(tile=tile))
            path.parent.mkdir(parents=True, exist_ok=True)
            with tarfile.open(path, "w:gz") as archive:
                for x, y in tile_corners(bounds, 5):
                    if (x // 30 * 30, y // 30 * 30) == (lon, lat):
                        called = tiles.model_copy(update={"degrees": 5}).called(x + 1, y + 1)
                        _add_tile(archive, f"{variable}_90M_{called}.tif", merit_layout(x, y), bounds, values)

    return make


def _add_tile(archive: tarfile.TarFile, name: str, layout: Layout, bounds: Bounds, values: Callable) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write_sparse(path, layout, bounds, values)
        content = path.read_bytes()
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = len(content), 1579116000, 0o644
    archive.addfile(member, io.BytesIO(content))


def terraclimate(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
    """One file a year and variable."""
    for variable, year, _ in source.files(_held(source, years)):
        path = at_address(folder, source.address(variable, year))
        arrays.write_terraclimate(path, bounds, variable, year)


def gimms(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
    """Two files a year."""
    for variable, year, month in source.files(_held(source, years)):
        arrays.write_gimms(by_hand(folder, source, variable, year, month), bounds, year, month)


def _monthly_rasters(layout_of: Callable[[Bounds], Layout], scale: float) -> Maker:
    """NDVI, one GeoTIFF a month."""

    def make(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
        for variable, year, month in source.files(_held(source, years)):
            path = by_hand(folder, source, variable, year, month)
            write_sparse(path, layout_of(bounds), bounds, _ndvi_of(year, month), scale=scale)

    return make


def _ndvi_of(year: int, month: int, half: int = 0) -> Callable:
    return lambda lon, lat: world.ndvi(lon, lat, year, month, half)


def _around(bounds: Bounds, step: float, dtype: str, nodata, **options) -> Layout:
    """A grid cut out around the bounds."""
    west, north = math.floor(bounds[0] - 0.5), math.ceil(bounds[3] + 0.5)
    width = math.ceil((bounds[2] + 0.5 - west) / step)
    height = math.ceil((north - bounds[1] + 0.5) / step)
    return Layout("EPSG:4326", west, north, step, width, height, dtype, nodata, 256, options=options or None)


PKU_GIMMS = Layout("EPSG:4326", -180, 90, 1 / 12, 4320, 2160, "uint16", 65535, 256, options={"count": 2})


def pku_gimms(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
    """A zip archive of each span, here with the years that are wanted: two GeoTIFFs a month.

    Their bands are NDVI x 1000, 65535 where there is no vegetation, and the quality flag. Whether the real archives
    have a folder is not confirmed; these do.
    """
    held = _held(source, years)
    for span in dict.fromkeys(source.entry.fetch.span_of(year) for year in held):
        own = [key for key in source.files(held) if source.entry.fetch.span_of(key[1]) == span]
        path = at_address(folder, source.address(*own[0]))
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            tempfile.TemporaryDirectory() as work,
        ):
            for key in own:
                _, year, month, half = key
                file = Path(work) / source.member(*key)
                write_sparse(file, PKU_GIMMS, bounds, _ndvi_of(year, month, int(half)), scale=1e-3)
                archive.write(file, f"{path.stem}/{file.name}")
                file.unlink()


def soil(values: Callable, unit: float) -> Maker:
    """A virtual file over GeoTIFFs of the interrupted homolosine, 16-bit integers, one a depth.

    The whole world's grid; how the real one is cut into GeoTIFFs is not confirmed, the virtual file says it.
    """

    def make(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
        for variable, depth in _DEPTHS.items():
            path = at_address(folder, source.address(variable))
            _write_vrt(path, bounds, lambda lon, lat, depth=depth: values(lon, lat, depth), unit)

    return make


SOILGRIDS = Layout(HOMOLOSINE, -19949750.0, 8361000.0, 250.0, 159246, 58034, "int16", -32768, 512)
_SOIL_TILE, _SOIL_GROUP = 450, 4


def _write_vrt(path: Path, bounds: Bounds, values: Callable, unit: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    top = ElementTree.Element(
        "VRTDataset", rasterXSize=str(SOILGRIDS.width), rasterYSize=str(SOILGRIDS.height)
    )
    ElementTree.SubElement(top, "SRS").text = HOMOLOSINE
    ElementTree.SubElement(top, "GeoTransform").text = ", ".join(
        str(number) for number in (SOILGRIDS.west, 250.0, 0.0, SOILGRIDS.north, 0.0, -250.0)
    )
    band = ElementTree.SubElement(top, "VRTRasterBand", dataType="Int16", band="1")
    ElementTree.SubElement(band, "NoDataValue").text = "-32768"
    window, side = window_of(SOILGRIDS, bounds, _MARGIN), _SOIL_TILE
    for row in range(window.row_off // side, (window.row_off + window.height) // side + 1):
        for col in range(window.col_off // side, (window.col_off + window.width) // side + 1):
            group = f"tileSG-{row // _SOIL_GROUP:03d}-{col // _SOIL_GROUP:03d}"
            name = f"{group}/{group}_{row % _SOIL_GROUP + 1}-{col % _SOIL_GROUP + 1}.tif"
            layout = Layout(
                HOMOLOSINE, SOILGRIDS.west + col * side * 250, SOILGRIDS.north - row * side * 250, 250.0, side, side,
                "int16", -32768, 256,
            )  # fmt: skip
            write_sparse(path.with_suffix("") / name, layout, bounds, values, scale=unit, whole=True)
            _add_source(band, f"./{path.stem}/{name}", col * side, row * side, side)
    ElementTree.ElementTree(top).write(path, encoding="unicode")


def _add_source(band: ElementTree.Element, name: str, col: int, row: int, side: int) -> None:
    part = ElementTree.SubElement(band, "ComplexSource")
    ElementTree.SubElement(part, "SourceFilename", relativeToVRT="1").text = name
    ElementTree.SubElement(part, "SourceBand").text = "1"
    size = {"xSize": str(side), "ySize": str(side)}
    ElementTree.SubElement(part, "SourceProperties", RasterXSize=str(side), RasterYSize=str(side), DataType="Int16",
                           BlockXSize="256", BlockYSize="256")  # fmt: skip
    ElementTree.SubElement(part, "SrcRect", xOff="0", yOff="0", **size)
    ElementTree.SubElement(part, "DstRect", xOff=str(col), yOff=str(row), **size)
    ElementTree.SubElement(part, "NODATA").text = "-32768"


def worldcover(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
    """Tiles of three degrees, 36000 x 36000 cells; ten by ten of them are alike here."""
    for lon, lat in tile_corners(bounds, 3):
        tile = source.entry.fetch.tiles.called(lon + 1, lat + 1)
        layout = Layout("EPSG:4326", lon, lat + 3, 3 / 36000, 36000, 36000, "uint8", 0, 1024)
        path = at_address(folder, source.address(tile=tile))
        write_sparse(path, layout, bounds, world.land_cover, coarse=10)


CLCD = Layout(ALBERS, -2640000.0, 5930000.0, 30.0, 161500, 135000, "uint8", None, 512)


def clcd(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
    """One map of China; nothing is written for places outside. The extent of the real file is not confirmed."""
    write_sparse(at_address(folder, source.address()), CLCD, bounds, world.land_cover_of_china, coarse=8)


def nsigc(name: str, values: Callable) -> Maker:
    """Three depths at 90 m, as the entry's steps name them."""

    def make(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
        for variable, depth in _DEPTHS.items():
            layout = _around(bounds, _ARC3, "float32", -9999)
            write_sparse(
                by_hand(folder, source, variable), layout, bounds,
                lambda lon, lat, depth=depth: values(lon, lat, depth),
            )  # fmt: skip

    return make


def modis_npp(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
    """One map a year at 500 m, sinusoidal, with the codes of towns and water among the values."""
    step = 463.312716528
    for variable, year, _ in source.files(_held(source, years)):
        layout = Layout(SINUSOIDAL, -20015109.354, 10007554.677, step, 86400, 43200, "int16", 32767, 256)

        def values(lon, lat, year=year):
            cover = world.land_cover(lon, lat)
            made = world.npp(lon, lat, year) / 1e-4
            made[cover == world.TOWN], made[cover == world.WATER] = 32761, 32766
            return made

        write_sparse(by_hand(folder, source, variable, year), layout, bounds, values)


def geoboundaries(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
    """One GeoJSON of the whole country; here some boxes around the bounds."""
    path = at_address(folder, source.address())
    path.parent.mkdir(parents=True, exist_ok=True)
    features = [
        {"type": "Feature",
         "properties": {"shapeName": name, "shapeISO": "", "shapeID": f"62558664B{code}", "shapeGroup": "CHN",
                        "shapeType": "ADM3"},
         "geometry": shapely.geometry.mapping(shapely.box(*box))}
        for code, name, box, _ in world.county_boxes(bounds)
    ]  # fmt: skip
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    text = json.dumps({"type": "FeatureCollection", "crs": crs, "features": features})
    path.write_text(text, encoding="utf-8")


def csy_counties(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
    """Polygons with the codes of the yearbook."""
    path = by_hand(folder, source)
    path.parent.mkdir(parents=True, exist_ok=True)
    boxes = world.county_boxes(bounds)
    frame = gpd.GeoDataFrame(
        {"code": [code for code, *_ in boxes], "name": [name for _, name, *_ in boxes]},
        geometry=[shapely.box(*box) for _, _, box, _ in boxes],
        crs=4326,
    )
    frame.to_file(path)


def csy_table(value: str, values: Callable) -> Maker:
    """One row per county and year of the entry."""

    def make(folder: Path, source: Source, bounds: Bounds, years: Iterable[int]) -> None:
        path = by_hand(folder, source)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            f"{code},{year},{values(column, year):g}"
            for code, _, _, column in world.county_boxes(bounds)
            for year in range(source.entry.years[0], source.entry.years[1] + 1)
        ]
        path.write_text("\n".join([f"code,year,{value}", *rows]) + "\n", encoding="utf-8")

    return make


def _held(source: Source, years: Iterable[int]) -> list[int]:
    """Those years that the source has."""
    first, last = source.entry.years
    return [year for year in years if first <= year <= last]


MAKERS: dict[str, Maker] = {
    "copernicus_dem_90m": copernicus_dem,
    "merit_dem_elevation": merit_dem,
    "geomorpho90m_slope": geomorpho("slope", world.slope),
    "geomorpho90m_spi": geomorpho("spi", world.stream_power),
    "terraclimate_tmp": terraclimate,
    "terraclimate_ppt": terraclimate,
    "terraclimate_pet": terraclimate,
    "gimms_ndvi3g": gimms,
    "pku_gimms_ndvi": pku_gimms,
    "mod13a3_ndvi": _monthly_rasters(lambda bounds: _around(bounds, 1 / 120, "int16", -3000), 1e-4),
    "ma2022_ndvi": _monthly_rasters(lambda bounds: _around(bounds, 1 / 400, "float32", float("nan")), 1.0),
    "nsigc_clay": nsigc("clay", world.clay),
    "nsigc_bulk_density": nsigc("bulk_density", world.bulk_density),
    "nsigc_coarse_fragments": nsigc("coarse_fragments", world.coarse_fragments),
    "soilgrids_clay": soil(world.clay, 0.1),
    "soilgrids_bulk_density": soil(world.bulk_density, 0.01),
    "soilgrids_coarse_fragments": soil(world.coarse_fragments, 0.1),
    "worldcover_cropland": worldcover,
    "worldcover_land_use": worldcover,
    "clcd_land_use": clcd,
    "modis_npp": modis_npp,
    "geoboundaries_counties": geoboundaries,
    "csy_counties": csy_counties,
    "csy_fertilizer": csy_table("fert_kg_ha", world.fertilizer),
    "csy_manure": csy_table("manure_kg_c_ha", world.manure),
}
