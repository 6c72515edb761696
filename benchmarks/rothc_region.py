"""A synthetic region for RothC's benchmark: as large as the paper's, climate by cell, input by zone, soil by pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poml_map.rothc.drivers import Drivers, Weather

ROWS, COLS = 964, 965  # 0.93 million pixels of about 90 m
TILES = (4, 5)
CELL_ROWS, CELL_COLS, ZONES = 22, 25, 12
YEARS, DEPTH_CM, DPM_RPM = 21, 20.0, 1.44
MONTHS = 12 * YEARS
PIXELS = ROWS * COLS


def _climate(months, random):
    """Air temperature, rain and evaporation of a monsoon climate with dry autumns, by cell (months, cells)."""
    season = np.sin((np.arange(months) % 12 - 3) * np.pi / 6)[:, np.newaxis]
    shape = months, CELL_ROWS * CELL_COLS
    rain = (75 + 50 * season) * random.gamma(2.0, 0.5, shape)
    return 16 + 12 * season + random.normal(0, 1, shape), rain, 75 + 55 * season + random.normal(0, 5, shape)


class Region:
    """Climate of all cells and input of all zones; cover, clay and stock of a tile are drawn when it is asked for."""

    def __init__(self):
        random = np.random.default_rng(0)
        self.spinup, self.run = _climate(12, random), _climate(MONTHS, random)
        growth = np.linspace(1, random.uniform(1, 2, ZONES), YEARS)
        self.relative = np.repeat(growth, 12, axis=0) / 12

    def tile(self, index):
        """Drivers and stock of one of the 20 tiles."""
        height, width = ROWS // TILES[0], COLS // TILES[1]
        row, col = divmod(index, TILES[1])
        window = np.mgrid[row * height : (row + 1) * height, col * width : (col + 1) * width]
        return self.pixels(*window.reshape(2, -1))

    def whole(self):
        """Drivers and stock of all pixels."""
        return self.pixels(*np.divmod(np.arange(PIXELS), COLS))

    def pixels(self, row, col):
        """Drivers and stock of pixels in these rows and columns; cover is one byte a month."""
        random, n = np.random.default_rng(row[0]), len(row)
        drivers = Drivers(
            spinup=_weather(self.spinup, n, random),
            run=_weather(self.run, n, random),
            clay=random.uniform(5, 50, n),
            depth_cm=DEPTH_CM,
            dpm_rpm=np.array(DPM_RPM),
            spinup_shares=np.full((12, 1), 1 / 12),
            relative_input=self.relative,
            cell=row * CELL_ROWS // ROWS * CELL_COLS + col * CELL_COLS // COLS,
            zone=col * ZONES // COLS,
        )
        return drivers, random.uniform(2, 8, n)


def _weather(climate, n, random):
    months = len(climate[0])
    cover = (random.random((months, n), np.float32) < 0.6).astype(np.uint8)
    return Weather(*climate, cover, np.ones((months, 1)))


def without_cells(tile):
    """The tile with its own climate, cover as float and input at every pixel, as after bilinear resampling."""
    drivers, stock = tile
    random = np.random.default_rng(1)
    own = {
        name: Weather(
            *(
                values[:, drivers.cell] * (1 + 1e-3 * random.random(len(stock)))
                for values in (each.air_temp, each.precip, each.evaporation)
            ),
            each.cover.astype(float),
            each.rate_factor,
        )
        for name, each in (("spinup", drivers.spinup), ("run", drivers.run))
    }
    relative = drivers.relative_input[:, drivers.zone]
    return replace(drivers, **own, relative_input=relative, cell=None, zone=None), stock


def first(tile, count):
    """The first pixels of a tile with cells."""
    drivers, stock = tile
    fewer = {
        name: replace(each, cover=each.cover[:, :count])
        for name, each in (("spinup", drivers.spinup), ("run", drivers.run))
    }
    columns = {name: getattr(drivers, name)[:count] for name in ("clay", "cell", "zone")}
    return replace(drivers, **fewer, **columns), stock[:count]


def no_months(tile):
    """The tile with the spin-up alone."""
    drivers, stock = tile
    run = Weather(*(values[:0] for values in vars(drivers.run).values()))
    return replace(drivers, run=run, relative_input=drivers.relative_input[:0]), stock
