"""Rates and information where the truth is known: the ring, Gaussian channels, finite sets."""

import math

import numpy as np
import pytest
import torch

from latentsep.data.shapes import Shapes
from latentsep.findings import ring_rates
from latentsep.measures import compression, evaluation, information
from latentsep.measures.compression import Codebook, Compression, Envelope, fitted
from latentsep.theory import rates


def circle(count: int, dimension: int = 25) -> torch.Tensor:
    phases = torch.arange(count, dtype=torch.float64) * 2 * math.pi / count
    return math.sqrt(dimension / 2) * torch.stack([phases.cos(), phases.sin()], 1)


@pytest.mark.parametrize("sigma_x", [0.05, 0.3, 1.0, 2.0, 2.4, 3.0])
def test_the_curve_of_the_ring_is_the_evidence_floor(sigma_x):
    point = rates.ring(sigma_x)
    constant = 12.5 * math.log(2 * math.pi * sigma_x**2)
    floor = point.bits * math.log(2) + point.distortion / (2 * sigma_x**2) + constant
    assert floor == pytest.approx(evaluation.evidence_floor(25, sigma_x), abs=1e-8)


def test_the_slope_of_the_curve_is_what_it_is_named_after():
    a, b = rates.ring(0.999), rates.ring(1.001)
    assert (a.bits - b.bits) * math.log(2) / (b.distortion - a.distortion) == pytest.approx(0.5, rel=1e-4)
    with pytest.raises(ValueError, match=r"^sigma_x is 0; it must be positive$"):
        rates.ring(0)


@pytest.mark.parametrize("sigma_x", [0.5, 1.0, 2.0])
def test_blahut_and_arimoto_find_the_curve_of_the_ring_on_a_fine_grid(sigma_x):
    x = circle(512)
    start = 3 * torch.randn(400, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    book = fitted(x, start, 1 / (2 * sigma_x**2), 300)
    nats, error = book.cost(x)
    exact = rates.ring(sigma_x)
    assert nats * information.BITS == pytest.approx(exact.bits, abs=1e-3)
    assert error == pytest.approx(exact.distortion, abs=1e-3)
    total = exact.bits + exact.distortion / (2 * sigma_x**2) * information.BITS
    assert total - 1e-3 < book.certificate(x) * information.BITS <= total + 1e-9


@pytest.mark.parametrize("slope", [0.6, 1.0, 3.0])
def test_two_points_need_as_many_bits_as_a_coin_that_is_wrong_at_times(slope):
    # Points ±1 are best remade as ±(1 − 2p) by a coin that is wrong with probability p: D = 4p(1 − p), R = 1 − h(p).
    x = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
    nats, error = fitted(x, 0.9 * x, slope, 2_000).cost(x)
    p = (1 - math.sqrt(1 - error)) / 2
    coin = 1 + p * math.log2(p) + (1 - p) * math.log2(1 - p)
    assert nats * information.BITS == pytest.approx(coin, abs=1e-4)


def test_a_codebook_that_lacks_points_is_told_where():
    x = torch.cat([torch.zeros(50, 2), torch.full((50, 2), 10.0)])
    x = x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    poor = Codebook(torch.tensor([[0.0, 0.0]]), torch.zeros(1), 0.5)
    points, gains = poor.wanted(x, 20)
    assert float(gains.max()) > 50
    assert torch.allclose(points[gains.argmax()], torch.full((2,), 10.0), atol=0.1)
    better = poor.extended(x).improved(x).improved(x)
    assert better.cost(x)[1] < 0.1
    # What bounds from below stays below what there is, for the poor one, too.
    for book in (poor, better):
        nats, error = book.cost(x)
        assert book.certificate(x) <= nats + 0.5 * error + 1e-5


def test_the_lines_of_the_shapes_bound_each_other():
    lines = [Compression(Shapes(300, 300), 1 / weight, 600, 60, 1, 5, 300) for weight in (3.0, 10.0)]
    found = [{k: float(v) for k, v in compression.bound(line).items()} for line in lines]
    for line, each in zip(lines, found, strict=True):
        assert each["least"] <= each["bits"] + line.slope * each["distortion"] * information.BITS
    envelope = Envelope(
        np.array([line.slope for line in lines]),
        *(np.array([each[name] for each in found]) for name in ("distortion", "bits", "least")),
        35.0,
    )
    places = np.linspace(envelope.distortions.min(), 40, 50)
    assert (envelope.below(places) <= envelope.above(places) + 1e-9).all()
    assert envelope.above(50.0) == 0
    assert np.isnan(envelope.above(0.1))
    assert (np.diff(envelope.below(places)) <= 0).all()


@pytest.mark.parametrize("deviation", [0.3, 1.0])
def test_a_gaussian_channel_passes_what_its_rate_says(deviation):
    stream = torch.Generator().manual_seed(0)
    signal = torch.randn(8_000, 2, generator=stream) * torch.tensor([2.0, 1.0])
    z = signal[:4_000] + deviation * torch.randn(4_000, 2, generator=stream)
    found = information.between(z, signal, torch.full_like(signal, deviation))
    # These signals are not independent to the last digit.
    truth = (
        0.5 * float(torch.logdet(torch.eye(2) + torch.cov(signal.T, correction=0) / deviation**2)) * information.BITS
    )
    assert truth == pytest.approx(
        information.channel_rate(torch.tensor([4.0, 1.0]), torch.full((2,), deviation**2)), 0.01
    )
    assert found["doubt"] < 0.002 * truth
    assert found["least"] - 0.005 * truth < truth < found["most"] + 0.005 * truth
    assert found["most"] - found["least"] < 0.01 * truth


def test_a_finite_set_has_the_bits_of_its_size_and_no_more():
    mean = torch.arange(64.0).repeat(20)[:, None]
    z = mean + 0.01 * torch.randn(mean.shape, generator=torch.Generator().manual_seed(0))
    found = information.between(z, mean, torch.full_like(mean, 0.01))
    # As many pictures for each of 64 values.
    assert found["least"] == pytest.approx(6, rel=1e-3)
    assert found["most"] == pytest.approx(math.log2(1279 / 19), rel=1e-3)
    assert information.confused(mean) == pytest.approx(math.log2(20))


def test_a_ring_passes_what_the_best_channel_does():
    # Codes on a circle under normal noise in the plane: the information by polar quadrature.
    radius, std = 3.0, 0.4
    r = np.linspace(1e-4, radius + 4, 4_000)
    kappa = r * radius / std**2
    from scipy.special import i0e

    density = r / std**2 * np.exp(-((r - radius) ** 2) / (2 * std**2)) * i0e(kappa)
    log_p = np.log(density / (2 * math.pi * r))
    entropy = -np.trapezoid(density * log_p, r)
    truth = (entropy - math.log(2 * math.pi * math.e * std**2)) * information.BITS
    phases = torch.rand(6_000, generator=torch.Generator().manual_seed(0)) * 2 * math.pi
    mean = radius * torch.stack([phases.cos(), phases.sin()], 1)
    z = mean[:3_000] + std * torch.randn(3_000, 2, generator=torch.Generator().manual_seed(1))
    found = information.between(z, mean, torch.full_like(mean, std))
    assert found["least"] == pytest.approx(truth, rel=0.01)
    assert found["most"] == pytest.approx(truth, rel=0.01)


def test_bits_for_an_error_are_those_of_the_curve():
    for sigma_x in (0.1, 1.0):
        point = rates.ring(sigma_x)
        assert ring_rates.bits_for(point.distortion) == pytest.approx(point.bits, abs=1e-4)
    assert ring_rates.bits_for(20.0) == 0
