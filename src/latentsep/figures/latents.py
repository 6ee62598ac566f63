"""Pictures of the benchmark data and of learned latent spaces (thesis Figs 5.1 to 5.4)."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure

from latentsep.data.benchmarks import Benchmark, embed, regular_phases
from latentsep.figures.base import PHASE_LABELS, canvas, colour, phase_bar, picture, scatter_phases
from latentsep.figures.circle import posterior_arcs
from latentsep.models.latent_spaces import Circle
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Run

_FINE = 400  # points of a curve that should look smooth


@picture
def sine(data: Benchmark, phase: float = 0.0) -> Figure:
    """F(φ) for one phase (radians): the D entries, and the sine they are taken from (thesis Fig. 5.1)."""
    fig = canvas(5.2, 2.4)
    ax = fig.subplots()
    t = np.linspace(0, data.dimension, _FINE)
    ax.plot(t, np.sin(2 * np.pi * t / data.dimension + phase), color="0.6")
    values = data.mean(torch.tensor(float(phase)))
    ax.plot(np.arange(1, data.dimension + 1), values, "o")
    ax.set(xlabel="index $j$", ylabel=r"$f_j(\varphi)$", xlim=(0, data.dimension + 0.5))
    return fig


@picture
def datapoints(data: Benchmark, sigmas: Sequence[float], phase: float = 0.0) -> Figure:
    """One datapoint at the same phase under each noise level, beside F(φ) (thesis Fig. 5.2)."""
    fig = canvas(7, 2.3)
    j = np.arange(1, data.dimension + 1)
    mean = data.mean(torch.tensor(float(phase)))
    for ax, sigma in zip(fig.subplots(1, len(sigmas), sharex=True, sharey=True), sigmas, strict=True):
        x, phases = data.sample(sigma)
        # The noise of the first datapoint drawn, moved to the phase that is shown.
        shown = mean + x[0] - data.mean(phases[0])
        ax.plot(j, mean, "--", color="0.6", label=r"$F(\varphi)$")
        ax.plot(j, shown, "o:", linewidth=0.8, label="$x$")
        ax.set(title=rf"$\sigma = {sigma:g}$", xlabel="index $j$")
    fig.axes[0].set_ylabel("$x_j$")
    fig.axes[0].legend(loc="lower left")
    return fig


@picture
def embedded_phases(data: Benchmark, count: int = 100, shown: int = 8) -> Figure:
    """The regular phases on the unit circle, with F(φ) drawn at some of them (thesis Fig. 5.3)."""
    fig = canvas(4.6, 4.3)
    ax = fig.subplots()
    phases = regular_phases(count)
    scatter_phases(ax, embed(phases), phases, size=14)
    for phase in regular_phases(shown):
        x, y = (1.42 * embed(phase)).numpy()  # in single precision, as the phases are
        inset = ax.inset_axes((x - 0.3, y - 0.17, 0.6, 0.34), transform=ax.transData)
        inset.plot(np.arange(1, data.dimension + 1), data.mean(phase), color="0.25", linewidth=1.2)
        inset.set(xticks=[], yticks=[], ylim=(-1.15, 1.15))
        inset.spines[:].set(visible=True, color=colour(float(phase)), linewidth=1.8)
    ax.set(xlim=(-1.85, 1.85), ylim=(-1.75, 1.75), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    ax.set(xlabel=r"$\cos\varphi$", ylabel=r"$\sin\varphi$")
    phase_bar(fig, [ax])
    return fig


@picture
def latent_grid(
    trained: Trained | dict[str, Trained],
    repetition: int = 0,
    count: int = 100,
    notes: dict[str, Sequence[str]] | Sequence[str] | None = None,
) -> Figure:
    """The learned posteriors of X_Vis, one panel per dataset (row) and σ_X (column) (thesis Figs 5.4, 7.1, 10.2, 10.3).

    Markers are the means μ_Z(x) of noiseless data at ``count`` regular phases, coloured by phase. In the plane
    ellipses, on the circle arcs, reach one standard deviation to either side (5.6, 7.11). Several ensembles, by
    name, stand below each other. ``notes`` has a short text for every member (by the same names), drawn below its
    panel. Raises ``ValueError`` for another number of notes.
    """
    ensembles = trained if isinstance(trained, dict) else {"": trained}
    texts: dict[str, Sequence[str]] = dict(notes) if isinstance(notes, dict) else {} if notes is None else {"": notes}
    if set(texts) - set(ensembles):
        raise ValueError(f"notes is for {', '.join(map(repr, texts))}; choose from {', '.join(map(repr, ensembles))}")
    for name, t in ensembles.items():
        members = len(t.run.members)
        if len(texts.setdefault(name, [""] * members)) != members:
            raise ValueError(f"notes has {len(texts[name])} entries; choose {members}, one for each member")
    rows = [(name, d) for name, t in ensembles.items() for d in sorted({m.dataset for m in t.run.members})]
    columns = sorted({m.sigma_x for t in ensembles.values() for m in t.run.members}, reverse=True)
    phases = regular_phases(count)
    lines = max(len(text.splitlines()) for several in texts.values() for text in several)
    fig = canvas(7, (1.9 + 0.15 * lines) * len(rows) + 0.5)
    axes = fig.subplots(len(rows), len(columns), squeeze=False)
    for name, t in ensembles.items():
        with torch.no_grad():
            posterior = t.vae.posterior(t.run.loop(phases)).base_dist
        for index, member in enumerate(t.run.members):
            if member.repetition != repetition:
                continue
            ax = axes[rows.index((name, member.dataset)), columns.index(member.sigma_x)]
            if isinstance(t.run.space, Circle):
                posterior_arcs(ax, posterior.loc[index, :, 0], posterior.scale[index, :, 0], phases)
            else:
                posterior_ellipses(ax, posterior.loc[index], posterior.scale[index], phases)
            ax.set_xlabel(texts[name][index], fontsize=7)
    for ax, sigma_x in zip(axes[0], columns, strict=True):
        ax.set_title(rf"$\sigma_X = {sigma_x:g}$")
    for ax, (name, dataset) in zip(axes[:, 0], rows, strict=True):
        ax.set_ylabel(_row_label(name, ensembles[name].run, dataset))
    phase_bar(fig, axes)
    return fig


def _row_label(name: str, run: Run, dataset: float) -> str:
    if isinstance(run.data, Benchmark):
        return rf"data with $\sigma = {dataset:g}$"
    if name:
        return name
    return f"dataset {dataset:g}" if len({m.dataset for m in run.members}) > 1 else ""


def posterior_ellipses(ax: Axes, mean: torch.Tensor, std: torch.Tensor, phases: torch.Tensor) -> None:
    """Draw normal posteriors in the plane: means coloured by phase, ellipses one standard deviation wide."""
    colours = [colour(float(p)) for p in phases]
    ellipses = EllipseCollection(
        2 * std[:, 0], 2 * std[:, 1], np.zeros(len(std)), units="xy", offsets=mean, transOffset=ax.transData,
        facecolors="none", edgecolors=colours, linewidths=0.5, alpha=0.7,
    )  # fmt: skip
    ax.add_collection(ellipses)
    scatter_phases(ax, mean, phases)
    reach = 1.12 * float((mean.abs() + std).max())
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.locator_params(nbins=5)


def angle_axes(ax: Axes) -> None:
    """Axes from −π to π, both of them."""
    ends = {phase: PHASE_LABELS[phase] for phase in (-np.pi, 0.0, np.pi)}
    ax.set_xticks(list(ends), labels=list(ends.values()))
    ax.set_yticks(list(ends), labels=list(ends.values()))
    ax.set(xlim=(-np.pi, np.pi), ylim=(-np.pi, np.pi))
