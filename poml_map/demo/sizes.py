"""How large the demo region is: three sizes of one world."""

from __future__ import annotations

from dataclasses import dataclass

#: Years with climate (spin-up and run), with soil maps, and with NDVI.
CLIMATE_YEARS = range(1960, 2001)
RUN_YEARS = range(1980, 2001)
NDVI_YEARS = range(1982, 2001)

#: The two campaigns of the survey.
CAMPAIGNS = (1980, 2000)


@dataclass(frozen=True)
class Size:
    """One size of the demo.

    Parameters
    ----------
    name : str
    bounds : tuple of 4 float
        West, south, east, north of the frame that the counties lie in. [degree]
    resolution : int
        Pixel of the target grid. [m]
    dem_step, ndvi_step : float
        Cell of these sources. [degree]
    soil_step : int
        Cell of the soil layers. [m]
    relief_step : float
        Cell on which rivers cut the hills; finer detail is added to it. [degree]
    peak : float
        Height of the highest hills. [m]
    territory, cropland : float
        Area of all counties, and of their cropland. [km2]
    n_counties, n_plots, n_sites : int
        Counties, the small polygons they are put together from, and soil sampling sites.
    """

    name: str
    bounds: tuple[float, float, float, float]
    resolution: int
    dem_step: float
    ndvi_step: float
    soil_step: int
    relief_step: float
    peak: float
    territory: float
    cropland: float
    n_counties: int
    n_plots: int
    n_sites: int

    @property
    def stretch(self) -> float:
        """Length of everything relative to the full region: a small world has shorter hills. [-]"""
        return (self.bounds[2] - self.bounds[0]) / (_FRAME[2] - _FRAME[0])


# Around the Hang-Jia-Hu plain, so that latitude, CRS and sunshine are those of the paper's region.
_FRAME = (119.25, 29.95, 121.05, 31.15)

_SMALL = Size(
    name="small", bounds=_FRAME, resolution=500, dem_step=1 / 400, ndvi_step=1 / 240, soil_step=250,
    relief_step=1 / 240, peak=1250.0, territory=11800.0, cropland=7500.0, n_counties=12, n_plots=3000,
    n_sites=428,
)  # fmt: skip
_PAPER = Size(
    name="paper", bounds=_FRAME, resolution=90, dem_step=1 / 1200, ndvi_step=1 / 480, soil_step=90,
    relief_step=1 / 240, peak=1250.0, territory=11800.0, cropland=7500.0, n_counties=12, n_plots=3000,
    n_sites=428,
)  # fmt: skip
_TINY = Size(
    name="tiny", bounds=(120.0, 30.5, 120.2, 30.68), resolution=500, dem_step=1 / 400, ndvi_step=1 / 240,
    soil_step=250, relief_step=1 / 400, peak=320.0, territory=240.0, cropland=150.0, n_counties=4,
    n_plots=250, n_sites=60,
)  # fmt: skip

SIZES = {size.name: size for size in (_TINY, _SMALL, _PAPER)}
