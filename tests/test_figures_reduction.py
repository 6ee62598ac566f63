"""Pictures of maps between latent spaces, and of their tolerances, show what was given."""

import itertools
import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.patches import Circle as Disc
from matplotlib.patches import FancyArrowPatch

from latentsep import figures
from latentsep.data.benchmarks import embed, regular_phases
from latentsep.figures.base import STYLES, colour
from latentsep.figures.mappings import factors
from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.reductions.generative import Phases
from latentsep.reductions.reductors import Linear, Rotation, family

SPACES = {"R²": Euclidean(2), "S¹": Circle(), "Φ": Phases()}
PAIRS = list(itertools.permutations(SPACES, 2))
PHASES = regular_phases(24)
POINTS = embed(PHASES + 0.4) * (1.2 + 0.4 * (2 * PHASES).cos())[:, None]


def texts(ax) -> list[str]:
    return [t.get_text() for t in ax.texts]


def marks(ax) -> list[PathCollection]:
    return [c for c in ax.collections if isinstance(c, PathCollection)]


def arrows(ax) -> list[FancyArrowPatch]:
    return [p for p in ax.patches if isinstance(p, FancyArrowPatch)]


def is_at(drawn, expected) -> None:
    np.testing.assert_allclose(np.asarray(drawn), np.asarray(expected), atol=2e-6)


def rotation(degrees: float) -> torch.Tensor:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([[c, -s], [s, c]])


def test_two_paths_lead_to_the_data_and_only_the_reductor_has_a_single_shaft():
    (ax,) = figures.commuting_square().figure.axes
    place = {t.get_text(): np.array(t.get_position()) for t in ax.texts}
    z1, z2, x = place["$Z_1$"], place["$Z_2$"], place["$X$"]
    red, blue = (next(t.get_color() for t in ax.texts if t.get_text().startswith(w)) for w in ("red", "blue"))
    shafts = [(line, *line.get_xydata()) for line in ax.lines if len(line.get_xydata()) == 2]

    def found(start, end) -> list:
        return [s[0] for s in shafts if np.linalg.norm(s[1] - start) < 0.5 and np.linalg.norm(s[2] - end) < 0.5]

    for start, end, shade, count in ((z1, x, red, 2), (z1, z2, blue, 1), (z2, x, blue, 2)):
        assert [line.get_color() for line in found(start, end)] == [shade] * count
        assert {line.is_dashed() for line in found(start, end)} == {shade == blue}  # told apart without colour
        tips = [line.get_xydata()[1] for line in ax.lines if len(line.get_xydata()) == 3 and line.get_color() == shade]
        assert min(np.linalg.norm(tip - end) for tip in tips) < 0.5
    assert len(shafts) == 5
    assert len(ax.lines) == 8
    assert {r"$\mu^*_{X;1}$", r"$\mu^*_{X;2}$", r"$M^{(\lambda)}_{1;2}$"} < set(place)


def test_every_map_has_an_arrow_and_the_parameter_of_its_family():
    families = {(s, t): family(SPACES[s], SPACES[t]) for s, t in PAIRS}
    drawn = figures.mapping_triangle(families).figure
    (ax,) = drawn.axes
    tex = {"R²": r"\mathbb{R}^2", "S¹": "S^1", "Φ": r"\Phi"}
    place = {
        name: next(np.array(t.get_position()) for t in ax.texts if t.get_text() == f"${tex[name]}$") for name in tex
    }
    assert place["S¹"][1] > place["R²"][1] == place["Φ"][1]
    assert place["R²"][0] < place["Φ"][0]
    assert len(arrows(ax)) == len(families)
    for (source, target), arrow in zip(families, arrows(ax), strict=True):
        parameter = "C" if target == "R²" else r"\theta'"
        label = rf"$M^{{({parameter})}}_{{{tex[source]};{tex[target]}}}$"
        (text,) = (t for t in ax.texts if t.get_text() == label)
        start, end = (ax.transData.inverted().transform(arrow.get_transform().transform(v)) for v in _ends(arrow))
        assert np.linalg.norm(start - place[source]) < 0.35 > np.linalg.norm(end - place[target])
        # On the curve: the middle of a quadratic curve with the arrow's own vertices.
        path = arrow.get_connectionstyle()(place[source], place[target], shrinkA=0, shrinkB=0).vertices
        is_at(text.get_position(), path[0] / 4 + path[1] / 2 + path[2] / 4)
        assert (arrow.get_linestyle() == "-") == (target == "R²")
    named = [t.get_text() for t in drawn.legends[0].get_texts()]
    assert sorted(named) == sorted(
        [r"matrix multiplication, $C \in \mathbb{R}^{2 \times 2}$", r"angle rotation, $\theta' \in \mathbb{R}$"]
    )


