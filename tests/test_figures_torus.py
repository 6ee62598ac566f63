"""Figures of two phases show the codes, angles and holes that they were given, and the torus can be turned."""

import base64
import io
import json
import math
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgb
from PIL import Image

from latentsep import figures
from latentsep.data.benchmarks import ExtendedBenchmark, embed
from latentsep.figures import interactive
from latentsep.figures.base import PHASE_MARKERS, colour
from latentsep.figures.turnable import stereographic
from latentsep.measures import homology
from latentsep.models.circular import wrap
from latentsep.models.latent_spaces import CliffordTorus

COUNT = 20
DATA = ExtendedBenchmark(side=9, count=COUNT)
PHASES = DATA.visualisation()[1]
FIRST, SECOND = PHASES.T
# Two rings, as the baseline has them, of different size and seen from different sides.
CODES = torch.cat([2 * embed(FIRST + 0.3) * (1 + 0.1 * SECOND.sin())[:, None], embed(-SECOND)], 1)
TORUS = CliffordTorus()


def near(drawn, expected) -> None:
    np.testing.assert_allclose(np.asarray(drawn, float), np.asarray(expected, float), atol=2e-6)


def dots(ax) -> list[PathCollection]:
    return [c for c in ax.collections if isinstance(c, PathCollection)]


def named(ax) -> dict[str, np.ndarray]:
    """Where the markers of four phases are."""
    return {line.get_marker(): np.ravel(line.get_data()) for line in ax.lines if line.get_marker() != "None"}


def at(first: float, second: float) -> int:
    """The datapoint nearest to a pair of phases."""
    return int(((FIRST - first).cos() + (SECOND - second).cos()).argmax())


# The mean function.


@pytest.mark.parametrize("phases", [(0.0, 0.0), (0.7, -2.1)])
def test_the_picture_is_the_sum_of_the_two_sines_beside_it(phases):
    main, right, below, bar = figures.mean_picture(DATA, phases).figure.axes
    (image,) = main.images
    near(image.get_array(), DATA.mean(torch.tensor(phases)))
    assert image.norm.vmin == -image.norm.vmax == -2
    (rows, i), (j, columns) = right.lines[1].get_data(), below.lines[1].get_data()
    near(i, np.arange(1, 10))
    near(j, np.arange(1, 10))
    near(np.add.outer(rows, columns), image.get_array())
    near(right.lines[0].get_xdata(), np.sin(2 * np.pi * right.lines[0].get_ydata() / 9 + phases[0]))
    near(below.lines[0].get_ydata(), np.sin(4 * np.pi * below.lines[0].get_xdata() / 9 + phases[1]))
    # Rows go down and columns to the right, in the picture and beside it alike.
    assert main.get_ylim() == right.get_ylim() == (9.5, 0.5)
    assert main.get_xlim() == below.get_xlim() == (0.5, 9.5)
    near(image.get_extent(), (0.5, 9.5, 9.5, 0.5))
    assert ("row" in main.get_ylabel(), "column" in below.get_xlabel(), "f_" in bar.get_ylabel()) == (True,) * 3


# Codes in R⁴.


