"""Figures of pictures taken around a loop show the pictures, angles and distances that they were given."""

import io
import math

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection
from PIL import Image

from latentsep import figures
from latentsep.data.benchmarks import Benchmark, Data, embed, regular_phases
from latentsep.data.loops import shrink
from latentsep.figures.base import PHASE_MARKERS, colour
from latentsep.models.latent_spaces import Circle, Euclidean, LatentSpace
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run

FRAMES = 12
PHASES = regular_phases(FRAMES)
#: Three loops of pictures, every one with a grey of its own in one corner.
IMAGES = np.random.default_rng(0).random((3, FRAMES, 6, 6))
IMAGES[:, :, 0, 0] = np.linspace(0.1, 0.9, 3 * FRAMES).reshape(3, FRAMES)


def near(drawn, expected) -> None:
    np.testing.assert_allclose(np.asarray(drawn), np.asarray(expected), atol=2e-6)


def dots(ax) -> PathCollection:
    return next(c for c in ax.collections if isinstance(c, PathCollection))


def frame_of(image: np.ndarray, loop: np.ndarray) -> int:
    """Which picture of a loop is drawn."""
    return int(np.abs(loop[:, 0, 0] - np.asarray(image)[0, 0]).argmin())


def thumbnails(ax, loop: np.ndarray) -> dict[int, tuple[np.ndarray, float, tuple[float, ...]]]:
    """The frames drawn on a circle: their centre and width, in the units of ``ax``, and the colour of their border."""
    found = {}
    for inset in ax.child_axes:
        (image,), (border,) = inset.images, inset.patches
        frame = frame_of(image.get_array(), loop)
        near(image.get_array(), loop[frame])
        assert (image.norm.vmin, image.norm.vmax, image.cmap.name) == (0, 1, "gray")
        assert frame not in found
        corners = ax.transData.inverted().transform(inset.get_window_extent())
        found[frame] = corners.mean(0), corners[1, 0] - corners[0, 0], border.get_edgecolor()
    return found


def overlap(found: dict) -> bool:
    places, widths, _ = zip(*found.values(), strict=True)
    apart = np.abs(np.array(places)[:, None] - np.array(places)).max(-1)
    return bool((apart[~np.eye(len(places), dtype=bool)] < 0.97 * max(widths)).any())