def _ends(arrow: FancyArrowPatch) -> tuple[np.ndarray, np.ndarray]:
    """The start of the curve and the tip of its head, in the arrow's own coordinates."""
    vertices = arrow.get_path().vertices
    # The last subpath is the head, whose second vertex is the tip.
    return vertices[0], vertices[4]


def test_the_parameter_is_taken_from_the_family():
    class Scaled(Linear):
        symbol = r"\kappa \in \mathbb{R}_{+}"

    drawn = figures.mapping_triangle({("Φ", "R²"): Scaled(Phases(), Euclidean(2))}).figure
    assert r"$M^{(\kappa)}_{\Phi;\mathbb{R}^2}$" in texts(drawn.axes[0])
    assert [t.get_text() for t in drawn.legends[0].get_texts()] == [
        r"matrix multiplication, $\kappa \in \mathbb{R}_{+}$"
    ]
    with pytest.raises(KeyError, match="Z"):
        figures.mapping_triangle({("Z", "R²"): Linear(Phases(), Euclidean(2))})


MATRICES = [rotation(a) @ torch.diag(torch.tensor(s)) @ rotation(b) for a, b, s in itertools.product(
    (-170.0, -40.0, 75.0), (-130.0, -20.0, 60.0, 179.0), ((2.0, 0.5), (2.0, -0.5), (-1.5, -0.2)))]  # fmt: skip


@pytest.mark.parametrize("matrix", MATRICES)
def test_factors_multiply_to_the_matrix_and_the_first_is_a_rotation_by_at_most_90_degrees(matrix):
    u, s, vt = factors(matrix)
    is_at(u @ torch.diag(s) @ vt, matrix)
    is_at(u @ u.mT, torch.eye(2))
    is_at(vt @ vt.mT, torch.eye(2))
    assert float(torch.linalg.det(vt)) == pytest.approx(1, abs=1e-5)
    assert float(vt[0, 0]) >= -1e-6
    assert s[0] >= s[1] >= 0


@pytest.mark.parametrize(
    ("sign", "last"), [(1.0, "4. $U$: turned by 70°"), (-1.0, "4. $U$: mirrored in the line at 35°")]
)
def test_a_matrix_is_shown_as_its_three_steps(sign, last):
    scaled = torch.diag(torch.tensor([1.75, 0.5 * sign]))
    matrix = rotation(70) @ scaled @ rotation(-25)
    axes = figures.matrix_steps(matrix, POINTS, PHASES).figure.axes[:4]
    titles = [ax.get_title() for ax in axes]
    assert titles == ["1. codes", "2. $V^T$: turned by −25°", "3. $S$: scaled by 1.75 and 0.5", last]
    turned = POINTS @ rotation(-25).mT
    stages = [POINTS, turned, turned * torch.tensor([1.75, 0.5]), POINTS @ matrix.mT]
    for ax, expected in zip(axes, stages, strict=True):
        everyone = marks(ax)[0]
        is_at(everyone.get_offsets(), expected)
        is_at(everyone.get_facecolors(), [colour(float(p)) for p in PHASES])
        (arrow,) = arrows(ax)
        is_at(arrow._posA_posB, [[0, 0], expected[0].tolist()])
        assert ax.get_xlim() == ax.get_ylim() == axes[0].get_xlim()
        assert ax.get_aspect() == 1
        assert ax.get_xlim()[1] > float(expected.abs().max())
        assert len(ax.lines) == 3
    # The faint curve and axes are images of the unit circle and of the axes that are stretched.
    widths = [np.linalg.norm(ax.lines[0].get_xydata(), axis=1) for ax in axes]
    is_at([w.max() for w in widths[:2]] + [w.min() for w in widths[:2]], [1] * 4)
    np.testing.assert_allclose([[w.max(), w.min()] for w in widths[2:]], [[1.75, 0.5]] * 2, rtol=2e-3)
    is_at([ln.get_xydata()[1] for ln in axes[2].lines[1:]], [[1.75, 0], [0, 0.5]])
    is_at([ln.get_xydata()[1] for ln in axes[0].lines[1:]], rotation(25).mT)


