"""A torus that a reader can turn, drawn by plotly, with a still twin for paper and for pages without scripts."""

import base64
import html
import json
import math
import re
from dataclasses import dataclass, field

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from latentsep.figures.base import PHASE_MAP, PHASE_MARKERS, Picture, canvas, colour, phase_bar, picture
from latentsep.models.latent_spaces import CliffordTorus

#: Where pages, which lie in a folder of their own, find plotly's script; ``book.add_scripts`` puts it there.
SCRIPT = "../plotly/plotly.min.js"
_CORE = math.sqrt(2)  # radius of the circle in the middle of the tube, whose own radius is 1
_VIEW = (38, -60)  # elevation and azimuth of the camera, in degrees
_DASHES = (0, (4, 1.5))
#: Lines in plotly: how far above the surface, and how they look.
_WHITE, _BLACK = (0.006, {"color": "white", "width": 7}), (0.011, {"color": "black", "width": 3.5})
_TEMPLATE = """<div class="turnable" id="@name">
<style>
.turnable-plot, .turnable-controls, .turnable.drawn .turnable-still { display: none; }
.turnable.drawn .turnable-plot { display: block; height: min(27rem, 75vw, 90vh); }
.turnable.drawn .turnable-controls { display: flex; flex-wrap: wrap; gap: 0.4em 0.8em; align-items: center;
  justify-content: center; font-size: 0.85em; }
.turnable button { padding: 0.1em 0.7em; border: 1px solid; border-radius: 0.6em; background: none; color: inherit; }
.turnable button[aria-pressed="true"] { font-weight: 700; border-width: 2px; }
.turnable i { display: inline-block; width: 9em; height: 0.8em; margin: 0 0.4em; vertical-align: middle;
  background: linear-gradient(to right, @gradient); border: 1px solid; }
.bd-content div.cell_output .text_html:has(.turnable) { background: none !important; color: inherit !important; }
@media print {
  .turnable-plot, .turnable-controls { display: none !important; }
  .turnable.drawn .turnable-still { display: block; }
}
</style>
<img class="turnable-still" alt="@alt" src="data:image/png;base64,@still">
<div class="turnable-plot" role="img" tabindex="0" aria-label="@alt"></div>
<div class="turnable-controls">
<button type="button" aria-pressed="true">colour by φ⁽¹⁾</button>
<button type="button" aria-pressed="false">colour by φ⁽²⁾</button>
<span>−π<i></i>π</span>
<span>solid: φ⁽¹⁾ constant, dashed: φ⁽²⁾ constant</span>
<span>drag or press arrow keys to turn</span>
</div>
<script type="application/json">@data</script>
<script async src="@script"></script>
<script>
(() => {
  const root = document.getElementById("@name");
  const plot = root.querySelector(".turnable-plot"), buttons = [...root.querySelectorAll("button")];
  const {first, second, surface, lines, scale} = JSON.parse(root.querySelector("script[type='application/json']").text);
  // Rows of the surface share their second phase, columns their first.
  const sheet = value => second.map(b => first.map(a => value(a, b)));
  const shades = [sheet((a, b) => a), sheet((a, b) => b)];
  const multiple = phase => (phase / Math.PI).toFixed(2).replace("-", "−") + " π";
  const hidden = {visible: false, showspikes: false};
  const layout = {
    margin: {l: 0, r: 0, t: 0, b: 0}, showlegend: false,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    scene: {xaxis: hidden, yaxis: hidden, zaxis: hidden, aspectmode: "data", dragmode: "turntable",
      bgcolor: "rgba(0,0,0,0)", camera: {eye: @eye}},
  };
  const traces = [
    {type: "surface", ...surface, surfacecolor: shades[0], colorscale: scale, cmin: -Math.PI, cmax: Math.PI,
      showscale: false, text: sheet((a, b) => "φ⁽¹⁾ = " + multiple(a) + "<br>φ⁽²⁾ = " + multiple(b)),
      hoverinfo: "text", hoverlabel: {bgcolor: "white", bordercolor: "#444", font: {color: "black", size: 14}},
      lighting: {ambient: 0.85, diffuse: 0.2, specular: 0, fresnel: 0},
      contours: {x: {highlight: false}, y: {highlight: false}, z: {highlight: false}}},
    ...lines.map(line => ({type: "scatter3d", mode: "lines", hoverinfo: "skip", ...line})),
  ];
  const draw = async () => {
    if (!document.createElement("canvas").getContext("webgl")) return;  // the still picture stays
    root.classList.add("drawn");
    try {
      await Plotly.newPlot(plot, traces, layout, {displayModeBar: false, responsive: true, scrollZoom: false});
    } catch {
      root.classList.remove("drawn");
    }
  };
  buttons.forEach((button, number) => button.addEventListener("click", () => {
    buttons.forEach(b => b.setAttribute("aria-pressed", b === button));
    Plotly.restyle(plot, {surfacecolor: [shades[number]]}, [0]);
  }));
  plot.addEventListener("keydown", event => {
    const turn = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
    if (!turn) return;
    event.preventDefault();
    const {x, y, z} = plot.layout.scene.camera.eye, far = Math.hypot(x, y, z);
    const across = Math.atan2(y, x) + turn[0] * Math.PI / 18;
    const up = Math.max(-1.5, Math.min(1.5, Math.asin(z / far) + turn[1] * Math.PI / 18));
    const eye = [Math.cos(up) * Math.cos(across), Math.cos(up) * Math.sin(across), Math.sin(up)].map(c => c * far);
    Plotly.relayout(plot, {"scene.camera.eye": {x: eye[0], y: eye[1], z: eye[2]}});
  });
  if (window.Plotly) draw();
  else root.querySelector("script[src]").addEventListener("load", draw);
})();
</script>
</div>"""


