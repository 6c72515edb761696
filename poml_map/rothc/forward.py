"""From drivers to the stock of every year: the way in to both engines, the readable one and the compiled one."""

from __future__ import annotations

import numpy as np

from . import checks
from .drivers import Course, Drivers
from .engine import Run
from .flat import FlatDrivers
from .forcing import derive
from .pools import breathe
from .spinup import start_state

ENGINES = ("fast", "plain")
EXTRAS = ("pools", "respired")


def run_drivers(drivers: Drivers, stock, mu_max, k_m, *, engine="fast", keep=(), workers=1) -> Course:
    """Spin up to the observed stock and run on to the last year.

    Parameters
    ----------
    drivers : Drivers
        Arrays may be of any number type. Sites may have any shape; with `cell` or `zone` they are (n,).
    stock : array_like (n,)
        Observed total stock at t1, the end of the spin-up's last month. [kg/m2]
    mu_max, k_m : array_like, one value or (n,)
        Parameters of `engine.michaelis_menten`; 1 and 0 are plain RothC. [-], [kg/m2]
    engine : {"fast", "plain"}
        Compiled, in blocks of pixels; or the functions of this package one after the other, which is what the compiled
        one is compared with. They agree to 1e-9 relative.
    keep : sequence of {"pools", "respired"}
        What else to return: the pools of each year, the CO2 of each year.
    workers : int
        Threads of the compiled engine. The result does not depend on it.

    Returns
    -------
    Course
        A pixel is NaN from the first year that a missing value reaches, all years if the spin-up or the soil lacks
        one; then its sums over the run are NaN too. No other pixel is touched.

    Raises
    ------
    ValueError
        If a value is out of its range, a stock is not above its inert carbon, nothing decays in the spin-up, manure
        alone keeps more than the stock, shapes or months do not fit together, or a word is none of the above.

    References
    ----------
    Zhang et al. (2024), Eq. 2-7 and section 2.2.

    Examples
    --------
    >>> from poml_map.rothc.forcing import Options, prepare
    >>> weather = {"air_temp": 15.0, "precip": 60.0, "pet": 70.0, "ndvi": 0.6}
    >>> year = {name: np.full((12, 2), value) for name, value in weather.items()}
    >>> run = {name: np.tile(values, (3, 1)) for name, values in year.items()}
    >>> drivers = prepare(run, year, [20.0, 35.0], [[80.0], [120.0], [160.0]], Options())
    >>> course = run_drivers(drivers, [4.0, np.nan], mu_max=1.5, k_m=0.05, engine="plain", keep=["pools"])
    >>> course.stock.round(3)
    array([[4.   ,   nan],
           [4.04 ,   nan],
           [4.101,   nan]])
    >>> course.pools.shape
    (3, 5, 2)
    """
    checks.one_of("engine", engine, ENGINES)
    for word in keep:
        checks.one_of("keep", word, EXTRAS)
    checks.in_range(
        "workers", workers, 1, 1024, "1", "give the number of threads, such as the number of cores"
    )
    flat = FlatDrivers(drivers, stock, mu_max, k_m)
    if engine == "plain":
        course = _plain(flat, keep)
    else:
        from .compiled.blocks import run_blocks  # numba takes a second to import, and only this needs it

        course = run_blocks(flat, keep, int(workers))
    return _in_shape(course, flat.shape)


def _plain(flat: FlatDrivers, keep) -> Course:
    forcing = derive(flat.whole())
    start = start_state(
        flat.stock,
        forcing.spinup_rate,
        forcing.spinup_shares,
        flat.clay,
        dpm_rpm=flat.dpm_rpm,
        pools=flat.pools,
        manure=forcing.spinup_manure,
    )
    plants = forcing.relative_input * start.annual_input
    run = Run(
        start.pools,
        forcing.rate,
        plants,
        flat.clay,
        dpm_rpm=flat.dpm_rpm,
        manure=forcing.manure,
        mu_max=flat.mu_max,
        k_m=flat.k_m,
    )
    pools = np.empty((flat.years + 1, 5, flat.stock.size))
    pools[0, :4], pools[:, 4] = run.first_state(), start.iom
    respired = np.zeros((flat.years, flat.stock.size))
    for month, (state, in_month) in enumerate(breathe(run)):
        respired[month // 12] += in_month
        if month % 12 == 11:
            pools[month // 12 + 1, :4] = state
    added = plants.sum(axis=0) + (0.0 if forcing.manure is None else forcing.manure.sum(axis=0))
    return Course(
        stock=pools.sum(axis=1),
        annual_input=start.annual_input,
        added=added,
        respired=respired.sum(axis=0),
        pools=pools if "pools" in keep else None,
        yearly_respired=respired if "respired" in keep else None,
    )


def _in_shape(course: Course, shape) -> Course:
    """The course in the caller's shape of sites; what a missing value spoils is NaN as a whole."""
    missing = 0.0 * (course.stock[-1] + course.added)  # 0, or NaN
    pools = course.pools
    if pools is not None:
        for year, stock in enumerate(course.stock):
            pools[year] += 0.0 * stock
        pools = pools.reshape(*pools.shape[:2], *shape)
    yearly = course.yearly_respired
    return Course(
        stock=course.stock.reshape(len(course.stock), *shape),
        annual_input=course.annual_input.reshape(shape),
        added=(course.added + missing).reshape(shape),
        respired=(course.respired + missing).reshape(shape),
        pools=pools,
        yearly_respired=yearly if yearly is None else yearly.reshape(len(yearly), *shape),
    )
