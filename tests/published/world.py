"""A synthetic world: what the small files hold anywhere on Earth, as plain functions of place and time.

Nothing here is measured. The values are plausible for the place (warm in the tropics, cold on mountains, seasons turned
round in the south), smooth over some kilometres, and the same on every call, so that a test can ask what went in.
All functions take longitude and latitude in degrees, as arrays that broadcast.
"""

from __future__ import annotations

import numpy as np

#: Classes of ESA WorldCover that the world has.
TREES, CROPS, TOWN, WATER = 10, 40, 50, 80
_LAPSE_PER_M = -0.0055


def elevation(lon, lat):
    """Hills of 10 to 700 m. [m]"""
    broad = np.sin(1.7 * lon + 0.9 * lat) * np.cos(2.3 * lat - 0.4 * lon)
    fine = np.sin(21.0 * lon + 2.0 * lat) * np.sin(26.0 * lat - 3.0 * lon)
    return 210.0 + 130.0 * broad + 60.0 * (1 + broad) * fine


def slope(lon, lat):
    """Slope from 0 to 25. [degree]"""
    return 12.5 * (1.0 + np.sin(24.0 * lon) * np.cos(19.0 * lat)) * (1 - 1e-3 * abs(lat))


def stream_power(lon, lat):
    """An index from 0 to 8. [-]"""
    return 4.0 * (1.0 + np.sin(17.0 * lon + 11.0 * lat))


def daylight_of_year(lat, year, month):
    """Warmth of the season from -1 to 1: July in the north, January in the south."""
    turned = np.where(np.asarray(lat) >= 0, 0.0, np.pi)
    return -np.cos(2 * np.pi * (month - 1) / 12 + turned)


def air_temp(lon, lat, year, month):
    """Mean temperature of a month, warmer since 1980. [degC]"""
    level = 27.0 - 0.0085 * np.asarray(lat) ** 2
    swing = 0.38 * abs(np.asarray(lat)) * daylight_of_year(lat, year, month)
    weather = 0.8 * np.sin(1.9 * year + 0.7 * month) + 0.02 * (year - 1980)
    return level + swing + weather + _LAPSE_PER_M * elevation(lon, lat)


def air_temp_limits(lon, lat, year, month):
    """Mean of the days' lowest and highest temperature. [degC]"""
    half = 4.5 + 0.5 * np.sin(month)
    mean = air_temp(lon, lat, year, month)
    return mean - half, mean + half


def precipitation(lon, lat, year, month):
    """Total of a month, most in summer. [mm/month]"""
    season = 1.0 + 0.6 * daylight_of_year(lat, year, month)
    weather = 1.0 + 0.25 * np.sin(2.7 * year + 1.3 * month)
    return 95.0 * season * weather * (1.0 + 0.1 * np.sin(3.0 * lon) * np.cos(2.0 * np.asarray(lat)))


def evapotranspiration(lon, lat, year, month):
    """Reference evapotranspiration of a month. [mm/month]"""
    return np.maximum(15.0 + 4.0 * air_temp(lon, lat, year, month), 8.0)


def ndvi(lon, lat, year, month, half=0):
    """NDVI of a month, or of its first and second half (1, 2). [-]"""
    season = daylight_of_year(lat, year, month + (half - 1.5) / 2 if half else month)
    place = 0.06 * np.sin(5.0 * lon) * np.cos(6.0 * np.asarray(lat))
    return 0.50 + 0.24 * season + place + 0.001 * (year - 1982)


def clay(lon, lat, depth=10.0):
    """Clay by depth in cm: 12 to 34, more below. [%]"""
    return 21.0 + 8.0 * np.sin(4.1 * lon + 1.0) * np.cos(3.3 * np.asarray(lat)) + 0.12 * depth


def bulk_density(lon, lat, depth=10.0):
    """Density of fine earth, 1.1 to 1.5. [g/cm3]"""
    return 1.27 + 0.10 * np.cos(3.7 * lon - 2.9 * np.asarray(lat)) + 0.003 * depth


def coarse_fragments(lon, lat, depth=10.0):
    """Share of volume, 2 to 16. [%]"""
    return 8.0 + 5.0 * np.sin(6.0 * lon) * np.sin(5.0 * np.asarray(lat)) + 0.05 * depth


def npp(lon, lat, year):
    """Net primary production, 0.35 to 0.75. [kg C/m2/year]"""
    return 0.55 + 0.15 * np.sin(2.0 * lon) * np.cos(3.0 * np.asarray(lat)) + 0.002 * (year - 2000)


def land_cover(lon, lat):
    """Class of ESA WorldCover: crops in most places, woods on hills, some towns and ponds."""
    height = elevation(lon, lat)
    spots = np.sin(61.0 * lon + 13.0 * lat) * np.sin(47.0 * lat - 9.0 * lon)
    out = np.where(height > 330.0, TREES, CROPS)
    out = np.where(spots > 0.93, TOWN, out)
    return np.where(spots < -0.96, WATER, out).astype("uint8")


#: Classes of the 30 m annual land cover of China for those of WorldCover.
CHINA_CLASSES = {CROPS: 1, TREES: 2, WATER: 5, TOWN: 8}


def land_cover_of_china(lon, lat):
    """The same land, by the classes of CLCD."""
    codes = np.zeros(256, "uint8")
    for cover, code in CHINA_CLASSES.items():
        codes[cover] = code
    return codes[land_cover(lon, lat)]


def fertilizer(column, year):
    """Fertilizer of the counties of one column of `county_boxes`. [kg/ha]"""
    return 120.0 + 9.0 * (year - 1980) + 20.0 * column


def manure(column, year):
    """Carbon of manure of the counties of one column. [kg C/ha]"""
    return 300.0 + 2.0 * (year - 1980) + 30.0 * column


def county_boxes(bounds, side=3):
    """(code, name, (west, south, east, north), column) of `side` x `side` counties over the bounds and a bit more."""
    west, south, east, north = bounds[0] - 0.2, bounds[1] - 0.2, bounds[2] + 0.2, bounds[3] + 0.2
    xs, ys = np.linspace(west, east, side + 1), np.linspace(south, north, side + 1)
    return [
        (f"34{row + 1:02d}{column + 1:02d}", f"County {row + 1}-{column + 1}",
         (xs[column], ys[row], xs[column + 1], ys[row + 1]), column)
        for row in range(side) for column in range(side)
    ]  # fmt: skip