@dataclass(frozen=True)
class Turnable:
    """A closed surface over two phases that shows itself in a page, to be turned; ``still`` is seen where it cannot be.

    ``data`` holds the values of the ``first`` and ``second`` phase that make the grid, the ``surface`` and ``lines`` as
    plotly has them, and the colour ``scale``. ``name`` is the element's id in the page, and ``alt`` says what there
    is to see.
    """

    name: str
    alt: str
    data: dict[str, object] = field(repr=False)
    still: Picture = field(repr=False)

    def _repr_mimebundle_(self, **_) -> dict[str, object]:
        x, y, z = (round(c, 4) for c in 1.75 * _towards_camera())
        parts = {
            "name": self.name,
            "alt": html.escape(self.alt),
            "still": base64.b64encode(self.still.bytes("png")).decode(),
            "gradient": ", ".join(shade for _, shade in self.data["scale"]),
            "data": json.dumps(self.data, separators=(",", ":")),
            "eye": json.dumps({"x": x, "y": y, "z": z}),
            "script": SCRIPT,
        }
        return {"text/html": re.sub(f"@({'|'.join(parts)})", lambda match: parts[match[1]], _TEMPLATE)}


def turnable_torus(alt: str, phase_points: int = 60) -> Turnable:
    """The Clifford torus (thesis 11.6) after stereographic projection to R³, to be turned (thesis Fig. 11.2).

    The surface has ``phase_points`` values of each phase, evenly spaced in R³, and is coloured by either; lines are
    where one of the phases is −π, −π/2, 0 or π/2. ``alt`` is the alternative text. Raises ``ValueError`` for fewer than
    8 points.
    """
    if phase_points < 8:
        raise ValueError(f"phase_points is {phase_points!r}; choose 8 or more")
    first, second = np.linspace(-np.pi, np.pi, phase_points + 1), _evenly(phase_points + 1)
    shades = mpl.colormaps[PHASE_MAP](np.linspace(0, 1, 33))
    lines = [
        {**_coordinates(_lifted(_dashed(line) if dashed and height == _BLACK[0] else line, height)), "line": look}
        for line, dashed in _lines()
        for height, look in (_WHITE, _BLACK)
    ]
    data = {
        "first": first.round(5).tolist(),
        "second": second.round(5).tolist(),
        "surface": _coordinates(torus(*np.meshgrid(first, second))),
        "lines": lines,
        "scale": [(round(k / 32, 5), mpl.colors.to_hex(shade)) for k, shade in enumerate(shades)],
    }
    return Turnable("turnable-torus", alt, data, _still())


def stereographic(points: Tensor) -> Tensor:
    """Project points ``(..., 4)`` of the unit sphere from its pole (0, 0, 0, 1) to R³, shape ``(..., 3)``."""
    return points[..., :3] / (1 - points[..., 3:])


