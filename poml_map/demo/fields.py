"""Fields over longitude and latitude, and the seeded random fields that everything is made from."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft, ndimage

KM_PER_DEGREE = 111.2

# Cells per correlation length of a random field, and lengths of margin that keep its edges apart:
# a Fourier sum repeats itself.
_CELLS_PER_LENGTH = 8
_MARGIN_LENGTHS = 2


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose: a change of one part of the demo leaves the others as they are.

    Examples
    --------
    >>> stream(1, "rain").integers(1000) == stream(1, "rain").integers(1000)
    np.True_
    """
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def spread(rng: np.random.Generator, low: float, high: float, count: int) -> np.ndarray:
    """Evenly spaced values in random order, shape (count, 1): few counties, yet no freak mean of them.

    Examples
    --------
    >>> sorted(spread(stream(1, "any"), 0.0, 1.0, 4).ravel().tolist())
    [0.125, 0.375, 0.625, 0.875]
    """
    return low + (high - low) * (rng.permutation(count)[:, None] + 0.5) / count


@dataclass(frozen=True)
class Lattice:
    """A north-up grid of square cells in degrees; ``west`` and ``north`` are outer edges."""

    west: float
    north: float
    step: float
    width: int
    height: int

    @classmethod
    def over(cls, bounds, step: float, border: float = 0.0) -> Lattice:
        """The lattice over `bounds` and `border` degrees around, on multiples of `step`.

        Examples
        --------
        >>> Lattice.over((10.0, 20.0, 12.0, 21.0), 0.5, border=0.5).shape
        (4, 6)
        """
        west, south = (int(np.floor((value - border) / step + 1e-9)) for value in bounds[:2])
        east, north = (int(np.ceil((value + border) / step - 1e-9)) for value in bounds[2:])
        return cls(west * step, north * step, step, east - west, north - south)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north edge."""
        return (
            self.west,
            self.north - self.height * self.step,
            self.west + self.width * self.step,
            self.north,
        )

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """In rasterio's order."""
        return self.step, 0.0, self.west, 0.0, -self.step, self.north

    @cached_property
    def lon(self) -> np.ndarray:
        """Cell centres from west to east, shape (width,)."""
        return self.west + (np.arange(self.width) + 0.5) * self.step

    @cached_property
    def lat(self) -> np.ndarray:
        """Cell centres from north to south, shape (height,)."""
        return self.north - (np.arange(self.height) + 0.5) * self.step

    @cached_property
    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Longitude (1, width) and latitude (height, 1), ready to broadcast."""
        return self.lon[None, :], self.lat[:, None]

    @property
    def cell_km(self) -> tuple[float, float]:
        """Height and width of a cell in the middle of the lattice. [km]"""
        middle = np.cos(np.deg2rad(self.lat.mean()))
        return self.step * KM_PER_DEGREE, self.step * KM_PER_DEGREE * middle


@dataclass(frozen=True)
class Field:
    """Values on a lattice, to be read at any place."""

    lattice: Lattice
    values: np.ndarray

    def at(self, lon, lat, order: int = 1) -> np.ndarray:
        """Value at places: bilinear (`order` 1) or nearest (0); beyond the edge, that of the edge.

        Parameters
        ----------
        lon, lat : array_like, shapes that broadcast

        Returns
        -------
        ndarray of float32 (the field's own type for `order` 0), the broadcast shape
        """
        lattice = self.lattice
        row = (lattice.north - np.asarray(lat)) / lattice.step
        col = (np.asarray(lon) - lattice.west) / lattice.step
        if order == 0:
            rows = np.clip(np.floor(row), 0, lattice.height - 1).astype(int)
            cols = np.clip(np.floor(col), 0, lattice.width - 1).astype(int)
            return self.values[rows, cols]
        places = np.broadcast_arrays(row - 0.5, col - 0.5)
        return ndimage.map_coordinates(self.values, places, np.float32, order=1, mode="nearest")


def random_field(rng: np.random.Generator, bounds, length: float, power: float = 3.0) -> Field:
    """A correlated random field with mean 0 and standard deviation 1.

    Parameters
    ----------
    rng : numpy.random.Generator
    bounds : tuple of 4 float
        West, south, east, north. [degree]
    length : float
        Wave length above which there is no more structure. [km]
    power : float
        Fall of the amplitude with the wave number below that length: 2 is rough, 4 is smooth.

    Returns
    -------
    Field
    """
    lattice = Lattice.over(bounds, length / _CELLS_PER_LENGTH / KM_PER_DEGREE, border=length / KM_PER_DEGREE)
    return Field(lattice, spectral_noise(rng, lattice, length, power))


def spectral_noise(rng: np.random.Generator, lattice: Lattice, length: float, power: float) -> np.ndarray:
    """Random values on a lattice, as `random_field` has them; shape of the lattice, float32."""
    cell = lattice.cell_km
    margin = [int(np.ceil(_MARGIN_LENGTHS * length / size)) for size in cell]
    shape = [fft.next_fast_len(n + extra, real=True) for n, extra in zip(lattice.shape, margin, strict=True)]
    k_row = fft.fftfreq(shape[0], cell[0])[:, None]
    k_col = fft.rfftfreq(shape[1], cell[1])[None, :]
    amplitude = (1.0 + (k_row**2 + k_col**2) * length**2) ** (-power / 2)
    spectrum = fft.rfft2(rng.standard_normal(shape, dtype=np.float32)) * amplitude.astype(np.float32)
    values = fft.irfft2(spectrum, shape)[: lattice.height, : lattice.width]
    return ((values - values.mean()) / values.std()).astype(np.float32)


def smoothstep(value) -> np.ndarray:
    """0 below 0, 1 above 1, without a kink between.

    Examples
    --------
    >>> smoothstep([-1.0, 0.5, 2.0])
    array([0. , 0.5, 1. ])
    """
    share = np.clip(value, 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)
