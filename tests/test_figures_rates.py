"""Figures of chapter III: every model has its mark, and what was not measured is not drawn."""

import numpy as np
import pandas as pd

from latentsep import figures


def test_curves_leave_out_what_a_series_does_not_have():
    table = pd.DataFrame({"series": ["a", "a", "b", "b"], "length": [2, 4, 2, 4], "first": [1.0, 2.0, 3.0, 4.0]})
    table["second"] = table["first"].where(table.series == "a")
    first, second = figures.curves(table, {"first": "1", "second": "2"}, "length", "numbers").figure.axes
    assert [len(line.get_xdata()) for line in first.containers[1].lines[:1]] == [2]
    assert len(second.containers[1].lines[0].get_xdata()) == 0
    assert second.get_ylim()[0] > 0.5  # nothing at zero


def test_models_are_marked_beside_the_curve():
    places = np.geomspace(1, 40, 50)
    models = pd.DataFrame({
        "series": ["x", "x", "y"], "says": ["β = 1", "β = 1", "3"],
        "distortion": [5.0, 6.0, 7.0], "bits": [9.0, 8.5, 4.0],
    })  # fmt: skip
    least, most = 10 - places / 4, 11 - places / 5
    ax = figures.rate_distortion((places, least), models, (places, most)).figure.axes[0]
    marks = {line.get_label(): len(line.get_xdata()) for line in ax.lines}
    assert marks == {"nothing is below": 50, "this can be had": 50, "x": 2, "y": 1}
    assert [text.get_text() for text in ax.texts] == ["β = 1", "3"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "3", "5", "10", "20", "30"]
    alone = figures.rate_distortion((np.geomspace(1e-4, 10, 9), np.arange(9.0)[::-1]), models).figure.axes[0]
    assert "the fewest bits" in {line.get_label() for line in alone.lines}


def test_what_is_known_is_written_in_per_cent():
    figure = figures.known_by({"one": np.array([[0.0, 1.0], [0.5, 0.25]])}, ["x", "y"]).figure
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "100", "50", "25"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["x", "y"]