@pytest.mark.parametrize("reflected", [False, True])
def test_a_rotation_is_shown_step_by_step_beside_the_true_phases(reflected):
    family, theta = Rotation(Euclidean(2), Phases(), reflected), torch.tensor([2 * math.pi + 0.7])
    axes = figures.rotation_steps(family, theta, POINTS, PHASES).figure.axes[:-1]
    sign = -1 if reflected else 1
    expected = [POINTS, embed(PHASES + 0.4), *([embed(-PHASES - 0.4)] * reflected), embed(0.7 + sign * (PHASES + 0.4))]
    names = ["codes", "projected", *(["mirrored"] * reflected), "turned by 40°"]
    assert [ax.get_title() for ax in axes] == [f"{i}. {name}" for i, name in enumerate(names, 1)]
    for ax, points in zip(axes, expected, strict=True):
        is_at(marks(ax)[0].get_offsets(), points)
        (arrow,) = arrows(ax)
        is_at(arrow._posA_posB[1], points[0])
        assert ax.get_xlim() == ax.get_ylim() == axes[0].get_xlim()
        assert ax.get_xlim()[1] > float(POINTS.abs().max())
    assert [len(marks(ax)) for ax in axes] == [5] * (len(axes) - 1) + [10]
    is_at(marks(axes[-1])[5].get_offsets(), 1.3 * embed(PHASES))


def test_a_rotation_of_many_members_is_refused():
    family = Rotation(Euclidean(2), Phases(), (False, True))
    with pytest.raises(ValueError, match="True or False"):
        figures.rotation_steps(family, torch.zeros(1), POINTS, PHASES)


CODES = {"R²": POINTS, "S¹": embed(PHASES + 1.0), "Φ": embed(PHASES)}
MAPPED = {(s, t): CODES[t].roll(i, 0) * (1.5 if t == "R²" else 1) for i, (s, t) in enumerate(PAIRS, 1)}


def test_the_grid_joins_mapped_codes_with_the_targets_own():
    drawn = figures.mapped_grid(CODES, MAPPED, PHASES)
    assert "image/png" in drawn._repr_mimebundle_()
    axes = np.reshape(drawn.figure.axes, (3, 3))
    names = list(CODES)
    looks = {}
    for (i, source), (j, target) in itertools.product(enumerate(names), repeat=2):
        ax = axes[i, j]
        own = marks(ax)[-1]
        is_at(own.get_offsets(), CODES[target])
        looks.setdefault(target, set()).add((own.get_paths()[0].vertices.tobytes(), tuple(own.get_edgecolors()[0])))
        assert len(marks(ax)) == (1 if i == j else 2)
        labels = {t.get_text(): t.xy for t in ax.texts}
        assert set(labels) == {"−π", "−π/2", "0", "π/2"}
        for label, phase in (("−π", 0), ("−π/2", 6), ("0", 12), ("π/2", 18)):
            is_at(labels[label], CODES[target][phase])
        limit = ax.get_xlim()[1]
        assert all(float(points.abs().max()) < limit for (_, t), points in MAPPED.items() if t == target)
        if i == j:
            assert not any(isinstance(c, LineCollection) for c in ax.collections)
            continue
        mapped = marks(ax)[0]
        at = MAPPED[source, target].numpy()
        radii = np.linalg.norm(mapped.get_offsets(), axis=1) / np.linalg.norm(at, axis=1)
        if target == "R²":
            is_at(radii, np.ones(24))
        else:
            assert np.all((radii > 0.7) & (radii < 0.95))
        is_at(mapped.get_offsets(), at * radii[:, None])
        (lines,) = (c for c in ax.collections if isinstance(c, LineCollection))
        is_at(lines.get_segments(), np.stack([CODES[target], mapped.get_offsets()], 1))
        looks.setdefault("mapped", set()).add(
            (mapped.get_paths()[0].vertices.tobytes(), tuple(mapped.get_edgecolors()[0]))
        )
        # The order of phases shows as lightness: dark at ±π, pale at 0.
        for shades in (mapped.get_edgecolors(), own.get_facecolors()):
            light = shades[:, :3].mean(1)
            assert np.all(np.diff(light[:13]) > 0)
            assert np.all(np.diff(light[12:]) < 0)
    assert {len(look) for look in looks.values()} == {1}
    shapes, colours = zip(*(next(iter(look)) for look in looks.values()), strict=True)
    assert len(set(shapes)) == len(set(colours)) == 4
    assert len(drawn.figure.legends[0].get_texts()) == 5
    assert [ax.get_title() for ax in axes[0]] == [r"into $\mathbb{R}^2$", "into $S^1$", r"into $\Phi$"]
    assert [ax.get_ylabel() for ax in axes[:, 0]] == [r"from $\mathbb{R}^2$", "from $S^1$", r"from $\Phi$"]


