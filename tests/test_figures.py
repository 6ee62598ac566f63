"""Pictures of the latent circle show what was measured, and are the same bytes each time."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from latentsep import figures
from latentsep.data.benchmarks import Benchmark
from latentsep.figures.base import colour
from latentsep.figures.circle import posterior_arcs
from latentsep.models.latent_spaces import Circle, LatentSpace
from latentsep.training import experiments
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run


def untrained(space: LatentSpace, *members: Member, updates: int = 0) -> Trained:
    run = Run(members, Benchmark(6, 50), space, updates=updates, batch_size=8)
    return Trained(run, run.model().eval().requires_grad_(False), np.zeros((len(members), 0)))


def arcs_of(ax) -> list[np.ndarray]:
    return [c for c in ax.collections if isinstance(c, LineCollection)][-1].get_segments()


def test_an_arc_is_centred_on_its_mean_as_wide_as_its_posterior_and_none_hides_another():
    ax = Figure().subplots()
    angles, widths = torch.tensor([0.5, 3.1, -2.0]), torch.tensor([0.2, 0.7, 9.0])
    phases = torch.tensor([-3.0, 0.0, 2.0])
    posterior_arcs(ax, angles, widths, phases)
    radii = []
    for arc, angle, width in zip(arcs_of(ax), angles, widths, strict=True):
        turned = np.unwrap(np.arctan2(arc[:, 1], arc[:, 0]))
        middle = turned.mean()
        assert np.cos(middle - float(angle)) == pytest.approx(1, abs=1e-6)
        assert (turned[-1] - turned[0]) / 2 == pytest.approx(min(float(width), np.pi), abs=1e-5)  # no more than all
        length = np.linalg.norm(arc, axis=-1)
        np.testing.assert_allclose(length, length[0], rtol=1e-6)
        radii.append(length[0])
    assert 1 < radii[0] < radii[1] < radii[2]
    rim, shown = (c for c in ax.collections if isinstance(c, LineCollection))
    assert rim.get_linewidth()[0] > shown.get_linewidth()[0]
    np.testing.assert_allclose(shown.get_colors(), [colour(float(p)) for p in phases])
    marks = next(c for c in ax.collections if isinstance(c, PathCollection))
    np.testing.assert_allclose(marks.get_offsets(), np.stack([angles.cos(), angles.sin()], -1), atol=1e-6)


@pytest.mark.parametrize("space", [Circle(), Circle("real", "published")])
def test_the_grid_of_circles_has_every_cell_of_one_repetition(space):
    members = [Member(s, x, r) for s in (0.1, 1.0) for x in (0.5, 1.0, 2.0) for r in (0, 1)]
    trained = untrained(space, *members)
    panels = figures.latent_grid(trained, repetition=1, count=20).figure.axes[:6]
    x, _ = trained.run.data.visualisation(20)
    q = trained.vae.posterior(x).base_dist
    assert [ax.get_title() for ax in panels[:3]] == [rf"$\sigma_X = {s}$" for s in ("2", "1", "0.5")]
    assert len(panels[0].get_ylabel()) > len(panels[1].get_ylabel()) == 0
    for row, dataset in enumerate((0.1, 1.0)):
        for column, sigma_x in enumerate((2.0, 1.0, 0.5)):
            index = members.index(Member(dataset, sigma_x, 1))
            arcs = arcs_of(panels[3 * row + column])
            assert len(arcs) == 20
            spans = [np.ptp(np.unwrap(np.arctan2(arc[:, 1], arc[:, 0]))) / 2 for arc in arcs]
            expected = q.scale[index, :, 0].clamp(max=np.pi).numpy()
            np.testing.assert_allclose(spans, expected, atol=1e-4)


def test_a_tear_is_shown_stage_by_stage_and_breaks_the_line():
    stages = [untrained(experiments.circle(), Member(0.1, 0.1), updates=n) for n in (0, 2_000)]
    # The second stage goes around: its angle leaves through the top.
    encoder = stages[1].vae.encoder
    for p in encoder.parameters():
        p.mul_(6)
    axes = figures.tear_strip(stages, count=20).figure.axes
    assert len(axes) == 4
    assert [ax.get_title() for ax in axes[:2]] == ["0 updates", "2,000 updates"]
    assert all(len(arcs_of(ax)) == 20 for ax in axes[:2])
    for stage, bottom, broken in zip(stages, axes[2:], (False, True), strict=True):
        x, phases = stage.run.data.visualisation(20)
        angles = stage.run.space.location(stage.vae.posterior(x))[0, :, 0]
        marks = bottom.collections[0].get_offsets()
        np.testing.assert_allclose(marks, torch.stack([phases, angles], -1), rtol=1e-6)
        line = bottom.lines[0].get_ydata()
        assert np.isnan(line).any() == broken
        steps = np.diff(line)
        assert np.nanmax(np.abs(steps)) < np.pi


VARIANTS = pd.DataFrame(
    [
        ("as published", 0.1, "torn", 1e-2),
        ("as published", 1.0, "folded", 1.0),
        ("all corrected", 0.1, "recovered", 1e-5),
        ("all corrected", 0.1, "recovered", 2e-5),
        ("all corrected", 1.0, "torn", 3e-3),
    ],
    columns=["variant", "sigma_x", "outcome", "mse"],
)


def test_variants_have_a_mark_for_every_member_by_outcome():
    drawn = figures.variants(VARIANTS, "mse", "MSE").figure
    large, small = drawn.axes
    assert [ax.get_title() for ax in (large, small)] == [r"$\sigma_X = 1$", r"$\sigma_X = 0.1$"]
    assert {ax.get_xscale() for ax in drawn.axes} == {"log"}
    assert {ax.get_xlabel() for ax in drawn.axes} == {"MSE"}
    assert [label.get_text() for label in large.get_yticklabels()] == ["as published", "all corrected"]
    assert large.yaxis_inverted()
    found = {
        (title, line.get_label(), float(value), int(row))
        for title, ax in ((1.0, large), (0.1, small))
        for line in ax.lines
        for value, row in zip(*line.get_data(), strict=True)
    }
    names = ["as published", "all corrected"]
    assert found == {(r.sigma_x, r.outcome, r.mse, names.index(r.variant)) for r in VARIANTS.itertuples()}
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["recovered", "torn", "folded"]
    assert len({line.get_marker() for line in large.lines}) == 3  # readable without colour


def test_pictures_are_the_same_bytes_each_time():
    def drawn():
        circles = untrained(Circle(), Member(0.1, 0.5))
        stage = untrained(experiments.circle(), Member(0.1, 0.1))
        return [
            figures.latent_grid(circles, count=12),
            figures.tear_strip([stage], count=12),
            figures.variants(VARIANTS, "mse", "MSE"),
        ]

    for one, other in zip(drawn(), drawn(), strict=True):
        shown = one._repr_mimebundle_()["image/svg+xml"]
        assert "<svg" in shown
        assert other.bytes("svg").decode() == shown
        assert one.bytes("svg").decode() == shown
