"""What is measured on a trained ensemble (thesis §5.5), and the best value it could take."""

import math

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize_scalar
from scipy.special import ive
from torch import Tensor

from latentsep import seeds
from latentsep.ensembles import Trained
from latentsep.estimators import kl_as_printed

QUANTITIES = ("neg_elbo", "kl", "reconstruction", "mse")


@torch.no_grad()
def measure(trained: Trained, x: Tensor, samples: int = 100, seed: int = 0) -> pd.DataFrame:
    """Return −ELBO, KL, reconstruction error (nats) and MSE of every member, averaged over ``x``.

    ``x`` has shape ``(batch, D)``. The reconstruction error is estimated with ``samples`` draws per
    datapoint (thesis 5.9, with the ½ that the print drops), the KL is exact (5.10), and the MSE is
    that of decoding μ_Z(x) (5.7, 5.8). One row per member, in the order of ``trained.run.members``.
    """
    run, vae = trained.run, trained.vae
    rows = []
    noise = torch.empty(vae.members, samples, len(x), run.space.noise_features)
    for member, block in zip(run.members, noise, strict=True):
        block.normal_(generator=seeds.generator(seed, run.seed_of(member), "evaluation"))
    reconstruction, kl = vae(x, noise.transpose(0, 1))
    mse = (x - vae.decode(latents(trained, x))).square().sum(-1)
    columns = [v.double().mean(-1).tolist() for v in (reconstruction + kl, kl, reconstruction, mse)]
    for member, values in zip(run.members, zip(*columns, strict=True), strict=True):
        rows.append({**vars(member), **dict(zip(QUANTITIES, values, strict=True))})
    return pd.DataFrame(rows)


@torch.no_grad()
def latents(trained: Trained, x: Tensor) -> Tensor:
    """The latent representations μ_Z(x), shape ``(members, batch, d)``, of datapoints ``(batch, D)`` (thesis §5.4)."""
    return trained.run.space.location(trained.vae.posterior(x))


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over repetitions, indexed by dataset and σ_X.

    The columns are ``(quantity, "mean" | "std" | "count")``; the deviation has n − 1 in its denominator.
    """
    return measured.groupby(["dataset", "sigma_x"])[list(QUANTITIES)].agg(["mean", "std", "count"])


def by_cell(measured: pd.DataFrame) -> dict[tuple[str, str], tuple[float, float, int]]:
    """The same, addressed as the ledger does: ``("x0.1/sx1", "mse")`` to mean, deviation, count."""
    found = {}
    for (dataset, sigma_x), row in summarise(measured).iterrows():
        for quantity in QUANTITIES:
            mean, std, count = (float(v) for v in row[quantity])
            found[f"x{dataset:g}/sx{sigma_x:g}", quantity] = (mean, 0.0 if math.isnan(std) else std, int(count))
    return found


def evidence_floor(dimension: int, sigma_x: float) -> float:
    """The least mean of −log p(x), in nats, over noiseless benchmark data of random phase, for any model at all.

    For every latent space, prior and decoder the model density is a mixture of N(·, σ_X² I), and the
    best mixture for data uniform on a circle is uniform on a circle of radius a times theirs. The
    mean of −log p is then ``D/2·log(2πσ²) + D/4·(1 + a²)/σ² − log I₀(aD/(2σ²))``, to be minimised
    over a; for σ_X² ≥ D/4 the best circle is its centre. No negative ELBO averaged over all phases is
    lower. (One averaged over finitely many phases could be, for a model that knew just these.)

    >>> round(evidence_floor(25, 1.0), 3)
    25.134
    """
    radius_squared = dimension / 2
    variance = sigma_x**2

    def value(a: float) -> float:
        argument = a * radius_squared / variance
        log_bessel = math.log(ive(0, argument)) + argument
        constant = dimension / 2 * math.log(2 * math.pi * variance)
        return constant + radius_squared * (1 + a**2) / (2 * variance) - log_bessel

    return float(minimize_scalar(value, bounds=(0.0, 1.5), method="bounded", options={"xatol": 1e-12}).fun)


def floors(measured: pd.DataFrame, dimension: int) -> dict[str, float]:
    """The evidence floor of every measured cell, addressed as in ``by_cell`` without the quantity."""
    return {f"x{s:g}/sx{sx:g}": evidence_floor(dimension, sx) for s, sx in summarise(measured).index}


def winding(angles: Tensor | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how often closed sequences of angles turn, and their largest step.

    ``angles`` in radians, shape ``(..., n)``, the last followed by the first. The winding number
    means something only where the largest step (radians, in [0, π]) is well below π.

    >>> float(winding(np.linspace(0, 4 * np.pi, 50, endpoint=False))[0])
    2.0
    """
    angles = np.asarray(angles, dtype=np.float64)
    steps = np.diff(angles, axis=-1, append=angles[..., :1])
    wrapped = (steps + np.pi) % (2 * np.pi) - np.pi
    return np.round(wrapped.sum(-1) / (2 * np.pi)), np.abs(wrapped).max(-1)


