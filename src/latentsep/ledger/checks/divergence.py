"""Checks of chapter 8: the Kullback–Leibler divergence of two normal distributions."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from latentsep.data import seeds
from latentsep.ledger.checks.examples import DRAWS, ERRORS, errors_off
from latentsep.ledger.checks.registry import statement
from latentsep.ledger.ledger import Check
from latentsep.reductions.generative import kl_isotropic, kl_normals

Normals = tuple[Tensor, Tensor, Tensor, Tensor]  # means ``(4,)`` and, as the second and last, covariances or σ


def correlated() -> list[Normals]:
    """Two correlated normal distributions, both ways round."""
    stream = seeds.generator(0, "normals")
    means = torch.randn(2, 4, generator=stream, dtype=torch.float64)
    roots = torch.randn(2, 4, 4, generator=stream, dtype=torch.float64)
    (m1, m2), (s1, s2) = means, roots @ roots.mT + 0.3 * torch.eye(4, dtype=torch.float64)
    return [(m1, s1, m2, s2), (m2, s2, m1, s1)]


def isotropic() -> list[Normals]:
    """Two normal distributions with equal σ, and with the larger one first or second."""
    (m1, _, m2, _), _ = correlated()
    sigmas = torch.tensor([[0.1, 0.1], [0.1, 0.3], [0.3, 0.1]], dtype=torch.float64)
    return [(m1, s1, m2, s2) for s1, s2 in sigmas]


def _pair(m1: Tensor, s1: Tensor, m2: Tensor, s2: Tensor) -> list[MultivariateNormal]:
    eye = torch.eye(len(m1), dtype=m1.dtype)
    return [MultivariateNormal(m, s if s.ndim else s**2 * eye) for m, s in ((m1, s1), (m2, s2))]


def _by_library(cases: list[Normals], *formulas: Callable[..., Tensor]) -> Check:
    gap = max(float((formula(*case) - kl_divergence(*_pair(*case))).abs()) for case in cases for formula in formulas)
    return Check("the formula, and the package's, against torch.distributions", gap, 1e-9)


def _by_draws(cases: list[Normals], formula: Callable[..., Tensor]) -> Check:
    off = []
    for case in cases:
        p, q = _pair(*case)
        noise = torch.randn(DRAWS, 4, generator=seeds.generator(0, "log-ratios"), dtype=torch.float64)
        x = p.mean + noise @ p.scale_tril.mT
        off.append(errors_off(p.log_prob(x) - q.log_prob(x), float(formula(*case))))
    return Check("against the mean log-ratio of draws, in standard errors", max(off), ERRORS)


def lemma(m1: Tensor, s1: Tensor, m2: Tensor, s2: Tensor) -> Tensor:
    inverse, ratio = s2.inverse(), s2.det() / s1.det()
    return 0.5 * ((inverse @ s1).trace() + (m2 - m1) @ inverse @ (m2 - m1) - len(m1) + ratio.log())


def corollary(m1: Tensor, s1: Tensor, m2: Tensor, s2: Tensor) -> Tensor:
    constant = len(m1) / 2 * ((s2**2 / s1**2).log() + s1**2 / s2**2 - 1)
    return (m1 - m2).square().sum() / (2 * s2**2) + constant


@statement("lem-5")
def lemma_5() -> Check:
    return _by_library(correlated(), lemma, kl_normals)


@statement("eq-8.10")
def lemma_5_by_draws() -> Check:
    return _by_draws(correlated(), kl_normals)


@statement("cor-6")
def corollary_6() -> Check:
    return _by_library(isotropic(), corollary, kl_isotropic)


@statement("eq-8.11")
def corollary_6_by_draws() -> Check:
    return _by_draws(isotropic(), kl_isotropic)
