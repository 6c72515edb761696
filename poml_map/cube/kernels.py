"""Compiled loops of the cube: cells of a source to pixels, months to years.

Each value is made by the same operations in the same order, whatever was asked for beside it, and no product is
joined to its sum (`fastmath` off): a pixel has the same bits in every block and list. Indices are unsigned, so that
no loop has to ask whether one counts from the end.
"""

from __future__ import annotations

import numpy as np

from poml_map.compiling import compiled


@compiled(fastmath=False)
def take(cells, index, out):
    """The cell of each pixel.

    Parameters
    ----------
    cells : ndarray of float32, shape (times, cells)
    index : ndarray of uint32, shape (n,)
    out : ndarray of float32, shape (times, n)
        Written.
    """
    for time in range(out.shape[0]):
        plane, values = cells[time], out[time]
        for pixel in range(len(index)):
            values[pixel] = plane[index[pixel]]


@compiled(fastmath=False)
def weigh(cells, index, weight, own, out):
    """Four cells of each pixel by their weights.

    Parameters
    ----------
    cells : ndarray of float32, shape (times, cells)
        NaN is missing.
    index : ndarray of uint32, shape (4, n)
    weight : ndarray of float32, shape (4, n)
    own : ndarray of int, shape (n,)
        Which of the four holds the pixel's centre.
    out : ndarray of float32, shape (times, n)
        Written: where a cell is missing the others share its weight, NaN where the own cell is.
    """
    for time in range(out.shape[0]):
        plane, values = cells[time], out[time]
        gaps = False
        for pixel in range(out.shape[1]):
            value = plane[index[0, pixel]] * weight[0, pixel]
            value += plane[index[1, pixel]] * weight[1, pixel]
            value += plane[index[2, pixel]] * weight[2, pixel]
            value += plane[index[3, pixel]] * weight[3, pixel]
            values[pixel] = value
            gaps |= value != value
        if gaps:  # apart, so that the loop above runs on many pixels at once
            _weigh_gaps(plane, index, weight, own, values)


@compiled(fastmath=False)
def _weigh_gaps(plane, index, weight, own, values):
    for pixel in range(len(values)):
        if not np.isnan(values[pixel]) or np.isnan(plane[index[own[pixel], pixel]]):
            continue
        total, shares = np.float32(0.0), np.float32(0.0)
        for corner in range(4):
            value = plane[index[corner, pixel]]
            if not np.isnan(value):
                total += value * weight[corner, pixel]
                shares += weight[corner, pixel]
        values[pixel] = total / shares


@compiled(fastmath=False)
def average(cells, index, good, least, out):
    """Mean of the cells of each pixel that have a value.

    Parameters
    ----------
    cells : ndarray of float32, shape (times, cells)
        NaN is missing.
    index : ndarray of uint32, shape (s, n)
    good : ndarray of bool, shape (s, n)
        Whether the source has that cell.
    least : float
        Cells that must have a value.
    out : ndarray of float32, shape (times, n)
        Written; NaN where fewer have one.
    """
    for time in range(out.shape[0]):
        plane = cells[time]
        for pixel in range(out.shape[1]):
            total, count = 0.0, 0
            for part in range(len(index)):
                value = plane[index[part, pixel]]
                if good[part, pixel] and not np.isnan(value):
                    total += value
                    count += 1
            out[time, pixel] = total / count if count >= least and count > 0 else np.nan


@compiled(fastmath=False)
def add_months(monthly, months, out):
    """Sum of some months of each year.

    Parameters
    ----------
    monthly : ndarray of float32, shape (12 years, n)
    months : ndarray of int, shape (m,)
        1-12, in the order of the sum.
    out : ndarray of float64, shape (years, n)
        Added to.
    """
    for year in range(out.shape[0]):
        total = out[year]
        for month in months:
            values = monthly[12 * year + month - 1]
            for pixel in range(len(total)):
                total[pixel] += values[pixel]