@pytest.mark.parametrize(("frames", "shown"), [(64, 12), (72, 12), (64, 16), (12, 4), (3, 12)])
def test_pictures_stand_around_the_circle_at_their_phases(frames, shown):
    loop = np.random.default_rng(1).random((frames, 5, 5))
    loop[:, 0, 0] = np.linspace(0, 1, frames)
    drawn = figures.around(loop, shown, "{} px".format)
    ax, bar = drawn.figure.axes
    phases = regular_phases(frames)
    near(dots(ax).get_offsets(), embed(phases))
    near(dots(ax).get_facecolors(), [colour(float(p)) for p in phases])
    found = thumbnails(ax, loop)
    assert sorted(found) == [i * frames // min(shown, frames) for i in range(min(shown, frames))]
    assert not overlap(found)
    for frame, (centre, width, shade) in found.items():
        direction = embed(phases[frame]).numpy()
        near(centre / np.linalg.norm(centre), direction)
        assert np.linalg.norm(centre) > 1 + width / 2
        assert np.abs(centre).max() + width / 2 < ax.get_xlim()[1]
        near(shade, colour(float(phases[frame])))
    labels = {t.get_text(): np.array(t.get_position()) for t in ax.texts}
    assert set(labels) == {f"{frame} px" for frame in found}
    for frame in found:
        near(labels[f"{frame} px"] / np.linalg.norm(labels[f"{frame} px"]), embed(phases[frame]))
        assert np.linalg.norm(labels[f"{frame} px"]) < 0.9
    assert "radians" in bar.get_ylabel()
    assert not figures.around(loop).figure.axes[0].texts


def test_bytes_and_fractions_are_drawn_in_the_same_grey():
    counted = (IMAGES[0] * 255).round().astype(np.uint8)
    for inset, image in zip(figures.around(counted).figure.axes[0].child_axes, counted, strict=True):
        near(inset.images[0].get_array(), image / 255)


def test_reconstructions_are_below_each_other_in_one_scale_of_grey():
    rows = {"picture": IMAGES[0, :4], r"$\sigma_X = 1$": 1.5 * IMAGES[1, :4] - 0.1}
    drawn = figures.reconstructions(rows, ["0°", "90°", "180°", "270°"])
    assert set(drawn._repr_mimebundle_()) == {"image/png"}
    axes = np.reshape(drawn.figure.axes, (2, 4))
    for row, pictures in zip(axes, rows.values(), strict=True):
        for ax, image in zip(row, pictures, strict=True):
            near(ax.images[0].get_array(), image.clip(0, 1))
            assert (ax.images[0].norm.vmin, ax.images[0].norm.vmax) == (0, 1)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == list(rows)
    assert [ax.get_title() for ax in axes[0]] == ["0°", "90°", "180°", "270°"]
    with pytest.raises(ValueError, match="zip"):
        figures.reconstructions({"picture": IMAGES[0, :3]}, ["0°", "90°"])


def test_a_walk_has_every_picture_above_its_angle():
    angles = np.linspace(-math.pi, math.pi, 8)[:7]
    drawn = figures.strip(IMAGES[0, :7], angles, columns=3)
    assert len(drawn.figure.axes) == 9
    shown = [ax for ax in drawn.figure.axes if ax.axison]
    assert [frame_of(ax.images[0].get_array(), IMAGES[0]) for ax in shown] == list(range(7))
    assert [ax.get_xlabel() for ax in shown] == ["−180°", "−129°", "−77°", "−26°", "26°", "77°", "129°"]
    positions = [ax.get_position() for ax in shown]  # in reading order
    assert positions[0].x0 < positions[1].x0 < positions[2].x0
    assert positions[0].y0 == pytest.approx(positions[1].y0)
    assert positions[1].y0 > positions[3].y1
    assert [ax.get_xlabel() for ax in figures.strip(IMAGES[0, :1], torch.tensor([-0.001])).figure.axes] == ["0°"]
    with pytest.raises(ValueError, match="zip"):
        figures.strip(IMAGES[0, :7], angles[:6])


def test_the_film_is_an_animated_png_that_loops_for_ever():
    walk = 1.4 * IMAGES[0] - 0.2  # a decoder leaves the range of greys
    film = figures.turning(walk)
    shown = film._repr_mimebundle_()
    assert shown == {"image/png": figures.turning(walk).bytes()}
    with Image.open(io.BytesIO(shown["image/png"])) as opened:
        assert opened.format == "PNG"
        assert opened.is_animated
        assert (opened.n_frames, opened.info["loop"], opened.size) == (FRAMES, 0, (6, 6))
        for frame in range(FRAMES):
            opened.seek(frame)
            assert opened.info["duration"] == pytest.approx(1000 / 12, rel=0.01)
            assert np.abs(np.asarray(opened.convert("L")) - 255 * walk[frame].clip(0, 1)).max() <= 0.51
    counted = (IMAGES[0] * 255).astype(np.uint8)
    slow = figures.turning(counted, rate=4)
    np.testing.assert_array_equal(slow.pictures, counted)
    with Image.open(io.BytesIO(slow.bytes())) as opened:
        assert opened.info["duration"] == 250
    with Image.open(io.BytesIO(figures.turning(IMAGES[0, :1]).bytes())) as opened:
        assert getattr(opened, "n_frames", 1) == 1


LEARNED = np.stack([PHASES.numpy() * -1 + 2, np.sort(np.r_[PHASES[:4], 0.2 + 0.01 * np.arange(8)]), 0 * PHASES.numpy()])


@pytest.mark.parametrize("objects", [3, 1])
def test_learned_angles_are_dots_with_eight_of_their_pictures(objects):
    titles = [f"object {i}\n{i} of 5" for i in range(objects)]
    drawn = figures.learned_circles(IMAGES[:objects], LEARNED[:objects], PHASES, titles, columns=2)
    panels = [ax for ax in drawn.figure.axes if ax.texts]
    assert len(panels) == objects
    for i, (ax, title) in enumerate(zip(panels, titles, strict=True)):
        near(dots(ax).get_offsets(), np.stack([np.cos(LEARNED[i]), np.sin(LEARNED[i])], 1))
        near(dots(ax).get_facecolors(), [colour(float(p)) for p in PHASES])
        assert [t.get_text() for t in ax.texts] == [title]
        found = thumbnails(ax, IMAGES[i])
        assert len(found) == 8
        assert not overlap(found)
        lines = {tuple(np.round(line.get_xydata()[0], 5)): line.get_xydata() for line in ax.lines[1:]}
        for frame, (centre, width, shade) in found.items():
            near(shade, colour(float(PHASES[frame])))
            assert np.linalg.norm(centre) > 1 + width / 2
            assert np.abs(centre).max() + width / 2 < ax.get_xlim()[1]
            ends = [line.get_xydata() for line in ax.lines[1:] if np.allclose(line.get_xydata()[1], centre, atol=1e-5)]
            near(ends, [[[np.cos(LEARNED[i, frame]), np.sin(LEARNED[i, frame])], centre]])
        assert len(lines) == len(set(np.round(LEARNED[i, list(found)] % (2 * np.pi), 5)))
    legend = drawn.figure.legends[0]
    assert [t.get_text() for t in legend.get_texts()] == ["−π", "−π/2", "0", "π/2"]
    assert [handle.get_marker() for handle in legend.legend_handles] == list(PHASE_MARKERS.values())


def test_chosen_pictures_are_evenly_spaced_in_the_learned_order_and_stay_where_there_is_room():
    ax = figures.learned_circles(IMAGES[:1], LEARNED[:1] + 4 * np.pi, PHASES, ["a"]).figure.axes[0]
    assert ax.get_window_extent().width > 1.6 * ax.figure.dpi  # the legend takes no room from the panels
    found = thumbnails(ax, IMAGES[0])
    order = (LEARNED[0] % (2 * np.pi)).argsort()
    assert set(found) == {order[i] for i in (0, 1, 3, 4, 6, 7, 9, 10)}
    # Of frames 30 and 60 degrees apart, the close ones give way to both sides alike.
    turned = {}
    for frame, (centre, _, _) in found.items():
        turned[frame] = np.angle(np.exp(1j * (np.arctan2(centre[1], centre[0]) - LEARNED[0, frame])))
    near([turned[order[i]] for i in (0, 1, 3, 4, 6, 7, 9, 10)], np.radians([-6, 6] * 4))
    wide = np.linspace(0, 2 * np.pi, 9)[:8]
    ax = figures.learned_circles(IMAGES[:1, :8], wide[None], regular_phases(8), ["a"]).figure.axes[0]
    for frame, (centre, _, _) in thumbnails(ax, IMAGES[0, :8]).items():
        near(centre / np.linalg.norm(centre), [np.cos(wide[frame]), np.sin(wide[frame])])


def test_circles_need_as_many_titles_and_angles_as_objects():
    with pytest.raises(ValueError, match="zip"):
        figures.learned_circles(IMAGES, LEARNED, PHASES, ["a", "b"])
    with pytest.raises(ValueError, match="zip"):
        figures.learned_circles(IMAGES, LEARNED[:2], PHASES, ["a", "b", "c"])


def test_lookalikes_have_a_curve_each_up_to_half_a_turn():
    distances = {"object 1": np.arange(12.0), "object 2": np.arange(7) / 6, "object 3": torch.linspace(0, 1, 72)}
    drawn = figures.lookalikes(distances, columns=2)
    shown = [ax for ax in drawn.figure.axes if ax.axison]
    assert [ax.get_title() for ax in shown] == list(distances)
    near(shown[0].lines[0].get_xydata(), [(30 * k, k) for k in range(7)])
    near(shown[1].lines[0].get_xydata(), [(360 / 7 * k, k / 6) for k in range(4)])
    near(shown[2].lines[0].get_xdata(), 5 * np.arange(37))
    assert {ax.get_xlim() for ax in shown} == {(0, 180)}
    assert len({ax.get_ylim() for ax in shown}) == 1
    assert shown[0].get_ylim()[0] == 0
    assert shown[0].get_ylim()[1] > 11
    assert all(list(ax.lines[1].get_ydata()) == [1, 1] for ax in shown)
    assert "degrees" in drawn.figure.get_supxlabel()
    # The last panel of every column has numbers, though a row ends early.
    numbered = [ax.xaxis.get_tick_params()["labelbottom"] for ax in shown]
    assert numbered == [False, True, True]
    assert len(figures.lookalikes({"one": np.arange(6.0)}).figure.axes) == 1


def test_orders_are_drawn_against_the_poses_whatever_their_start_and_sense():
    swapped = np.array([0, 2, 1, *range(3, 12)])
    found = {"true": np.arange(12), "turned back": (7 - np.arange(12)) % 12, "swapped": (swapped + 5) % 12}
    axes = figures.orders(found).figure.axes
    expected = [np.arange(12), np.arange(12), swapped]
    assert [ax.get_title() for ax in axes] == list(found)
    for ax, places in zip(axes, expected, strict=True):
        near(dots(ax).get_offsets(), 30 * np.stack([np.arange(12), places], 1))
        near(dots(ax).get_facecolors(), [colour(float(p)) for p in PHASES])
        assert ax.get_aspect() == 1
        assert list(ax.get_xticks()) == list(ax.get_yticks()) == [0, 90, 180, 270, 360]
        assert "degrees" in ax.get_xlabel()
    assert "degrees" in axes[0].get_ylabel()
    assert len(figures.orders({"true": range(5)}).figure.axes) == 1


MEMBERS = [Member(d, s, r) for d in (1, 3) for s in (0.1, 1.0) for r in (0, 1)]


def untrained(space: LatentSpace, *members: Member, data: Data | None = None) -> Trained:
    run = Run(members, shrink(IMAGES)[0] if data is None else data, space, width=5, updates=0)
    return Trained(run, run.model().eval().requires_grad_(False), np.zeros((len(members), 0)))


@pytest.mark.parametrize("space", [Euclidean(2), Circle()])
def test_the_latent_grid_shows_every_member_its_own_pictures(space):
    trained = untrained(space, *MEMBERS)
    notes = [f"member {i}\nof 8" for i in range(8)]
    axes = figures.latent_grid(trained, repetition=1, count=FRAMES, notes=notes).figure.axes[:4]
    posterior = trained.vae.posterior(trained.run.loop(PHASES)).base_dist
    cells = [(d, s) for d in (1, 3) for s in (1.0, 0.1)]
    for ax, (dataset, sigma_x) in zip(axes, cells, strict=True):
        index = MEMBERS.index(Member(dataset, sigma_x, 1))
        mean = posterior.loc[index]
        near(dots(ax).get_offsets(), embed(mean[:, 0]) if isinstance(space, Circle) else mean)
        assert ax.get_xlabel() == f"member {index}\nof 8"
        assert ax.xaxis.label.get_fontsize() < mpl.rcParamsDefault["font.size"]
    assert [ax.get_ylabel() for ax in axes] == ["dataset 1", "", "dataset 3", ""]
    assert [ax.get_title() for ax in axes] == [r"$\sigma_X = 1$", r"$\sigma_X = 0.1$", "", ""]
    # Another object is another cloud of points.
    assert not np.allclose(dots(axes[0]).get_offsets(), dots(axes[2]).get_offsets())


def test_the_latent_grid_names_datasets_only_where_there_are_several():
    alone = figures.latent_grid(untrained(Circle(), Member(2, 0.1)), count=FRAMES).figure.axes[0]
    assert (alone.get_ylabel(), alone.get_xlabel()) == ("", "")
    benchmark = figures.latent_grid(untrained(Circle(), Member(0.1, 0.5), data=Benchmark(6, 50))).figure.axes[0]
    assert benchmark.get_ylabel() == r"data with $\sigma = 0.1$"
    with pytest.raises(ValueError, match="notes has 1 entries; choose 8, one for each member"):
        figures.latent_grid(untrained(Circle(), *MEMBERS), notes=["only one"])


def test_several_ensembles_stand_below_each_other_under_their_names():
    first, second = untrained(Circle(), Member(1, 0.1), Member(1, 1.0)), untrained(Euclidean(2), Member(1, 0.1))
    notes = {"circle": ["one", "two"]}
    grid = figures.latent_grid({"circle": first, "plane": second}, count=FRAMES, notes=notes).figure
    axes = np.array(grid.axes[:4]).reshape(2, 2)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["circle", "plane"]
    assert [[ax.get_xlabel() for ax in row] for row in axes] == [["two", "one"], ["", ""]]
    near(dots(axes[1, 1]).get_offsets(), second.vae.posterior(second.run.loop(PHASES)).base_dist.loc[0])
    with pytest.raises(ValueError, match="notes is for 'sphere'; choose from 'circle'"):
        figures.latent_grid({"circle": first}, count=FRAMES, notes={"sphere": ["one", "two"]})


def test_notes_make_the_figure_taller_and_nothing_else():
    trained = untrained(Circle(), Member(1, 0.1))
    heights = [figures.latent_grid(trained, notes=n).figure.get_figheight() for n in (None, [""], ["a"], ["a\nb"])]
    assert heights[0] == heights[1] < heights[2] < heights[3]
    assert figures.latent_grid(trained).bytes("svg") == figures.latent_grid(trained, notes=[""]).bytes("svg")


def test_two_spaces_are_mapped_into_each_other_in_a_smaller_figure():
    codes = {"R²": 3 * embed(PHASES + 1), "S¹": embed(-PHASES)}
    mapped = {("R²", "S¹"): embed(0.2 - PHASES), ("S¹", "R²"): 2.5 * embed(PHASES + 1)}
    drawn = figures.mapped_grid(codes, mapped, PHASES).figure
    axes = np.reshape(drawn.axes, (2, 2))
    for row, source in zip(axes, codes, strict=True):
        for ax, target in zip(row, codes, strict=True):
            near([c for c in ax.collections if isinstance(c, PathCollection)][-1].get_offsets(), codes[target])
            assert sum(isinstance(c, LineCollection) for c in ax.collections) == (source != target)
    assert [ax.get_title() for ax in axes[0]] == [r"into $\mathbb{R}^2$", "into $S^1$"]
    assert len(drawn.legends[0].get_texts()) == 4
    width, height = drawn.get_size_inches()
    assert width < 5.5
    assert height == pytest.approx(width + 0.4)
    boxes = [ax.get_window_extent() for ax in axes.flat]
    assert min(box.width for box in boxes) > 0.37 * width * drawn.dpi  # panels fill the figure
    bounds = drawn.legends[0].get_window_extent()
    assert bounds.x0 > 0
    assert bounds.x1 < width * drawn.dpi


def test_pictures_are_the_same_bytes_each_time_and_fit_the_page():
    def drawn():
        return [
            figures.around(IMAGES[0], label=str),
            figures.reconstructions({"picture": IMAGES[0, :3]}, ["a", "b", "c"]),
            figures.strip(IMAGES[0], PHASES),
            figures.learned_circles(IMAGES, LEARNED, PHASES, ["a", "b", "c"]),
            figures.lookalikes({f"object {i}": np.arange(8.0) for i in range(20)}),
            figures.orders({"one": np.arange(8), "two": np.arange(8)[::-1]}),
            figures.latent_grid(untrained(Circle(), *MEMBERS), count=FRAMES, notes=["note"] * 8),
        ]

    for one, other in zip(drawn(), drawn(), strict=True):
        assert one.figure.get_figwidth() <= 7
        kind = "png" if one.dense else "svg"
        assert one.bytes(kind) == other.bytes(kind) == one.bytes(kind)
    dense = [one.dense for one in drawn()]
    assert dense == [True] * 4 + [False] * 3


def test_nothing_overlaps_or_is_cut_off():
    titles = [f"object {i}\n5 of 5" for i in range(3)]
    for made in (
        figures.around(IMAGES[0], label="{} px".format),
        figures.learned_circles(IMAGES, LEARNED, PHASES, titles),
        figures.learned_circles(IMAGES[:1], LEARNED[:1], PHASES, titles[:1]),
        figures.lookalikes({"object 1": np.arange(8.0)}),
        figures.orders({"spectral": np.arange(8)}),
        figures.strip(IMAGES[0], PHASES),
        figures.reconstructions({r"$\sigma_X = 0.01$": IMAGES[0, :3]}, ["a", "b", "c"]),
    ):
        page = made.figure.bbox
        tight = made.figure.get_tightbbox()
        assert tight.x0 > -0.02
        assert tight.y0 > -0.02
        assert tight.x1 * made.figure.dpi < page.width + 2
        assert tight.y1 * made.figure.dpi < page.height + 2
        boxes = [t.get_window_extent() for ax in made.figure.axes for t in ax.texts]
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:i])
