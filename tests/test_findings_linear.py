"""Chapter 6's numbers, from grids and tables made by hand and from autoencoders with the weights of Theorem 3."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from planted import by_hand

from latentsep.data.benchmarks import Benchmark
from latentsep.findings import linear as findings
from latentsep.ledger import ledger
from latentsep.measures import evaluation
from latentsep.models.latent_spaces import Euclidean
from latentsep.theory import linear
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run

DATA = Benchmark()
RING = math.sqrt(12.5)
SIGMAS = (0.01, 0.1, 1.0)


def test_the_scale_of_the_benchmark():
    told = findings.scale(DATA)
    # A constant, and cosine and sine of 24 frequencies; those of k and 25 − k are the same but for a sign.
    assert (told.family, told.rank) == (49, 25)
    assert told.length == pytest.approx(RING)
    assert told.norm == pytest.approx(RING, rel=1e-6)
    assert told.noise_orthonormal == pytest.approx(1, abs=0.02)
    assert told.noise_printed == pytest.approx(told.noise_orthonormal / RING)


def test_the_plane_holds_all_datapoints():
    x = DATA.visualisation()[0].double()
    axes = findings.plane(DATA)
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(x @ axes.T @ axes, x, atol=1e-5)


# Minimisation


def test_distances_are_the_largest_in_each_region_over_both_radii():
    ratios = np.array([0.5, 0.9, 1.0, 2.0])
    corrected = np.array([[[2.0, 1.0, 0.0, 0.0], [3.0, 2.0, 0.0, 0.0]]])  # one σ, two σ_Z
    found = np.stack([corrected, corrected], -1)
    found[0, 0, 1, 1] += 0.25
    found[0, 1, 2, 0] -= 0.125
    grid = {"ratio": np.broadcast_to(ratios, (1, 2, 4)), "found": found, "corrected": corrected}
    grid |= {"statement": corrected + 1, "proof": corrected + [0, 0, 0, 5]}
    table = findings.distances(grid, ratios)
    assert table.loc["corrected (6.12)"].tolist() == [0.25, 0.125, 0]
    assert table.loc["(6.12) as printed"].tolist() == [1, 1.125, 1]
    assert table.loc["root of (6.17) as printed"].tolist() == [0.25, 0.125, 5]
    told = findings.minimised(grid, table)
    assert (told.problems, told.worst, told.worst_printed, told.worst_proof) == (8, 0.25, 1.125, 5)


# Networks


def measured() -> pd.DataFrame:
    """Two networks for each σ, of which one finds 2 more than the other."""
    rows = [
        {"dataset": s, "repetition": r, **dict.fromkeys(findings.HEADINGS, s + 2 * r)} for s in SIGMAS for r in (0, 1)
    ]
    return pd.DataFrame(rows)


def test_theory_networks_and_print_stand_side_by_side():
    predicted = {s: dict.fromkeys(findings.HEADINGS, s / 3) | {"radius": 1.25} for s in SIGMAS}
    table = findings.comparison(measured(), predicted)
    assert table.index.tolist() == [
        (s, who) for s in ("0.01", "0.1", "1") for who in ("linear theory", "our networks", "thesis")
    ]
    assert table.columns.tolist() == ["−ELBO", "KL", "reconstruction", "MSE", "radius"]
    assert table.loc[("1", "linear theory")].tolist() == ["0.333"] * 4 + ["1.250"]
    assert table.loc[("0.1", "our networks"), "MSE"] == "1.100 ± 1.414"
    kl = ledger.cells("table-5.1")["x0.1/sx1"]["kl"]
    assert table.loc[("0.1", "thesis"), "KL"] == f"{kl.mean:.4g} ± {kl.std:.2g}"
    assert table.loc[("0.1", "thesis"), "radius"] == ""
    once = findings.comparison(measured()[::2], predicted)
    assert once.loc[("1", "our networks"), "KL"] == "1.000 ± 0.000"


def optimal(flat: float = 1.0) -> Trained:
    """Linear networks with the best weights for σ_X = 1; with ``flat`` below 1 the last squeezes one coordinate."""
    run = Run(tuple(Member(s, 1.0) for s in SIGMAS), DATA, Euclidean(2), updates=0)
    trained, axes = by_hand(run), findings.plane(DATA)
    for i, s in enumerate(SIGMAS):
        gamma = linear.variance(s, RING)
        encoder, decoder = linear.optimum(gamma, linear.learned_std(gamma, 1.0), 1.0)
        trained.vae.encoder.layers[0].weight[i, :2] = float(encoder) * axes
        trained.vae.decoder.layers[0].weight[i] = float(decoder) * axes.T
    trained.vae.encoder.layers[0].weight[2, 1] *= flat
    return trained


def summary(trained: Trained, found: pd.DataFrame) -> findings.Networks:
    codes = evaluation.latents(trained, DATA.visualisation()[0].to(trained.vae.sigma_x.dtype))
    theory = {s: {"kl": 2 + s, "radius": 1.3 - s} for s in SIGMAS}
    columns = ["gained by bending", "lost to the posterior", "still above the floor"]
    parts = pd.DataFrame([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]], index=list(SIGMAS), columns=columns)
    return findings.networks(trained, codes.float(), found, theory, parts)


FOUND = pd.DataFrame({"dataset": SIGMAS, **dict.fromkeys(findings.HEADINGS, 1.0)})


def test_networks_with_the_weights_of_the_theorem_decode_halves_as_it_says():
    told = summary(optimal(), FOUND)
    for s, value in ((0.1, told.halfway), (1.0, told.halfway_noisy)):
        assert value == pytest.approx(0.5 * (1 - 1 / (25 / 4 + s**2)), rel=1e-5)
    assert told.halfway_linear == pytest.approx(told.halfway_noisy, rel=1e-5)
    assert told.shrink == pytest.approx(1 / (25 / 4 + 0.01))
    assert told.oval == pytest.approx(0, abs=1e-4)
    assert told.carried == pytest.approx(1, abs=1e-9)


def test_what_a_code_carries_is_told_of_networks_trained_on_noise():
    told = summary(optimal(0.0), FOUND)
    x = DATA.sample(1.0)[0][:2000].double().numpy() @ findings.plane(DATA).numpy().T
    assert told.carried == pytest.approx(np.corrcoef(np.abs(x[:, 0]), np.hypot(*x.T))[0, 1])
    # |cos φ| has mean 2/π and mean square ½.
    assert told.oval == pytest.approx(100 * math.sqrt(0.5 / (2 / math.pi) ** 2 - 1), rel=0.01)


def test_networks_are_told_beside_theory_and_print():
    trained, found = optimal(), FOUND.assign(kl=[2.5, 2.0, 3.0], radius=[1.29, 1.0, 0.375])
    trained.vae.float()
    told = summary(trained, found)
    # By the printed scale Γ is ½ + 1 for σ = 1, and each of two directions keeps ½ log Γ.
    assert told.kl_literal == pytest.approx(math.log(1.5))
    thesis = [ledger.cells("table-5.1")[f"x{s:g}/sx1"]["kl"].mean for s in SIGMAS]
    assert (told.kl_thesis_least, told.kl_thesis_most) == (min(thesis), max(thesis))
    assert (told.kl_linear_least, told.kl_linear_most) == (2.01, 3.0)
    assert told.kl_gap == 20  # 2.01 against 2.5, which is 19.6 %
    assert summary(trained, found.assign(radius=[1.29, 1.0, 0.4])).radius_gap == 25  # 0.3 against 0.4
    assert summary(trained, found.assign(radius=[1.29, 0.9, 0.3])).radius_gap == 34  # 1.2 against 0.9
    assert (told.shift_linear, told.shift_ours) == ("−0.90", "−0.62")
    assert (told.bending, told.lost, told.left, told.left_noisy) == (4, 5, 6, 9)
    # The networks are left as they were.
    assert next(trained.vae.parameters()).dtype == torch.float32
