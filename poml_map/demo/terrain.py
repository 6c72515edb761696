"""The lie of the land: hills in the west, a plain of canals in the east, a lake, a bay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.demo import rivers
from poml_map.demo.fields import Field, Lattice, random_field, smoothstep, spectral_noise, stream
from poml_map.demo.sizes import Size

#: Width of the DEM beyond the frame: rivers begin outside. [degree]
BORDER = 0.06

# The lake (north) and the bay (south-east) in frame coordinates: centre and radius, head.
_LAKE = (0.63, 1.03, 0.23)
_BAY = (0.42, 0.17)
# Hills lower than this lie under the sediment of their valleys. [m]
_SEDIMENT = 38.0
_SEDIMENT_EDGE = 14.0


@dataclass(frozen=True)
class Terrain:
    """Height and water.

    Attributes
    ----------
    height : Field
        [m]
    slope : Field
        [degree]
    hills : Field
        0 in the plain to 1 in the mountains; also beyond the frame.
    shore : Field
        Distance to lake and bay, negative on water. [share of the frame's width]
    wet : Field
        How close the ground water is: 1 beside the lake and in hollows of the plain, 0 on slopes.
    """

    height: Field
    slope: Field
    hills: Field
    shore: Field
    wet: Field


def frame(size: Size, lon, lat) -> tuple[np.ndarray, np.ndarray]:
    """Frame coordinates: 0-1 from west to east and from south to north."""
    west, south, east, north = size.bounds
    return (np.asarray(lon) - west) / (east - west), (np.asarray(lat) - south) / (north - south)


def make_terrain(size: Size, seed: int) -> Terrain:
    """The terrain of one size and seed; fields cover the frame and `BORDER`."""
    coarse = Lattice.over(size.bounds, size.relief_step, BORDER)
    hills = Field(coarse, _hilliness(size, seed, coarse))
    shore = Field(coarse, _shore(size, seed, coarse))
    relief = Field(coarse, _relief(size, seed, coarse, hills.values, shore.values))
    fine = Lattice.over(size.bounds, size.dem_step, BORDER)
    height = Field(fine, _height(size, seed, fine, relief, hills, shore))
    slope = Field(fine, _slope(height))
    return Terrain(height, slope, hills, shore, Field(fine, _wetness(size, seed, height, slope, shore)))


def _noise(size: Size, seed: int, purpose: str, lattice: Lattice, km: float, power: float = 3.0):
    field = random_field(stream(seed, purpose), lattice.bounds, km * size.stretch, power)
    return field.at(*lattice.points)


def _hilliness(size: Size, seed: int, lattice: Lattice) -> np.ndarray:
    u, v = frame(size, *lattice.points)
    broad = _noise(size, seed, "hills", lattice, 45)
    ragged = _noise(size, seed, "foothills", lattice, 14)
    edge = 0.43 - 0.16 * (v - 0.35) + 0.055 * broad + 0.022 * ragged
    massif = smoothstep((edge - u) / 0.34)
    # Lone hills rise from the plain near its edge, as those between Deqing and Haining do.
    lone = smoothstep((_noise(size, seed, "lone hills", lattice, 8, 4) - 1.75) / 1.2)
    return np.maximum(massif, 0.24 * lone * smoothstep((0.86 - u) / 0.3))


def _shore(size: Size, seed: int, lattice: Lattice) -> np.ndarray:
    u, v = frame(size, *lattice.points)
    high = (size.bounds[3] - size.bounds[1]) / (size.bounds[2] - size.bounds[0]) * 1.16
    wiggle = _noise(size, seed, "shore", lattice, 18)
    lake = np.hypot(u - _LAKE[0], (v - _LAKE[1]) * high) - _LAKE[2]
    # The bay is a funnel: a river mouth in the west that opens towards the sea.
    east = np.clip(u - _BAY[0], 0, None)
    opening = 0.012 + 0.22 * east**1.5
    middle = _BAY[1] + 0.10 * np.sin((u - 0.70) * 5.0) - 0.7 * opening
    bay = np.hypot(np.clip(_BAY[0] - u, 0, None), (v - middle) * high) - opening
    return np.minimum(lake, bay) + 0.012 * wiggle


def _relief(size: Size, seed: int, lattice: Lattice, hills: np.ndarray, shore: np.ndarray) -> np.ndarray:
    rocks = _noise(size, seed, "rocks", lattice, 30)
    grain = spectral_noise(stream(seed, "grain"), lattice, 2 * size.stretch, 1.5).astype(float)
    uplift = np.where(shore > 0.005, hills**1.3 * (1.0 + 0.35 * np.clip(rocks, -2, 2)), 0.0)
    uplift = np.where(uplift > 0.004, uplift, 0.0)
    relief = rivers.carve(uplift, grain)
    return relief * size.peak / relief.max()


def _height(size: Size, seed: int, lattice: Lattice, relief: Field, hills: Field, shore: Field) -> np.ndarray:
    points = lattice.points
    rough = spectral_noise(stream(seed, "crags"), lattice, 4.0 * size.stretch, 2.2)
    hill = relief.at(*points) * (1.0 + 0.08 * rough) + 6.0 * rough * smoothstep(hills.at(*points) * 2)
    distance = shore.at(*points)
    ground = _plain(size, seed, lattice) + 26.0 * smoothstep(hills.at(*points) / 0.9)
    land = ground + _SEDIMENT_EDGE * np.logaddexp(0.0, (hill - _SEDIMENT) / _SEDIMENT_EDGE)
    water = np.where(frame(size, *points)[1] > 0.5, 1.6, 0.0)
    # Banks rise from the water over a short way.
    share = smoothstep(distance / 0.006)
    return np.where(distance <= 0, water, water + share * np.maximum(land - water, 0.3)).astype(np.float32)


def _plain(size: Size, seed: int, lattice: Lattice) -> np.ndarray:
    """Heights of the plain: broad swells, fields a little above or below, canals between them."""
    swell = _noise(size, seed, "swell", lattice, 35)
    polder = _noise(size, seed, "polder", lattice, 5, 2.5)
    canals = np.abs(_noise(size, seed, "canals", lattice, 12, 2.2))
    cut = smoothstep(1.0 - canals / 0.06)
    return np.maximum(3.6 + 1.1 * swell + 0.55 * polder - 1.4 * cut, 0.6)


def _slope(height: Field) -> np.ndarray:
    metres = [1000.0 * km for km in height.lattice.cell_km]
    down, across = np.gradient(height.values.astype(float), *metres)
    return np.rad2deg(np.arctan(np.hypot(down, across))).astype(np.float32)


def _wetness(size: Size, seed: int, height: Field, slope: Field, shore: Field) -> np.ndarray:
    distance = np.clip(shore.at(*height.lattice.points), 0, None)
    hollow = _noise(size, seed, "ground water", height.lattice, 16)
    level = 1.1 * np.exp(-height.values / 9.0) + 0.7 * np.exp(-distance / 0.10) + 0.22 * hollow
    return (level * np.exp(-slope.values / 3.0)).astype(np.float32)
