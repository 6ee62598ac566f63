"""Checks of the drawings of chapter 9, by what is drawn in them."""

import numpy as np
import torch

from latentsep import figures
from latentsep.data.benchmarks import embed, regular_phases
from latentsep.ledger.checks.reduction import FAMILIES, atan2
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check


@statement("fig-9.1")
def two_paths() -> Check:
    """The shafts of the drawing: two for each network, one for the map, and one head each."""
    lines = figures.commuting_square().figure.axes[0].lines
    shafts: dict[str, int] = {}
    for line in lines:
        # A shaft has two ends, a head three corners.
        if len(line.get_xdata()) == 2:
            (x0, x1), (y0, y1) = line.get_xdata(), line.get_ydata()
            name = "across" if abs(y0 - y1) < 0.1 else "down" if abs(x0 - x1) < 0.1 else "up"
            shafts[name] = shafts.get(name, 0) + 1
    wrong = sum(shafts.get(name, 0) != count for name, count in {"across": 2, "down": 1, "up": 2}.items())
    tips = sorted(tuple(float(v) for v in line.get_xydata()[1]) for line in lines if len(line.get_xdata()) == 3)
    # One head at Z₂, on the left below, and two at X, on the right above.
    wrong += [(x > 1.5, y > 1) for x, y in tips] != [(False, False), (True, True), (True, True)]
    return Check("arrows of the drawing that are not double for a network and single for the map", wrong, 0)


@statement("fig-9.2")
def labels() -> Check:
    """The parameter in each label of the drawing against Table 9.1; the print labels all six θ'."""
    drawing = figures.mapping_triangle(FAMILIES)
    drawn = [text.get_text() for text in drawing.figure.axes[0].texts if "^{(" in text.get_text()]
    arrows = drawing.shapes("FancyArrowPatch")
    names = {"R²": r"\mathbb{R}^2", "S¹": "S^1", "Φ": r"\Phi"}
    into_plane = [k for k in FAMILIES if k[1] == "R²"]
    symbols = {k: "C" if k in into_plane else r"\theta'" for k in FAMILIES}
    expected = {f"$M^{{({symbol})}}_{{{names[a]};{names[b]}}}$" for (a, b), symbol in symbols.items()}
    solid = sum(arrow.get_linestyle() == "-" for arrow in arrows)
    wrong = len(expected.symmetric_difference(drawn)) + abs(len(arrows) - len(FAMILIES)) + abs(solid - len(into_plane))
    return Check("labels of six whose parameter is not that of Table 9.1", len(into_plane), 0, wrong)


def last_panel(picture: figures.Picture, panels: int) -> np.ndarray:
    """The points that the last of a row of panels shows first, ``(n, 2)``."""
    return np.asarray(picture.figure.axes[panels - 1].collections[0].get_offsets())


@statement("fig-9.3")
def matrix_drawing() -> Check:
    matrix, phases = torch.tensor([[0.4, 1.1], [0.9, -0.2]]), regular_phases(100)
    shown = last_panel(figures.matrix_steps(matrix, embed(phases), phases), 4)
    gap = np.abs(shown - (embed(phases) @ matrix.mT).numpy()).max()
    return Check("points of the last panel against C·z", float(gap), 1e-5)


@statement("fig-9.4")
def rotation_drawing() -> Check:
    phases, theta = regular_phases(100), torch.tensor([0.8])
    points = 1.4 * embed(phases + 0.3 * phases.sin())
    shown = last_panel(figures.rotation_steps(FAMILIES["R²", "Φ"], theta, points, phases), 3)
    gap = np.abs(shown - embed(atan2(points) + theta).numpy()).max()
    return Check("points of the last panel against the angle turned by θ'", float(gap), 1e-5)
