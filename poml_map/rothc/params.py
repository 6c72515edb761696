"""Constants of RothC-26.3, each with its source.

Coleman & Jenkinson (1996), "RothC-26.3: a model for the turnover of carbon in soil", and the official
codes of Rothamsted Research, which agree on every number here. Where a formula is printed in several
roundings (temperature: 47.9/106/18.3), the digits of the official codes are used.
"""

from __future__ import annotations

MONTHS_PER_YEAR = 12

POOLS = ("DPM", "RPM", "BIO", "HUM")
"""Active pools in the order of axis 0 of every pool array: decomposable and resistant plant material,
microbial biomass, humus."""

DECAY_RATES = (10.0, 0.3, 0.66, 0.02)
"""Decay rate of each pool when every modifier is 1. [1/year]"""

# DPM/RPM ratio of plant input; by land-use words in `presets`.
DPM_RPM_CROPS = 1.44  # arable crops and improved grassland
DPM_RPM_GRASS = 0.67  # unimproved grassland and scrub
DPM_RPM_WOODLAND = 0.25  # deciduous and tropical woodland

MANURE_SPLIT = (0.49, 0.49, 0.0, 0.02)
"""Shares of farmyard manure carbon that enter DPM, RPM, BIO, HUM."""

# Temperature modifier a = A / (1 + exp(B / (T + C))), 0 below the frost limit.
TEMPERATURE_A = 47.91
TEMPERATURE_B = 106.06
TEMPERATURE_C = 18.27
FROST_LIMIT = -5.0

# Largest deficit of a covered soil of the reference depth: -(20 + 1.3 clay - 0.01 clay^2). [mm]
# One print of the model description has 1.01 clay^2; its own worked example needs 0.01.
DEFICIT_CONSTANT = 20.0
DEFICIT_CLAY = 1.3
DEFICIT_CLAY_SQUARED = -0.01
DEFICIT_DEPTH_CM = 23.0
ONE_BAR_SHARE = 0.444  # share of the largest deficit at which decay starts to slow down
BARE_SHARE = 0.556  # share of the largest deficit that a bare soil can dry to
DRIEST_MODIFIER = 0.2

COVERED_MODIFIER = 0.6
COVERED_FROM = 0.5  # a cover fraction from here on counts as covered in the water bucket

PAN_TO_EVAPOTRANSPIRATION = 0.75  # open-pan evaporation to what a cropped soil loses

# CO2 / (BIO + HUM) = 1.67 (1.85 + 1.60 exp(-0.0786 clay)); of what stays 46 % is BIO and 54 % HUM.
RESPIRATION_FACTOR = 1.67
RESPIRATION_CONSTANT = 1.85
RESPIRATION_SLOPE = 1.60
RESPIRATION_CLAY = -0.0786
BIO_SHARE = 0.46
HUM_SHARE = 0.54

# Inert carbon, Falloon et al. (1998), Biol. Fertil. Soils 27, with both sides in t C/ha.
FALLOON_FACTOR = 0.049
FALLOON_EXPONENT = 1.139
T_HA_PER_KG_M2 = 10.0

# Weihermueller et al. (2013), Eur. J. Soil Sci. 64: pool [t C/ha] =
# (slope * stock + intercept) * (clay + shift) ** exponent, as public codes that cite the paper have them.
WEIHERMUELLER = {
    "RPM": (0.1847, 0.1555, 1.2750, -0.1158),
    "BIO": (0.0140, 0.0075, 8.8473, 0.0567),
    "HUM": (0.7148, 0.5069, 0.3421, 0.0184),
}
