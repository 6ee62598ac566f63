"""Pictures of chapter 2 show the numbers that they are given."""

import numpy as np
import pandas as pd
import pytest

from latentsep import figures
from latentsep.theory.bayes import Dice, Parabola, ascend


def test_every_column_of_dice_is_a_posterior():
    dice = Dice((2, 6), (0.5, 0.5))
    ax = figures.dice_posteriors(dice).figure.axes[0]
    heights = np.array([[bar.get_height() for bar in container] for container in ax.containers])
    np.testing.assert_allclose(heights[:, 0], dice.share)
    for number in range(1, 7):
        np.testing.assert_allclose(heights[:, number], dice.given(number).posterior())
    np.testing.assert_allclose(heights.sum(0), 1)
    # Not by colour alone.
    assert len({container[0].get_hatch() for container in ax.containers}) == 2


def test_a_climb_shows_starts_and_ends_below_the_evidence():
    line = Parabola()
    paths = {"right": ascend(line, 1.5, 1.0, 0.5), "left": ascend(line, 1.5, -1.0, 0.5)}
    left, right = figures.ascent(line, 1.5, paths).figure.axes
    peaks = [(curve.get_xdata()[curve.get_ydata().argmax()], curve.get_ydata().max()) for curve in left.lines]
    for (where, height), (mean, std, _) in zip(peaks, [p[k] for p in paths.values() for k in (0, -1)], strict=True):
        assert where == pytest.approx(mean, abs=0.01)
        assert height == pytest.approx(1 / (std * np.sqrt(2 * np.pi)), rel=1e-3)
    *bounds, evidence = right.lines
    for curve, path in zip(bounds, paths.values(), strict=True):
        np.testing.assert_array_equal(curve.get_ydata(), path[:, 2])
        assert (curve.get_ydata() < evidence.get_ydata()[0]).all()
    assert evidence.get_ydata()[0] == pytest.approx(line.given(1.5).log_evidence())


def test_costs_have_a_line_for_each_method():
    table = pd.DataFrame({"grid": [0.0, 1e-3], "draws": [0.1, 2.0]}, index=[1, 5])
    ax = figures.costs(table).figure.axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1e-16, 1e-3])  # no error still has a place
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [0.1, 2.0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["grid", "draws"]
    assert ax.get_yscale() == "log"