def test_three_coordinates_are_shown_in_colours_of_either_phase():
    codes = {"a": CODES, "b": torch.roll(CODES, 1, 1) + 5}
    drawn = figures.raw_coordinates(codes, PHASES, labels=("u", "v", "w"))
    assert set(drawn._repr_mimebundle_()) == {"image/png"}
    panels = [ax for ax in drawn.figure.axes if ax.name == "3d"]
    assert len(panels) == 4
    for number, ax in enumerate(panels):
        points, phase = list(codes.values())[number // 2][:, :3], PHASES[:, number % 2]
        near(np.stack(dots(ax)[0]._offsets3d, 1), points)
        order = dots(ax)[0]._z_markers_idx  # colours are sorted by depth
        near(dots(ax)[0].get_facecolors(), np.array([colour(float(p)) for p in phase])[order])
        assert "ab"[number // 2] in ax.get_title()
        assert rf"\varphi^{{({number % 2 + 1})}}" in ax.get_title()
        assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()) == ("$u$", "$v$", "$w$")
        limits = np.array([ax.get_xlim(), ax.get_ylim(), ax.get_zlim()])
        assert np.ptp(np.diff(limits)) < 1e-5  # a unit is as long in every direction
        assert (limits[:, 0] < points.min(0).values.numpy()).all()
        assert (limits[:, 1] > points.max(0).values.numpy()).all()
        marks = {line.get_marker(): np.ravel(line.get_data_3d()) for line in ax.lines}
        for value, marker in PHASE_MARKERS.items():
            near(marks[marker], points[at(*((value, 0) if number % 2 == 0 else (0, value)))])


def test_each_plane_has_its_own_two_numbers_and_its_own_phase():
    codes = {"a": CODES, "b": 2 * CODES}
    drawn = figures.planes(codes, PHASES)
    assert drawn.dense
    axes = np.reshape(drawn.figure.axes[:4], (2, 2))
    for row, (name, points) in zip(axes, codes.items(), strict=True):
        for number, ax in enumerate(row):
            marks = dots(ax)[1]
            near(marks.get_offsets(), points[:, 2 * number : 2 * number + 2])
            near(marks.get_facecolors(), [colour(float(p)) for p in PHASES[:, number]])
            assert rf"{name}, colour: $\varphi^{{({number + 1})}}$" in ax.get_title()
            assert ax.get_aspect() == 1
            assert ax.get_xlim() == ax.get_ylim() == row[0].get_xlim()
        assert row[0].get_xlim()[1] > float(points.abs().max())
        assert [ax.get_xlabel() for ax in row] == ["first coordinate", "third coordinate"]
        assert [ax.get_ylabel() for ax in row] == ["second coordinate", "fourth coordinate"]


# The torus as a square.


def lines(ax) -> tuple[list[LineCollection], list[LineCollection]]:
    """The lines of constant first and second phase, and their tears."""
    found = [c for c in ax.collections if isinstance(c, LineCollection)]
    assert len(found) == 4
    return found[1::2], found[0::2]


def square_of(angles: torch.Tensor, **options):
    return figures.flat_torus({"one": angles}, PHASES, COUNT, **options).figure.axes[0]


def inside(paths: list[np.ndarray]) -> np.ndarray:
    points = np.concatenate([np.zeros((0, 2)), *paths])
    return points[(np.abs(points) <= np.pi + 1e-3).all(1)]


def covers(paths: list[np.ndarray], points: np.ndarray) -> bool:
    """Whether every point is on a path, where whole turns count."""
    apart = np.abs((inside(paths)[:, None] - points + np.pi) % (2 * np.pi) - np.pi).max(-1)
    return bool((apart.min(0) < 1e-4).all())


def test_an_encoder_that_finds_the_phases_makes_a_regular_grid():
    ax = square_of(wrap(PHASES + 0.05))
    (first, second), tears = lines(ax)
    assert [c.get_segments() for c in tears] == [[], []]
    for phase, collection in enumerate((first, second)):
        places = {round(float(np.ptp(p[:, phase])), 4) for p in collection.get_segments()}
        assert places == {0.0}  # along a line its own phase does not change
        found = sorted({round(float(p[0, phase]), 3) for p in collection.get_segments()})
        near(found, np.round(-np.pi + 2 * np.pi * np.arange(0, COUNT, 5) / COUNT + 0.05, 3))
        for path, shade in zip(collection.get_segments(), collection.get_colors(), strict=True):
            np.testing.assert_allclose(shade, colour(path[0, phase] - 0.05), atol=0.02)
    assert first.get_linewidths()[0] > second.get_linewidths()[0]
    assert first.get_linestyles()[0][1] is None
    assert second.get_linestyles()[0][1] is not None  # dashed: told apart without colour
    assert ax.get_xlim() == ax.get_ylim() == (-np.pi, np.pi)
    assert ax.get_aspect() == 1
    assert [t.get_text() for t in ax.get_xticklabels()] == ["−π", "−π/2", "0", "π/2", "π"]
    near(ax.get_yticks(), np.arange(-2, 3) * np.pi / 2)


@pytest.mark.parametrize(
    "angles",
    [
        wrap(torch.stack([FIRST + SECOND + 0.4, SECOND - 1], 1)),
        wrap(torch.stack([-SECOND + 0.3 * FIRST.sin(), FIRST + 2], 1)),
        wrap(torch.stack([2.0 + 0.8 * FIRST.sin(), SECOND + 3], 1)),
    ],
)
def test_lines_are_broken_at_the_border_and_go_on_across_it(angles):
    (first, second), tears = lines(square_of(angles))
    assert [c.get_segments() for c in tears] == [[], []]
    grid = angles.unflatten(0, (COUNT, COUNT)).numpy()
    for collection, loops in ((first, grid), (second, grid.swapaxes(0, 1))):
        paths = collection.get_segments()
        assert covers(paths, loops[::5].reshape(-1, 2))
        # No line runs straight across the square from one border to the other.
        assert max(np.abs(np.diff(p, axis=0)).max() for p in paths) < np.pi / 2
        for path in paths:
            for a, b in pairwise(path):
                if (np.abs(b) > np.pi + 2e-3).any() and (np.abs(a) < np.pi).all():
                    back = b - 2 * np.pi * np.round(b / (2 * np.pi))
                    assert covers(paths, back[None])


def test_a_tear_is_grey_and_not_part_of_a_line():
    # The angle of an encoder into the real line: it turns back within one step.
    torn = torch.stack([0.6 * FIRST, SECOND], 1)
    (first, second), (whole, tears) = lines(square_of(torn))
    assert whole.get_segments() == []
    ends = np.array([(0.6 * (math.pi - 2 * math.pi / COUNT), -0.6 * math.pi)])
    for segment in tears.get_segments():
        assert abs(abs(segment[1, 0] - segment[0, 0]) - np.pi / 2) > 0.1
        near((segment[1, 0] + np.pi) % (2 * np.pi) - np.pi, -0.6 * np.pi)
        near((segment[0, 0] + np.pi) % (2 * np.pi) - np.pi, ends[0, 0])
    assert len({round(float(s[0, 1]), 3) for s in tears.get_segments()}) >= 4
    drawn = inside(second.get_segments())
    assert -0.6 * np.pi - 1e-5 < drawn[:, 0].min()
    assert drawn[:, 0].max() < 0.6 * np.pi
    red, green, blue = tears.get_colors()[0][:3]
    assert red == green == blue > 0.6
    assert tears.get_linewidths()[0] < second.get_linewidths()[0]
    assert covers(first.get_segments(), torn.unflatten(0, (COUNT, COUNT))[::5].flatten(0, 1).numpy())


def test_a_line_of_nothing_but_tears_has_no_path():
    angles = torch.stack([FIRST * COUNT / 2.5, SECOND], 1)
    (_, second), (_, tears) = lines(square_of(wrap(angles)))
    assert second.get_segments() == []
    assert len(tears.get_segments()) >= COUNT * 4


def test_named_phases_are_marked_where_the_other_phase_is_0():
    marks = named(square_of(PHASES))
    assert set(marks) == set(PHASE_MARKERS.values())
    places = {tuple(np.round(line.get_xydata()[0] / np.pi, 3)) for line in square_of(PHASES).lines}
    assert places == {(0, 0), (-1, 0), (-0.5, 0), (0.5, 0), (0, -1), (0, -0.5), (0, 0.5)}


def test_the_order_of_the_datapoints_does_not_matter():
    order = torch.randperm(len(PHASES), generator=torch.Generator().manual_seed(0))
    angles = wrap(torch.stack([FIRST + 0.3 * SECOND.sin(), SECOND], 1))
    one = figures.flat_torus({"a": angles}, PHASES, COUNT)
    assert one.bytes("svg") == figures.flat_torus({"a": angles[order]}, PHASES[order], COUNT).bytes("svg")


def test_squares_stand_three_in_a_row_above_their_notes():
    entries = {name: wrap(PHASES + k) for k, name in enumerate("abcd")}
    drawn = figures.flat_torus(entries, PHASES, COUNT, notes={"b": "degree 1\nwhole"}).figure
    panels = [ax for ax in drawn.axes if ax.get_title()]
    assert [ax.get_title() for ax in panels] == list("abcd")
    tops = [round(ax.get_position().y1, 3) for ax in panels]
    assert tops[0] == tops[1] == tops[2] > tops[3]
    assert [ax.get_xlabel() for ax in panels] == ["", "degree 1\nwhole", "", ""]
    assert panels[1].xaxis.label.get_fontsize() == 7
    assert sum(ax.axison for ax in drawn.axes) == 5  # four squares and the bar
    assert "radians" in drawn.get_supxlabel()
    assert "radians" in drawn.get_supylabel()
    plain = figures.flat_torus(entries, PHASES, COUNT).figure
    assert plain.get_figheight() < drawn.get_figheight()


def test_a_square_needs_the_whole_grid_and_notes_a_panel():
    with pytest.raises(ValueError, match="count is 50, for 400 pairs of phases"):
        figures.flat_torus({"a": PHASES}, PHASES)
    with pytest.raises(ValueError, match="count is 20"):
        figures.flat_torus({"a": PHASES[1:]}, PHASES, COUNT)
    with pytest.raises(ValueError, match="notes is for 'b'; choose from 'a'"):
        figures.flat_torus({"a": PHASES}, PHASES, COUNT, notes={"b": "x"})


# Maps between R⁴ and the torus.


def test_mapped_codes_are_joined_to_the_target_s_own_in_both_planes():
    own = {"R⁴": CODES, "T²": TORUS.embed(PHASES)}
    mapped = {("R⁴", "T²"): TORUS.embed(PHASES + 0.2), ("T²", "R⁴"): 0.9 * CODES}
    drawn = figures.mapped_tori(own, mapped, PHASES)
    assert drawn.dense
    axes = np.reshape(drawn.figure.axes, (2, 4))
    for source, row in zip(own, axes, strict=True):
        for column, ax in enumerate(row):
            target, part = ("R⁴", "T²")[column // 2], slice(2 * (column % 2), 2 * (column % 2) + 2)
            near(dots(ax)[-1].get_offsets(), own[target][:, part])
            joined = [c for c in ax.collections if isinstance(c, LineCollection)]
            assert len(joined) == (source != target)
            if joined:
                near(np.array(joined[0].get_segments())[:, 0], own[target][:, part])
                there = np.array(joined[0].get_segments())[:, 1]
                near(dots(ax)[0].get_offsets(), there)
                given = mapped[source, target][:, part].numpy()
                scale = np.linalg.norm(there) / np.linalg.norm(given)
                near(there, scale * given)
                assert (scale < 0.95) == (target == "T²")  # on circles, inside of the own codes
            # Shades follow the phase that belongs to the plane.
            pale = dots(ax)[-1].get_facecolors()[:, :3].mean(1)
            assert np.corrcoef(pale, PHASES[:, column % 2].cos())[0, 1] > 0.99
            assert ax.get_aspect() == 1
            assert abs(ax.get_xlim()[0]) == ax.get_xlim()[1] > float(own[target][:, part].abs().max())
    assert [ax.get_ylabel() for ax in axes[:, 0]] == [r"from $\mathbb{R}^4$", "from $T^2$"]
    for ax, target, phase in zip(axes[0], (r"\mathbb{R}^4",) * 2 + ("T^2",) * 2, "1212", strict=True):
        assert f"into ${target}$" in ax.get_title()
        assert rf"\varphi^{{({phase})}}" in ax.get_title()
    assert len(drawn.figure.legends[0].get_texts()) == 4
    with pytest.raises(KeyError):
        figures.mapped_tori(own, {("R⁴", "T²"): own["T²"]}, PHASES)


# Holes.

BARS = [
    np.array([[0.0, 0.2], [0.0, 0.1], [0.0, np.inf]]),
    np.array([[0.3, 1.0], [0.3, 1.0], [0.3, 0.4]]),
    np.array([[0.4, 1.1], [0.5, 0.5]]),
]


def marks(ax) -> list[tuple[str, float, np.ndarray]]:
    return [(line.get_marker(), line.get_markersize(), line.get_xydata()) for line in ax.lines[2:]]


def test_holes_that_count_are_large_and_the_title_says_how_many():
    panels = figures.barcode({"torus": BARS, "other": [*BARS[:2], BARS[2][1:]]}, 2.5).figure.axes
    assert [ax.get_title() for ax in panels] == [
        "torus\n1 component, 2 loops, 1 void",
        "other\n1 component, 2 loops, 0 voids",
    ]
    assert homology.betti(BARS) == (1, 2, 1)
    ax = panels[0]
    large = {marker: places for marker, size, places in marks(ax) if size > 5}
    small = {marker: places for marker, size, places in marks(ax) if size < 5}
    assert set(large) == set(small) == {"o", "s", "^"}
    near(large["s"], [[0.3, 1.0]] * 2)
    near(large["^"], [[0.4, 1.1]])
    near(small["s"], [[0.3, 0.4]])
    near(small["^"], [[0.5, 0.5]])
    assert [t.get_text() for t in ax.texts] == ["×2"]  # where one mark hides another
    # What opens at 0 or never closes stands beyond the ends of the logarithmic axes, at a tick of its own.
    ticks = {t.get_text(): float(p) for t, p in zip(ax.get_xticklabels(), ax.get_xticks(), strict=True)}
    never = {t.get_text(): float(p) for t, p in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)}
    near(large["o"], [[ticks["0"], never["∞"]]])
    near(small["o"], [[ticks["0"], 0.2], [ticks["0"], 0.1]])
    assert ticks["0"] < 0.1
    assert never["∞"] > 1.1
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


@pytest.mark.parametrize("lasting", [2.5, 4.0])
def test_the_grey_part_begins_where_holes_count(lasting):
    drawn = figures.barcode({"a": BARS}, lasting).figure
    ax = drawn.axes[0]
    x, y = ax.lines[0].get_data()
    near(y / x, [lasting] * 2)
    near(np.divide(*ax.lines[1].get_data()), 1)
    (grey,) = ax.patches
    corners = grey.get_xy()
    assert (corners[:, 1] >= lasting * corners[:, 0] * (1 - 1e-9)).all()
    assert len([m for m in marks(ax) if m[0] == "s" and m[1] > 5 and len(m[2])]) == (lasting < 1 / 0.3)
    assert any(f"{lasting:g} ×" in t.get_text() for t in drawn.legends[0].get_texts())
    assert "units of the cloud" in drawn.get_supxlabel()


def test_a_measured_torus_two_points_and_no_hole_at_all_can_be_drawn():
    few = homology.persistence(TORUS.embed(PHASES), 300)
    drawn = figures.barcode({"torus": few, "pair": homology.persistence(np.eye(2))}, homology.LASTING)
    titles = [ax.get_title().partition("\n")[2] for ax in drawn.figure.axes]
    assert titles == ["1 component, 2 loops, 1 void", "1 component, 0 loops, 0 voids"]
    (empty,) = figures.barcode({"nothing": [np.zeros((0, 2))] * 3}, 2.5).figure.axes
    assert empty.get_title() == "nothing\n0 components, 0 loops, 0 voids"


# All pictures.


def everything() -> list[figures.Picture]:
    own = {"R⁴": CODES, "T²": TORUS.embed(PHASES)}
    return [
        figures.mean_picture(DATA),
        figures.raw_coordinates({r"$\sigma_X = 1$": CODES}, PHASES),
        figures.planes({r"$\sigma_X = 1$": CODES}, PHASES),
        figures.flat_torus({"one": PHASES}, PHASES, COUNT, {"one": "note"}),
        figures.flat_torus({str(k): PHASES for k in range(4)}, PHASES, COUNT),
        figures.mapped_tori(own, {("R⁴", "T²"): own["T²"], ("T²", "R⁴"): own["R⁴"]}, PHASES),
        figures.barcode({"one": BARS}, 2.5),
        figures.barcode({str(k): BARS for k in range(4)}, 2.5),
    ]


def test_pictures_are_the_same_bytes_each_time_and_nothing_is_cut_off():
    for one, other in zip(everything(), everything(), strict=True):
        kind = "png" if one.dense else "svg"
        assert one.bytes(kind) == other.bytes(kind) == one.bytes(kind)
        assert one.figure.get_figwidth() <= 7
        page, tight = one.figure.bbox, one.figure.get_tightbbox()
        assert min(tight.x0, tight.y0) > -0.02
        assert tight.x1 * one.figure.dpi < page.width + 2
        assert tight.y1 * one.figure.dpi < page.height + 2
        for legend in one.figure.legends:
            bounds = legend.get_window_extent()
            assert bounds.x0 > 0
            assert bounds.x1 < page.width


# The torus that can be turned.

ALT = 'A torus <in R³> & "two" phases.'


@pytest.fixture(scope="module")
def html() -> str:
    shown = figures.turnable_torus(ALT, 24)._repr_mimebundle_()
    assert set(shown) == {"text/html", interactive.MIME}
    return shown["text/html"]


@pytest.fixture
def turnable(html) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def test_the_projected_clifford_torus_is_one_of_revolution():
    points = stereographic(TORUS.embed(PHASES.double())).numpy()
    rho = np.hypot(*points[:, :2].T)
    near((rho - math.sqrt(2)) ** 2 + points[:, 2] ** 2, 1)
    near(points[:, :2] / rho[:, None], embed(FIRST))
    # From the pole through a point of the sphere to the plane where the fourth coordinate is 0.
    sphere = torch.nn.functional.normalize(torch.tensor([[0.3, -0.5, 0.2, 0.4]], dtype=torch.float64), dim=1)
    flat = torch.cat([stereographic(sphere), torch.zeros(1, 1)], 1)
    pole = torch.tensor([[0.0, 0.0, 0.0, 1.0]])
    near(torch.linalg.matrix_rank(torch.cat([sphere - pole, flat - pole]), atol=1e-9), 1)


def test_the_page_has_the_surface_of_both_phases_and_lines_on_it():
    data = json.loads(json.dumps(figures.turnable_torus(ALT, 24).data))
    first, second = np.array(data["first"]), np.array(data["second"])
    assert len(first) == len(second) == 25
    near([first[0], first[-1], second[0], second[-1]], [-3.14159, 3.14159] * 2)
    pairs = torch.from_numpy(np.stack(np.meshgrid(first, second), -1))
    expected = stereographic(TORUS.embed(pairs)).numpy()
    surface = np.stack([data["surface"][c] for c in "xyz"], -1)
    np.testing.assert_allclose(surface, expected, atol=2e-4)
    steps = np.linalg.norm(np.diff(surface, axis=0), axis=-1)
    assert np.ptp(steps) < 0.01 * steps.mean()
    assert len(data["lines"]) == 2 * 8
    for line in data["lines"]:
        x, y, z = (np.array(line[c], float) for c in "xyz")  # None, a gap, becomes NaN
        tube = np.hypot(np.hypot(x, y) - math.sqrt(2), z)
        assert 1 < np.nanmin(tube) < np.nanmax(tube) < 1.02
    dashed = [None in line["x"] for line in data["lines"]]
    assert dashed == [False] * 8 + [False, True] * 4
    places, shades = zip(*data["scale"], strict=True)
    near(places, np.linspace(0, 1, len(places)).round(5))
    for place, shade in ((0, shades[0]), (0.25, shades[len(shades) // 4]), (1, shades[-1])):
        np.testing.assert_allclose(to_rgb(shade), colour((2 * place - 1) * math.pi)[:3], atol=0.02)


def test_a_still_twin_and_its_alternative_text_stand_in_the_page(turnable):
    (twin,) = turnable.find_all("img")
    assert twin["alt"] == ALT
    kind, _, encoded = twin["src"].partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as opened:
        assert opened.width > 2 * opened.height > 800
        assert len(opened.convert("RGB").resize((70, 25)).getcolors(2000)) > 100
    plot = turnable.find(class_="turnable-plot")
    assert (plot["role"], plot["aria-label"], plot["tabindex"]) == ("img", "the surface, to be turned", "0")
    buttons = turnable.find_all("button", attrs={"aria-pressed": True})
    assert [b["aria-pressed"] for b in buttons] == ["true", "false"]
    assert all(f"φ⁽{n}⁾" in b.text for n, b in zip("¹²", buttons, strict=True))


def test_the_script_waits_for_plotly_and_nothing_comes_from_elsewhere(turnable):
    scripts = turnable.find_all("script", src=True)
    assert [script["src"] for script in scripts] == ["../figures/kit.js", "../figures/turnable.js"]
    assert turnable.find(class_="turnable")["data-later"] == "../figures/plotly.min.js"
    assert all(script.has_attr("defer") for script in scripts)
    text = str(turnable)
    for word in ("http:", "https:", "//cdn", "file:"):
        assert word not in text.replace("data:image", "")


def test_the_torus_is_the_same_bytes_each_time(html):
    assert figures.turnable_torus(ALT, 24)._repr_mimebundle_()["text/html"] == html
    with pytest.raises(ValueError, match="phase_points is 7; choose 8 or more"):
        figures.turnable_torus(ALT, 7)


def test_plotly_s_script_names_itself_whether_or_not_the_page_has_modules():
    text = (resources.files("plotly") / "package_data" / "plotly.min.js").read_text()
    assert "window.Plotly = Plotly" in text[-500:]
    assert "define.amd" not in text
