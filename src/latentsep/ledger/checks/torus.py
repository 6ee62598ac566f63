"""Checks of chapter 11: pictures with two phases, products of circles, and maps between them."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from latentsep import figures
from latentsep.data import seeds
from latentsep.data.benchmarks import ExtendedBenchmark, embed, regular_phases
from latentsep.ledger.checks.circle import parameters as parameters_of_a_circle
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.measures import topology
from latentsep.measures.estimators import gauss_hermite
from latentsep.models.circular import wrap
from latentsep.models.distributions import HeatKernel
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean
from latentsep.reductions.reductors import Linear, Projection
from latentsep.training.ensembles import Trained

DATA, TORUS = ExtendedBenchmark(), CliffordTorus()
TURN = regular_phases(400).double()
PAIRS = torch.cartesian_prod(regular_phases(20), regular_phases(20)).double()
MEAN, TIME = torch.tensor([2.5, -0.4]).double(), torch.tensor([0.3, 0.05]).double()
NEAR = 0.3  # radians, below which two codes count as of the same phases: a little over two steps of X_Vis


def written_out(phases: np.ndarray, second_index: str) -> np.ndarray:
    """Pictures by (11.1) as nested sums, ``(n, D, D)``, with the row's index i in the second sine, or the column's."""
    i, j = np.indices((DATA.side, DATA.side)) + 1
    k = {"i": i, "j": j}[second_index]
    first, second = phases.T[:, :, None, None]
    return np.sin(2 * np.pi * i / DATA.side + first) + np.sin(4 * np.pi * k / DATA.side + second)


@statement("eq-11.1")
def pictures() -> Check:
    phases = PAIRS.numpy()
    along = [np.abs(np.diff(written_out(phases, index), axis=axis)).max() for index in "ij" for axis in (1, 2)]
    # Both sines of the print vary down the rows; the text, and Fig. 11.1, have one for each direction.
    unvaried = [sum(step < 1e-9 for step in pair) for pair in (along[:2], along[2:])]
    off = float(np.abs(written_out(phases, "j") - DATA.mean(PAIRS).numpy()).max())
    return Check("directions of two in which no picture varies", unvaried[0], 1e-12, unvaried[1] + off)


@statement("eq-11.2")
def prior_of_phases() -> Check:
    """Phases drawn for a dataset are uniform and independent if all mixed moments exp(i(mφ⁽¹⁾ + nφ⁽²⁾)) vanish."""
    _, phases = DATA.sample(0.1)
    orders = [(m, n) for m in range(-2, 3) for n in range(3) if (m, n) != (0, 0)]
    moments = [torch.exp(1j * (phases @ torch.tensor(order).float())).mean().abs() for order in orders]
    off = float(max(moments)) * math.sqrt(len(phases))
    return Check(f"largest of {len(orders)} mixed moments of the phases drawn, in standard errors", off, 4)


@statement("eq-11.3")
def regular_pairs() -> Check:
    """A regular partition of a turn has equal steps all around and no phase twice."""
    count = DATA.count
    printed = [-np.pi + 2 * np.pi * np.arange(count + 1) / n for n in (50, 100)]
    ours = DATA.visualisation()[1].double().numpy()
    gaps = [max(_uneven(p) for p in pair) for pair in (printed, [np.unique(phase) for phase in ours.T])]
    return Check("largest deviation of a step from 2π/50, the seam included, in radians", gaps[0], 1e-5, gaps[1])


def _uneven(phases: np.ndarray) -> float:
    steps = np.diff(np.sort(phases), append=phases.min() + 2 * np.pi)
    return float(np.abs(steps - 2 * np.pi / DATA.count).max())


@statement("eq-11.4")
def visualisation() -> Check:
    x, phases = DATA.visualisation()
    off = np.abs(DATA.pictures(x).numpy() - written_out(phases.double().numpy(), "j")).max()
    return Check("pictures made from the four numbers that networks see, against the formula", float(off), 1e-5)


@statement("eq-11.5")
def prior() -> Check:
    off = TORUS.prior().log_prob(PAIRS.float()).exp() - 1 / (4 * math.pi**2)
    return Check("the package's prior against 1/4π²", float(off.abs().max()), 1e-6)


@statement("eq-11.6")
def embedding() -> Check:
    expected = torch.view_as_real(torch.exp(1j * PAIRS)).flatten(-2) / math.sqrt(2)
    return Check(
        "the package's embedding against exponentials", float((TORUS.embed(PAIRS) - expected).abs().max()), 1e-12
    )


@statement("eq-11.7")
def torus_as_a_set() -> Check:
    """Points whose two planes have radius 1/√2 each, against the images of their angles."""
    stream = torch.Generator().manual_seed(0)
    points = torch.nn.functional.normalize(torch.randn(1000, 2, 2, generator=stream, dtype=torch.float64), dim=-1)
    angles = torch.atan2(points[..., 1], points[..., 0])
    off = TORUS.embed(angles) - points.flatten(1) / math.sqrt(2)
    return Check("random points of the torus against the image of their angles", float(off.norm(dim=-1).max()), 1e-12)


def posterior_of(family: str) -> torch.distributions.Independent:
    """Q at ``MEAN`` and ``TIME``, from the encoder outputs that stand for them."""
    raw = torch.cat([embed(MEAN), TIME.log()[:, None]], -1).flatten()
    return CliffordTorus(Circle(family=family)).posterior(raw)


@statement("eq-11.8")
def product() -> Check:
    """The density of a pair of angles is that of one diffusion times that of the other."""
    grid = torch.cartesian_prod(TURN, TURN)[..., None]
    heat = [HeatKernel(MEAN[k], TIME[k]).log_prob(TURN).exp() for k in (0, 1)]
    exact = torch.outer(*heat).flatten()
    gaps = [
        float((posterior_of(family).log_prob(grid).exp() - exact).abs().mean() * 4 * math.pi**2)
        for family in ("published", "heat kernel")
    ]
    return Check(
        "L¹ distance from a product of heat kernels; the print takes the density of (7.5)", gaps[0], 1e-9, gaps[1]
    )


@statement("eq-11.9")
def parameters() -> Check:
    return parameters_of_a_circle()


@statement("eq-11.10")
def pushforward() -> Check:
    """E[z] under embedded samples of a product, by quadrature, against e^{−t}·Emb(μ) in each plane."""
    nodes, weights = gauss_hermite(2, 60)
    z = TORUS.embed(TORUS.rsample(posterior_of("heat kernel"), nodes))
    expected = (TORUS.embed(MEAN).unflatten(-1, (2, 2)) * (-TIME).exp()[:, None]).flatten()
    return Check("mean of embedded samples against exp(−t)·Emb(μ)", float((weights @ z - expected).abs().max()), 1e-9)


def random_matrix() -> tuple[Tensor, Tensor]:
    """A matrix ``(4, 4)`` and points of R⁴ ``(100, 4)``."""
    stream = seeds.generator(0, "maps of the torus")
    return torch.randn(4, 4, generator=stream), torch.randn(100, 4, generator=stream)


def projected(matrix: Tensor, z: Tensor) -> Tensor:
    """(11.12), one number after the other, ``(n, 4)``."""
    y = torch.stack([torch.stack([(row * point).sum() for row in matrix]) for point in z])
    radii = (y[:, 0] ** 2 + y[:, 1] ** 2).sqrt(), (y[:, 2] ** 2 + y[:, 3] ** 2).sqrt()
    return torch.stack([y[:, 0] / radii[0], y[:, 1] / radii[0], y[:, 2] / radii[1], y[:, 3] / radii[1]], -1) / 2**0.5


@statement("eq-11.11")
def matrix_of_the_map() -> Check:
    """Scaling two rows that make up an angle by the same factor leaves the map as it is; any other change does not."""
    matrix, z = random_matrix()
    family = Projection(Euclidean(4), TORUS)
    scaled = family.apply(matrix * torch.tensor([3.0, 3.0, 0.2, 0.2])[:, None], z)
    return Check(
        "angles before and after scaling of planes", float(wrap(scaled - family.apply(matrix, z)).abs().max()), 1e-5
    )


@statement("eq-11.12")
def projection() -> Check:
    """Where one of the two pairs vanishes the print divides by zero; the family takes the angle 0 there."""
    matrix, z = random_matrix()
    off = float((TORUS.embed(Projection(Euclidean(4), TORUS).apply(matrix, z)) - projected(matrix, z)).abs().max())
    plane = torch.cat([torch.zeros(50, 2), z[:50, :2]], 1)
    at_zero = projected(torch.eye(4), plane), TORUS.embed(Projection(Euclidean(4), TORUS).apply(torch.eye(4), plane))
    undefined = [int((~points.isfinite()).any(-1).sum()) for points in at_zero]
    return Check(
        "the family's points against the printed form, and points without an image, of 50 where a pair vanishes",
        off + undefined[0],
        1e-5,
        off + undefined[1],
    )


@statement("eq-11.13")
def linear_map() -> Check:
    matrix, _ = random_matrix()
    angles = PAIRS.float()
    points = torch.stack([matrix @ point for point in TORUS.embed(angles)])
    off = Linear(TORUS, Euclidean(4)).apply(matrix, angles) - points
    return Check("the family on angles against C times points of the torus", float(off.abs().max()), 1e-5)


@statement("fig-11.1")
def drawn_mean() -> Check:
    shown = np.asarray(figures.mean_picture(DATA).figure.axes[0].images[0].get_array())
    return Check(
        "the drawn picture against the formula at (0, 0)",
        float(np.abs(shown - written_out(np.zeros((1, 2)), "j")[0]).max()),
        1e-5,
    )


@statement("fig-11.2")
def drawn_torus() -> Check:
    """Lift the drawn surface back to the sphere in R⁴: in both planes its radius must be 1/√2."""
    surface = figures.turnable_torus("a torus").data["surface"]
    p = np.stack([np.array(surface[axis]) for axis in "xyz"], -1)
    square = (p**2).sum(-1, keepdims=True)
    lifted = np.concatenate([2 * p, square - 1], -1) / (square + 1)
    radii = np.linalg.norm(lifted.reshape(*p.shape[:-1], 2, 2), axis=-1)
    return Check("radii of the drawn surface, lifted back to R⁴, against 1/√2", np.abs(radii - 0.5**0.5).max(), 1e-4)


def holes(numbers: Sequence[tuple[int, ...]]) -> Check:
    """Fig. 11.3, from ``homology.betti``: do the codes in R⁴ have the holes of a torus?"""
    wrong = sum(found != (1, 2, 1) for found in numbers)
    return Check(f"members of {len(numbers)} whose codes do not have the Betti numbers 1, 2, 1", wrong, 0)


def recovered(published: Trained, corrected: Trained) -> Check:
    """Fig. 11.4: does each angle follow one phase around, untorn?"""
    found = (topology.outcome(topology.degree_matrices(t)) for t in (published, corrected))
    lost = [int((outcome != "recovered").sum()) for outcome in found]
    return Check(
        f"members of {len(published.run.members)} whose degrees have no determinant of ±1, untorn", lost[0], 0, lost[1]
    )


def strayed(
    own: dict[str, Tensor], mapped: dict[tuple[str, str], Tensor], phases: Tensor
) -> dict[tuple[str, str], float]:
    """How far, in radians, the phases of the code nearest to a mapped one are from its own; the mean for each map.

    Codes are points ``(n, 4)``, and ``phases`` has shape ``(n, 2)``; the larger of two differences counts.
    """
    found = {}
    for (source, target), points in mapped.items():
        nearest = torch.cdist(points, own[target]).argmin(-1)
        found[source, target] = float(wrap(phases[nearest] - phases).abs().amax(-1).mean())
    return found


def same_phases(own: dict[str, Tensor], mapped: dict[tuple[str, str], Tensor], phases: Tensor) -> Check:
    """Fig. 11.5: does a mapped code come to lie among codes of the same phases?"""
    astray = sum(off > NEAR for off in strayed(own, mapped, phases).values())
    return Check(f"maps of {len(mapped)} whose codes land more than {NEAR} rad away on average", astray, 0)