def test_the_plane_shows_divergences_on_a_logarithmic_scale_with_shares_of_the_prior():
    density = np.geomspace(1e-2, 1e3, 36).reshape(6, 6)
    density[0, 0] = 0.0
    drawn = figures.plane_of_errors(density, (-3, 3, -2, 2), POINTS, PHASES, prior_radii=(0.5, 0.29))
    ax = drawn.figure.axes[0]
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), density)
    assert image.origin == "lower"
    assert tuple(image.get_extent()) == pytest.approx((-3.6, 3.6, -2.4, 2.4))  # half a step of 1.2 and 0.8 beyond
    assert isinstance(image.norm, mpl.colors.LogNorm)
    assert image.norm.vmax == pytest.approx(1e3)
    assert image.norm.vmin == pytest.approx(1e-3)  # not zero
    assert float(image.norm(0.0)) == 0
    is_at(marks(ax)[0].get_offsets(), POINTS)
    draws = torch.randn(400_000, 2, generator=torch.Generator().manual_seed(1)).norm(dim=1)
    discs = [p for p in ax.patches if isinstance(p, Disc) and p.get_linestyle() == "--"]
    for disc, share in zip(discs, (0.5, 0.29), strict=True):
        assert float((draws < disc.radius).double().mean()) == pytest.approx(share, abs=0.004)
    assert texts(ax) == ["50 %", "29 %"]
    assert any("nats" in other.get_ylabel() for other in drawn.figure.axes[1:])


def test_shares_are_of_the_sum_within_the_radius():
    radii = np.array([2.0, 0.5, 1.0, 4.0])
    given = {"R² → S¹": [1.0, 5.0, 2.0, 2.0], "R² → Φ": torch.tensor([0.0, 0.0, 0.0, 3.0])}
    (ax,) = figures.shares_by_radius(radii, given, ring=1.3).figure.axes
    prior, first, second, ring = ax.lines
    assert [line.get_label() for line in (prior, first, second)] == ["prior mass", *given]
    for line, steps in ((prior, (0.25, 0.5, 0.75, 1)), (first, (0.5, 0.7, 0.8, 1)), (second, (0, 0, 0, 1))):
        for radius, share in zip((0.6, 1.2, 3.0, 4.0), steps, strict=True):
            assert line.get_ydata()[np.abs(line.get_xdata() - radius).argmin()] == pytest.approx(share)
        assert line.get_ydata()[0] == 0
        assert line.get_xdata()[-1] == 4
    assert list(ring.get_xdata()) == [1.3, 1.3]
    assert [(ln.get_linestyle(), ln.get_color()) for ln in (first, second)] == [s[1:] for s in STYLES[:2]]


def table() -> pd.DataFrame:
    thesis = dict(zip(PAIRS, (91.36, 70.62, 10.37, 13.45, 6.59, 13.77), strict=True))
    rows = [
        (f"{s} → {t}", reading, printed * factor, printed)
        for (s, t), printed in reversed(thesis.items())
        for reading, factor in (("published", 3.0), ("published", 4.0), ("corrected", 1e-2), ("rectified units", 1.0))
    ]
    frame = pd.DataFrame(rows, columns=["pair", "reading", "value", "thesis"])
    frame.loc[frame.index[frame.reading == "corrected"][:3], "value"] = [0.0, 1e-30, float("nan")]
    return frame