def roughness(points: Tensor) -> np.ndarray:
    """The longest step along closed curves ``(..., n, d)``, in units of their median step.

    >>> float(roughness(torch.eye(2).repeat(2, 1))[()])
    1.0
    """
    steps = (points - points.roll(1, -2)).norm(dim=-1)
    return (steps.amax(-1) / steps.median(-1).values).numpy()


def plane_angles(points: Tensor) -> np.ndarray:
    """Angles, in radians, of points ``(..., n, 2)`` of the plane as seen from their centroid."""
    centred = (points - points.mean(-2, keepdim=True)).numpy()
    return np.arctan2(centred[..., 1], centred[..., 0])


@torch.no_grad()
def kl_with_norm(trained: Trained, x: Tensor) -> np.ndarray:
    """The mean KL regularisation that (5.10) would give as printed, with ‖log σ²‖₁ a norm, for each member."""
    posterior = trained.vae.posterior(x).base_dist
    return kl_as_printed(posterior.loc, posterior.scale).mean(-1).numpy()


def without_half(measured: pd.DataFrame, dimension: int) -> pd.Series:
    """The reconstruction errors that (5.9) would give as it is printed, with no ½ on the squared error."""
    constant = dimension / 2 * np.log(2 * np.pi * measured["sigma_x"] ** 2)
    return 2 * measured["reconstruction"] - constant


def over_datasets(
    ensembles: dict[object, Trained], datasets: dict[str, Tensor], samples: int = 10, seed: int = 0
) -> pd.DataFrame:
    """Mean −ELBO of each ensemble (rows, sorted) on each dataset ``(batch, D)`` (columns), in nats."""
    rows = {
        key: {name: measure(trained, x, samples, seed)["neg_elbo"].mean() for name, x in datasets.items()}
        for key, trained in ensembles.items()
    }
    return pd.DataFrame(rows).T.sort_index()


def compare(variants: dict[str, pd.DataFrame], printed: dict) -> dict[str, pd.DataFrame]:
    """Per quantity, the means of several variants and of the print (last row), over the cells they share.

    ``printed`` is what ``ledger.cells`` returns.
    """
    means = {name: summarise(measured) for name, measured in variants.items()}
    shared = sorted(set.intersection(*(set(m.index) for m in means.values())))
    tables = {}
    for quantity in QUANTITIES:
        rows = {name: m[quantity]["mean"].loc[shared] for name, m in means.items()}
        rows["thesis"] = [printed[f"x{s:g}/sx{sx:g}"][quantity].mean for s, sx in shared]
        table = pd.DataFrame(rows, index=pd.MultiIndex.from_tuples(shared, names=["σ", "σ_X"])).T
        tables[quantity] = table
    return tables
