"""Colours survive the common colour-vision deficiencies: simulated, and measured as differences that eyes see."""

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from colorspacious import cspace_convert

from latentsep.figures.base import _STYLE, PHASE_MAP, STYLES, colour

#: Complete forms, by the simulation of Machado et al. (2009); None is full colour vision.
VISIONS = [None, "protanomaly", "deuteranomaly", "tritanomaly"]
CLEARLY = 10.0  # differences in CAM02-UCS, in which one is just noticed side by side


def differences(colours: np.ndarray, vision: str | None) -> np.ndarray:
    """How far apart colours ``(n, 3)`` look to someone, each from each, ``(n, n)``."""
    if vision is not None:
        simulated = {"name": "sRGB1+CVD", "cvd_type": vision, "severity": 100}
        colours = np.clip(cspace_convert(colours, simulated, "sRGB1"), 0, 1)
    seen = cspace_convert(colours, "sRGB1", "CAM02-UCS")
    return np.linalg.norm(seen[:, None] - seen, axis=-1)


def least_over_a_quarter_turn(colours: np.ndarray, vision: str | None) -> float:
    """The least difference of two colours of a cycle that are a quarter turn or more apart."""
    n = len(colours)
    apart = np.abs(np.arange(n)[:, None] - np.arange(n))
    return float(differences(colours, vision)[np.minimum(apart, n - apart) >= n / 4].min())


@pytest.mark.parametrize("vision", VISIONS)
def test_phases_a_quarter_turn_apart_look_different(vision):
    phases = np.linspace(-np.pi, np.pi, 72, endpoint=False)
    colours = np.array([colour(p)[:3] for p in phases])
    assert least_over_a_quarter_turn(colours, vision) > CLEARLY


@pytest.mark.parametrize("vision", VISIONS)
def test_the_colours_of_phases_have_no_seam(vision):
    colours = mpl.colormaps[PHASE_MAP](np.linspace(0, 1, 73))[:, :3]
    steps = np.diagonal(differences(colours, vision), 1)
    assert differences(colours, vision)[0, -1] < steps.max()
    assert colour(-np.pi) == colour(np.pi)


def test_the_rainbow_would_not_do():
    rainbow = mpl.colormaps["hsv"](np.arange(72) / 72)[:, :3]
    assert least_over_a_quarter_turn(rainbow, "deuteranomaly") < 1


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("colours", [[s[2] for s in STYLES], _STYLE["axes.prop_cycle"].by_key()["color"]])
def test_curves_have_colours_that_differ(colours, vision):
    apart = differences(np.array([mpl.colors.to_rgb(c) for c in colours]), vision)
    assert min(apart[i, j] for i, j in itertools.combinations(range(len(colours)), 2)) > CLEARLY


def test_curves_differ_without_colour_too():
    markers, lines, _ = zip(*STYLES, strict=True)
    assert len(set(markers)) == len(set(lines)) == len(STYLES)