def test_tolerances_have_a_mark_each_and_the_printed_value_with_its_band():
    given = table()
    drawn = figures.tolerances(given, floor=1e-3)
    drawn.bytes("png")
    (ax,) = drawn.figure.axes
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["R² → S¹", "R² → Φ", "S¹ → R²", "S¹ → Φ", "Φ → R²", "Φ → S¹"]
    assert ax.yaxis_inverted()
    assert ax.get_xscale() == "log"
    assert "nats" in ax.get_xlabel()
    printed = dict(zip(given.pair, given.thesis, strict=True))
    bars = {names[round(float(np.mean(ln.get_ydata())))]: set(ln.get_xdata()) for ln in ax.lines[:6]}
    assert bars == {pair: {value} for pair, value in printed.items()}
    for band in ax.collections:
        corners = band.get_paths()[0].get_extents()
        value = printed[names[round((corners.y0 + corners.y1) / 2)]]
        assert (corners.x0, corners.x1) == pytest.approx((value / 2, value * 2))
    assert len(ax.collections) == 6
    by_shade = dict(zip((s[2] for s in STYLES), ("published", "corrected", "rectified units"), strict=False))
    seen = sorted(
        (names[round(float(y))], by_shade[line.get_color()], line.get_marker() == "<", float(x))
        for line in ax.lines[6:]
        for x, y in line.get_xydata()
        if not np.isnan(x)
    )
    expected = sorted(
        (r.pair, r.reading, r.value < 1e-3, max(r.value, 1e-3)) for r in given.itertuples() if not np.isnan(r.value)
    )
    assert seen == expected
    heights = {round(float(y - round(float(y))), 6) for line in ax.lines[6:] for y in line.get_ydata()}
    assert len(heights) == 3  # one height within the row for each reading
    legend = [t.get_text() for t in drawn.figure.legends[0].get_texts()]
    assert legend == [
        "printed", "within a factor of 2 of it", "published", "corrected", "rectified units", "below 0.001",
    ]  # fmt: skip
    low, high = ax.get_xlim()
    assert 1e-5 < low <= 1e-3 < 4 * 91.36 <= high < 1e5


def test_without_tiny_values_nothing_is_said_of_a_floor():
    given = table().query("value > 0.1")
    drawn = figures.tolerances(given).figure
    assert not any(line.get_marker() == "<" for line in drawn.axes[0].lines)
    assert not any("below" in t.get_text() for t in drawn.legends[0].get_texts())
    assert drawn.axes[0].get_xlim()[0] > 1e-2


def test_unknown_pairs_and_too_many_readings_are_refused():
    with pytest.raises(ValueError, match="pair is 'R2 → S1'; choose from R² → S¹, "):
        figures.tolerances(table().assign(pair="R2 → S1"))
    with pytest.raises(ValueError, match="reading has 24 different entries; choose 4 at most"):
        figures.tolerances(table().assign(reading=[f"{i}" for i in range(24)]))
    with pytest.raises(ValueError, match="contributions has 5 different entries"):
        figures.shares_by_radius([1.0], {f"{i}": [1.0] for i in range(5)}, 1.0)


def test_pictures_are_the_same_bytes_each_time():
    def drawn():
        families = {(s, t): family(SPACES[s], SPACES[t]) for s, t in PAIRS}
        turn = Rotation(Euclidean(2), Phases(), True)
        return [
            figures.commuting_square(),
            figures.mapping_triangle(families),
            figures.matrix_steps(MATRICES[0], POINTS, PHASES),
            figures.rotation_steps(turn, torch.tensor([0.3]), POINTS, PHASES),
            figures.mapped_grid(CODES, MAPPED, PHASES),
            figures.plane_of_errors(np.ones((4, 4)) + np.eye(4), (-3, 3, -3, 3), POINTS, PHASES),
            figures.shares_by_radius([1.0, 2.0], {"R² → Φ": [1.0, 3.0]}, 1.2),
            figures.tolerances(table()),
        ]

    for one, other in zip(drawn(), drawn(), strict=True):
        assert one.figure.get_figwidth() <= 7
        for kind in ("svg", "png"):
            assert one.bytes(kind) == other.bytes(kind) == one.bytes(kind)
