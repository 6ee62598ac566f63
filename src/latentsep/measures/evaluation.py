"""What is measured on a trained ensemble (thesis §5.5), and the best value it could take."""

import math

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize_scalar
from scipy.special import ive
from torch import Tensor

from latentsep.data import seeds
from latentsep.measures.estimators import kl_as_printed
from latentsep.models.distributions import HeatKernel
from latentsep.training.ensembles import Trained

QUANTITIES = ("neg_elbo", "kl", "reconstruction", "mse")


@torch.no_grad()
def measure(trained: Trained, x: Tensor, samples: int = 100, seed: int = 0) -> pd.DataFrame:
    """Return −ELBO, KL, reconstruction error (nats) and MSE of every member, averaged over ``x``.

    ``x`` has shape ``(batch, D)``, or ``(members, batch, D)`` if members see different data. The
    reconstruction error is estimated with ``samples`` draws per datapoint (thesis 5.9, with the ½ that
    the print drops), the KL is what the latent space takes it to be (5.10, 7.9), and the MSE is that of
    decoding μ_Z(x) (5.7, 5.8); all are those of the data space. ``error`` is the standard error of
    −ELBO that comes from the choice of samples (NaN for a single one). One row per member, in the order
    of ``trained.run.members``.
    """
    run, vae = trained.run, trained.vae
    noise = torch.empty(vae.members, samples, x.shape[-2], run.space.noise_features)
    for member, block in zip(run.members, noise, strict=True):
        block.normal_(generator=seeds.generator(seed, run.seed_of(member), "evaluation"))
    # One draw for every datapoint at a time: the spread over draws is the error.
    parts = torch.stack([torch.stack(vae(x, draw[None])).double().mean(-1) for draw in noise.transpose(0, 1)])
    mse = squared_errors(trained, x).double().mean(-1)
    (reconstruction, kl), spread = parts.mean(0), parts.sum(1).var(0, correction=0)
    reconstruction = reconstruction + torch.tensor([run.data.outside(m.sigma_x) for m in run.members]).double()
    error = (spread / (samples - 1)).sqrt() if samples > 1 else spread * math.nan
    columns = dict(zip(QUANTITIES, (reconstruction + kl, kl, reconstruction, mse), strict=True)) | {"error": error}
    members = pd.DataFrame([vars(m) for m in run.members])
    return members.assign(**{name: values.numpy() for name, values in columns.items()})


@torch.no_grad()
def latents(trained: Trained, x: Tensor) -> Tensor:
    """The latent representations μ_Z(x), ``(members, batch, d)``, of ``x`` as ``measure`` takes it (thesis §5.4)."""
    return trained.run.space.location(trained.vae.posterior(x))


@torch.no_grad()
def squared_errors(trained: Trained, x: Tensor) -> Tensor:
    """‖x − μ_X(μ_Z(x))‖², ``(members, batch)``, of ``x`` as ``measure`` takes it (thesis 5.7)."""
    return (x - trained.vae.decode(latents(trained, x))).square().sum(-1) * trained.run.data.unit**2


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over repetitions, indexed by dataset and σ_X.

    The columns are ``(quantity, "mean" | "std" | "count")``; the deviation has n − 1 in its denominator.
    """
    return measured.groupby(["dataset", "sigma_x"])[list(QUANTITIES)].agg(["mean", "std", "count"])


def by_cell(measured: pd.DataFrame) -> dict[tuple[str, str], tuple[float, float, int]]:
    """The same, addressed as the ledger does: ``("x0.1/sx1", "mse")`` to mean, deviation, count."""
    found = {}
    table = summarise(measured)
    for dataset, sigma_x in table.index:
        for quantity in QUANTITIES:
            mean, std, count = (float(v) for v in table.loc[(dataset, sigma_x), quantity])
            found[f"x{dataset:g}/sx{sigma_x:g}", quantity] = (mean, 0.0 if math.isnan(std) else std, int(count))
    return found


def evidence_floor(dimension: int, sigma_x: float, circles: int = 1) -> float:
    """The least mean of −log p(x), in nats, over noiseless data of ``circles`` random phases, for any model at all.

    The data are those of the benchmarks (5.1) and (11.1): a circle of squared radius D/2 for each phase,
    in planes at right angles. For every latent space, prior and decoder the model density is a mixture of
    N(·, σ_X² I), and the best mixture for data uniform on circles is uniform on circles of radius a times
    theirs. The mean of −log p is then ``D/2·log(2πσ²) + k(D/4·(1 + a²)/σ² − log I₀(aD/(2σ²)))`` for k
    circles, to be minimised over a; for σ_X² ≥ D/4 the best circle is its centre. No negative ELBO averaged
    over all phases is lower. (One averaged over finitely many phases could be, for a model that knew just
    these.)

    >>> round(evidence_floor(25, 1.0), 3)
    25.134
    """
    radius_squared = dimension / 2
    variance = sigma_x**2

    def value(a: float) -> float:
        argument = a * radius_squared / variance
        log_bessel = math.log(ive(0, argument)) + argument
        constant = dimension / 2 * math.log(2 * math.pi * variance)
        return constant + circles * (radius_squared * (1 + a**2) / (2 * variance) - log_bessel)

    return float(minimize_scalar(value, bounds=(0.0, 1.5), method="bounded", options={"xatol": 1e-12}).fun)


def floors(measured: pd.DataFrame, dimension: int) -> dict[str, float]:
    """The evidence floor of every measured cell, addressed as in ``by_cell`` without the quantity."""
    return {f"x{s:g}/sx{sx:g}": evidence_floor(dimension, sx) for s, sx in summarise(measured).index}


@torch.no_grad()
def sampled_bound(trained: Trained, measured: pd.DataFrame, x: Tensor) -> pd.Series:
    """The −ELBO, in nats, that belongs to the angles each member of an S¹ ensemble really samples.

    Whatever KL a member was trained with, its samples are wrapped normal; with the exact KL of that
    law and the reconstruction error of ``measured`` (same members, same ``x``) the sum is a valid
    bound on −log p(x).
    """
    posterior = trained.vae.posterior(x).base_dist
    law = HeatKernel(posterior.loc, posterior.scale.square() / 2, validate_args=False)
    return measured["reconstruction"] + law.kl_to_uniform().sum(-1).double().mean(-1).numpy()


def roughness(points: Tensor) -> np.ndarray:
    """The longest step along closed curves ``(..., n, d)``, in units of their median step.

    >>> float(roughness(torch.eye(2).repeat(2, 1))[()])
    1.0
    """
    steps = (points - points.roll(1, -2)).norm(dim=-1)
    return (steps.amax(-1) / steps.median(-1).values).numpy()


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