def torus(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where two phases (radians, one shape) are on the projected torus, shape ``(..., 3)``.

    It is a torus of revolution: φ⁽¹⁾ goes around the axis at a distance of √2, φ⁽²⁾ around a tube of radius 1.

    >>> torus(np.zeros(1), np.zeros(1)).round(3)
    array([[0.707, 0.   , 0.707]])
    """
    phases = torch.from_numpy(np.stack([first, second], -1))
    return stereographic(CliffordTorus().embed(phases)).numpy()


def _evenly(count: int) -> np.ndarray:
    """Values of the second phase from −π to π that are equally far from each other on the projected torus."""
    fine = np.linspace(-np.pi, np.pi, 4001)
    way = np.append(0, np.linalg.norm(np.diff(torus(0 * fine, fine), axis=0), axis=1).cumsum())
    return np.interp(np.linspace(0, way[-1], count), way, fine)


def _lines() -> list[tuple[np.ndarray, bool]]:
    """Closed curves ``(n, 3)`` where the first phase is constant, and then, to be dashed, the second."""
    turn = np.linspace(-np.pi, np.pi, 361)
    solid = [(torus(np.full_like(turn, p), turn), False) for p in PHASE_MARKERS]
    return solid + [(torus(turn, np.full_like(turn, p)), True) for p in PHASE_MARKERS]


def _dashed(line: np.ndarray, dash: float = 0.2) -> np.ndarray:
    """A closed curve ``(n, 3)`` with gaps (NaN) half as long as its dashes of about that length."""
    circumference = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    periods = round(circumference / (1.5 * dash))
    place = np.linspace(0, periods, len(line)) % 1
    return np.where((place > 2 / 3)[:, None], np.nan, line)


def _lifted(points: np.ndarray, height: float) -> np.ndarray:
    """Points of the torus, moved out of it, so that neither hides parts of the other."""
    axis = np.hypot(points[..., 0], points[..., 1])
    core = points * _CORE / axis[..., None] * (1, 1, 0)
    return core + (1 + height) * (points - core)


def _coordinates(points: np.ndarray) -> dict[str, list]:
    """Lists for plotly, in which a gap is None."""
    columns = np.where(np.isnan(points), None, points.round(4).astype(object))
    return {name: columns[..., k].tolist() for k, name in enumerate("xyz")}


def _towards_camera() -> np.ndarray:
    up, across = np.radians(_VIEW)
    return np.array([np.cos(up) * np.cos(across), np.cos(up) * np.sin(across), np.sin(up)])


def _hidden(points: np.ndarray) -> np.ndarray:
    """Which points ``(n, 3)`` have a part of the torus between them and the camera, which is far away."""
    way = points[:, None] + np.linspace(0.03, 5, 200)[:, None] * _towards_camera()
    distance = np.hypot(np.hypot(way[..., 0], way[..., 1]) - _CORE, way[..., 2])
    return (distance < 0.99).any(1)


@picture(dense=True)
def _still() -> Figure:
    """The torus from one side, in colours of either phase."""
    fig = canvas(7, 2.5)
    axes = fig.subplots(1, 2, subplot_kw={"projection": "3d", "computed_zorder": False, "proj_type": "ortho"})
    phases = np.linspace(-np.pi, np.pi, 151)
    grid = np.meshgrid(phases, phases)
    points = torus(*grid)
    for ax, phase, number in zip(axes, grid, (1, 2), strict=True):
        shades = mpl.colormaps[PHASE_MAP]((phase + np.pi) / (2 * np.pi))
        ax.plot_surface(*np.moveaxis(points, -1, 0), facecolors=shades, rstride=1, cstride=1, shade=False, zorder=1)
        for line, dashed in _lines():
            seen = np.where(_hidden(line)[:, None], np.nan, line)
            ax.plot(*seen.T, color="white", linewidth=1.8, zorder=2)
            ax.plot(*seen.T, color="black", linewidth=0.9, linestyle=_DASHES if dashed else "-", zorder=3)
        for value, marker in PHASE_MARKERS.items():
            pair = (value, 0.0) if number == 1 else (0.0, value)
            at = torus(*np.array(pair)[:, None])
            if not _hidden(at)[0]:
                look = {"color": colour(value), "markeredgecolor": "black", "markersize": 5}
                ax.plot(*at.T, marker, zorder=4, **look)
        ax.view_init(*_VIEW)
        ax.set_axis_off()
        ax.set_box_aspect(np.ptp(points, axis=(0, 1)), zoom=1.5)
        ax.set_title(rf"colour: $\varphi^{{({number})}}$", y=0.95)
    fig.supxlabel(r"solid: $\varphi^{(1)}$ constant, dashed: $\varphi^{(2)}$ constant", fontsize=8)
    phase_bar(fig, axes)
    return fig
