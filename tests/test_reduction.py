"""Algorithm 2 on planted maps, and tolerances against integrals that are known."""

import math
from collections.abc import Callable, Sequence

import cloudpickle
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark, ExtendedBenchmark, regular_phases
from latentsep.models.circular import wrap
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean, LatentSpace
from latentsep.models.vae import VAE
from latentsep.reductions import pairing, reduction, tolerance
from latentsep.reductions.generative import Known, Phases, circle, draw
from latentsep.reductions.pairing import Pair, matched, nearest, relative_degree
from latentsep.reductions.reduction import Reductor, train
from latentsep.reductions.reductors import Linear, Projection, Rotation, family

pytestmark = pytest.mark.usefixtures("float64")

R2, S1, PHI = Euclidean(2), Circle(), Phases()
R4, T2 = Euclidean(4), CliffordTorus()
TURNS = [0.5, -2.0, 3.0]  # one planted turn for each of three members
SEEDS = st.integers(0, 10**6)
SIGMAS = st.floats(0.05, 5)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeds.generator(seed, "test"))


def per_member(values: Sequence[float]) -> Tensor:
    """One number for each member, to go with latent variables ``(..., members, batch, 1)``."""
    return torch.tensor(values)[:, None, None]


def angle(z: Tensor) -> Tensor:
    """The angle of angles, or of points of the plane."""
    return z if z.shape[-1] == 1 else torch.atan2(z[..., 1:], z[..., :1])


def unit(a: Tensor) -> Tensor:
    return torch.cat([a.cos(), a.sin()], -1)


def loop(a: Tensor) -> Tensor:
    """A closed curve in R³. Turned against itself, its mean squared distance 2 − 2cos θ + 0.16 (1 − cos 2θ)
    falls from the opposite point to θ = 0 all the way, so that the turn is unique and always found."""
    return torch.cat([a.cos(), a.sin(), 0.4 * (2 * a).sin()], -1)


def sheet(y: Tensor) -> Tensor:
    """A bent plane in R⁴, which meets itself nowhere."""
    return torch.cat([y, 0.3 * y.sin()], -1)


def known(mean: Callable[[Tensor], Tensor], space: LatentSpace, *sigmas: float) -> Known:
    return Known(mean, space, sigmas or (0.5,) * 3)


def turned(space: LatentSpace, sense: Sequence[int] = (1, 1, 1)) -> Known:
    """``loop`` at the angle of z, each member turned by its own angle and gone around in its own sense."""
    return known(lambda z: loop(per_member(TURNS) + per_member(sense) * angle(z)), space)


def series(coefficients: Tensor, sigma: float = 0.5, space: LatentSpace = S1) -> Known:
    """A closed curve with Fourier coefficients ``(D, harmonics, 2)``."""
    k = torch.arange(1, coefficients.shape[1] + 1)

    def mean(z: Tensor) -> Tensor:
        waves = torch.stack([(k * z).cos(), (k * z).sin()], -1)  # (..., harmonics, 2)
        return torch.einsum("...kc,dkc->...d", waves, coefficients)

    return known(mean, space, sigma)


def vae(space: LatentSpace, *member_seeds: int, scale: float = 1.0, sigma: float = 0.5) -> VAE:
    """Random decoders into R⁵; the larger the scale the more they bend."""
    model = VAE(space, 5, (6,), (sigma,) * len(member_seeds), member_seeds).requires_grad_(False)
    for p in model.parameters():
        p.mul_(scale)
    return model


def quickly(pairs: dict, updates: int = 300, samples: int = 64, **more) -> dict[object, Reductor]:
    return train(pairs, **{"repetitions": 2, "updates": updates, "samples": samples, "learning_rate": 0.2, **more})


# Pairs


def test_a_pair_takes_the_family_of_its_spaces_unless_another_is_given():
    assert Pair(turned(R2), turned(S1)).family == Rotation(R2, S1)
    assert Pair(turned(S1), turned(R2)).family == Linear(S1, R2)
    mirrored = Rotation(R2, S1, (True, False, True))
    assert Pair(turned(R2), turned(S1), mirrored).family == mirrored


def test_models_that_do_not_fit_each_other_are_refused():
    wide, other = known(sheet, R2), known(loop, S1, 0.5, 0.5)
    for call in (Pair, lambda a, b: tolerance.tolerance(a, b, lambda z: z)):
        with pytest.raises(ValueError, match=r"^target decodes to 4 numbers and source to 3; choose as many$"):
            call(turned(S1), wide)
        with pytest.raises(ValueError, match=r"^target has 2 members and source 3; choose as many$"):
            call(turned(S1), other)
    for wrong in (Rotation(R2, S1), Rotation(PHI, S1), Rotation(S1, PHI), Linear(S1, R2)):
        with pytest.raises(ValueError, match=r"^family maps .*; the models have Circle\(.*\) and Circle\(") as error:
            Pair(turned(S1), turned(S1), wrong)
        assert f"maps {wrong.source} to {wrong.target};" in str(error.value)


def test_what_is_for_each_member_is_for_as_many():
    model = turned(S1)
    with pytest.raises(ValueError, match=r"^reflected is for 2 members of 3; give one each$"):
        Pair(model, model, Rotation(S1, S1, (True, False)))
    with pytest.raises(ValueError, match=r"^latents is for 1 members of 3; give one each$"):
        Pair(model, model, latents=circle(S1, 5)[None])


# Algorithm 2


@pytest.mark.parametrize("sense", [(1, 1, 1), (-1, 1, -1)])
@pytest.mark.parametrize("target", [S1, PHI])
@pytest.mark.parametrize("source", [R2, S1, PHI])
def test_planted_turns_are_found_by_every_member_and_repetition(source, target, sense):
    models = turned(source, sense), known(loop, target)
    pair = Pair(*models, family(source, target, tuple(s < 0 for s in sense)))
    found = quickly({"only": pair})["only"]
    assert found.parameters.shape == (2, 3, 1)
    assert not found.parameters.requires_grad
    assert wrap(found.parameters[..., 0] - torch.tensor(TURNS)).abs().max() < 1e-4
    assert tolerance.tolerance(*models, found, samples=100).value.max() < 1e-6


@pytest.mark.parametrize(("source", "target"), [(S1, R2), (PHI, R2), (R2, R2), (Euclidean(3), R2), (T2, R2)])
def test_planted_matrices_are_found_by_every_member_and_repetition(source, target):
    planted = noise(3, *Linear(source, target).shape)
    models = known(lambda z: sheet(source.embed(z) @ planted.mT), source), known(sheet, target)
    found = quickly({"only": Pair(*models)}, updates=600)["only"]
    torch.testing.assert_close(found.parameters, planted.expand(2, -1, -1, -1), rtol=0, atol=1e-4)
    assert tolerance.tolerance(*models, found, samples=100).value.max() < 1e-6


def test_planted_turns_and_an_exchange_of_a_torus_are_found():
    # A decoder of two loops, the second smaller, so that there is one best map and worse ones that fold.
    def decoded(z: Tensor) -> Tensor:
        return torch.cat([loop(z[..., :1]), 0.5 * loop(z[..., 1:])], -1)

    turn = torch.tensor([[0.5, -2.0], [1.0, 3.0], [0.0, 0.0]])[:, None]
    sense = torch.tensor([[1.0, 1], [-1, 1], [-1, -1]])[:, None]
    source, target = known(lambda z: decoded(turn + sense * z.flip(-1)), T2), known(decoded, T2)
    pair = Pair(source, target)
    assert pair.family == Projection(T2, T2)
    found = quickly({"only": pair}, updates=600, repetitions=4)["only"]
    assert found.parameters.shape == (4, 3, 4, 4)
    values = tolerance.tolerance(source, target, found, samples=400).value
    best = values.argmin(0)
    assert values.min(0).values.max() < 1e-4
    z = draw(T2, 50, seeds.generator(0, "test")).expand(3, -1, -1)
    images = torch.stack([found(z)[best[m], m] for m in range(3)])
    assert wrap(images - (turn + sense * z.flip(-1))).abs().max() < 0.02


def test_a_model_reduces_to_itself_without_loss():
    models = {
        "circle": vae(S1, 1, 2),
        "phases": Known.benchmark(Benchmark(6), 0.5, members=2),
        "plane": vae(R2, 1, 2),
    }
    found = quickly({name: Pair(m, m) for name, m in models.items()}, updates=600, repetitions=3)
    for name, reductor in found.items():
        values = tolerance.tolerance(models[name], models[name], reductor, samples=200).value
        assert values.min(0).values.max() < 1e-6, name
    assert wrap(found["phases"].parameters).abs().max() < 1e-4
    identity = tolerance.tolerance(models["plane"], models["plane"], lambda z: z, samples=200)
    assert torch.equal(identity.value, torch.zeros(2))


def test_rotations_end_in_valleys_of_a_dense_scan_and_the_best_in_the_deepest():
    source, target, count = vae(S1, 1, 2, scale=3), vae(S1, 3, 4, scale=3), 720
    found = quickly({"only": Pair(source, target)}, repetitions=6, samples=1_000)["only"]
    values = 2 * 0.25 * tolerance.tolerance(source, target, found).value
    images, wanted = (m.decode(circle(S1, count).expand(2, -1, -1)) for m in (target, source))
    # Turned by k steps, the images on the grid are those of the neighbours k places on.
    scan = torch.stack([(images.roll(-k, 1) - wanted).square().sum(-1).mean(-1) for k in range(count)], -1)
    valleys = (scan < scan.roll(1, -1)) & (scan < scan.roll(-1, -1))
    assert valleys.sum(-1).max() > 1  # else nothing could end in a wrong one
    for m in range(2):
        depths, places = scan[m, valleys[m]], 2 * math.pi * valleys[m].nonzero()[:, 0] / count
        off, which = wrap(found.parameters[:, m] - places).abs().min(-1)
        assert off.max() < 0.06  # the noise of 1000 samples
        torch.testing.assert_close(values[:, m], depths[which], rtol=1e-3, atol=0)
        assert float(values[:, m].min()) == pytest.approx(float(scan[m].min()), rel=1e-3)


def test_where_nothing_fits_a_linear_map_is_that_of_regression():
    # The target decodes by a matrix B, so the least mean of ‖B C u − f‖² with E uuᵀ = I/2 is at C = 2 B⁺ E f uᵀ.
    b, source = noise(5, 2), vae(S1, 1, 2, scale=2)
    target = known(lambda z: z @ b.mT, R2, 0.5, 0.5)
    z = circle(S1, 400)
    correlation = source.decode(z.expand(2, -1, -1)).mT @ unit(z) / 400
    expected = 2 * torch.linalg.pinv(b) @ correlation
    found = quickly({"only": Pair(source, target)}, updates=600, samples=2_000)["only"]
    torch.testing.assert_close(found.parameters, expected.expand(2, -1, -1, -1), rtol=0, atol=0.01)
    least = tolerance.tolerance(source, target, Reductor(Linear(S1, R2), expected)).value
    excess = tolerance.tolerance(source, target, found).value / least - 1
    assert (excess > -1e-12).all()
    assert excess.max() < 1e-3


def test_every_update_draws_latent_variables_that_members_share_and_repetitions_do_not():
    seen = []

    def mean(z: Tensor) -> Tensor:
        seen.append(z)
        return loop(angle(z))

    pair = Pair(known(mean, R2), known(loop, S1))
    seen.clear()
    train({"only": pair}, repetitions=2, updates=3, samples=400)
    drawn = torch.stack(seen)
    assert drawn.shape == (3, 2, 3, 400, 2)
    assert torch.equal(drawn, drawn[:, :, :1].expand_as(drawn))
    of_one = drawn[:, :, 0].flatten()
    assert len(of_one.unique()) == len(of_one)
    assert stats.kstest(of_one.numpy(), "norm").pvalue > 1e-3


def test_the_step_is_that_of_adam_along_a_cosine():
    # On unit circles the distance 2 − 2cos θ is the same at every z, so Adam goes by the sign of its slope: after
    # T updates by lr Σ (1 + cos πt/T)/2 = lr (T + 1)/2 in all.
    pair = Pair(known(unit, S1), known(unit, S1))
    start = train({"only": pair}, updates=1, learning_rate=0.0)["only"].parameters
    assert len(start.unique()) == start.numel()  # every member and repetition begins somewhere else
    for updates in (1, 10):
        end = train({"only": pair}, updates=updates, samples=5, learning_rate=1e-5)["only"].parameters
        expected = -start.sin().sign() * 1e-5 * (updates + 1) / 2
        torch.testing.assert_close(end - start, expected, rtol=1e-3, atol=0)


def some_pairs() -> dict[object, Pair]:
    return {
        "turn": Pair(turned(R2), known(loop, S1)),
        ("matrix", 2): Pair(turned(S1), Known(lambda z: loop(angle(z)), R2, [0.5] * 3)),
        "again": Pair(turned(R2), known(loop, S1)),
    }


def test_keys_own_their_random_numbers():
    pairs = some_pairs()
    together = quickly(pairs, updates=20)
    backwards = quickly(dict(reversed(pairs.items())), updates=20)
    for key, pair in pairs.items():
        alone = quickly({key: pair}, updates=20)[key]
        for other in (together, backwards):
            assert torch.equal(other[key].parameters, alone.parameters)
    assert not (together["turn"].parameters == together["again"].parameters).any()


def test_repetitions_own_their_random_numbers_and_the_seed_rules_all():
    pairs = some_pairs()
    first, again, other = (quickly(pairs, updates=20, seed=seed) for seed in (1, 1, 2))
    single = quickly(pairs, updates=20, seed=1, repetitions=1)
    for key, reductor in first.items():
        p = reductor.parameters
        assert torch.equal(p, again[key].parameters)
        assert not (p == other[key].parameters).any()
        assert not (p[0] == p[1]).any()
        torch.testing.assert_close(p[:1], single[key].parameters, rtol=1e-9, atol=1e-12)


def test_latents_are_drawn_from_in_place_of_the_prior():
    # The turn is 1 on the upper half of the circle and 2 on the lower. Each of three members is given latents of
    # its own: above, below, and three of four of them above.
    source, target = known(lambda z: unit(z + torch.where(z > 0, 1.0, 2.0)), S1), known(unit, S1)
    above = noise(1000, 1).abs().clamp(0.01, 3)
    mixed = torch.cat([above[:750], -above[:250]])
    latents = torch.stack([above, -above, mixed])
    found = quickly({"only": Pair(source, target, latents=latents)}, samples=1000)["only"].parameters
    # The mean of weighted unit vectors points where the mean distance is least.
    middle = math.atan2(3 * math.sin(1) + math.sin(2), 3 * math.cos(1) + math.cos(2))
    expected = torch.tensor([1, 2, middle])
    assert wrap(found[..., :2, 0] - expected[:2]).abs().max() < 1e-6
    assert wrap(found[..., 2, 0] - expected[2]).abs().max() < 0.02
    by_prior = quickly({"only": Pair(source, target)}, samples=1000)["only"].parameters
    assert wrap(by_prior - 1.5).abs().max() < 0.02


def test_every_latent_variable_of_a_set_can_be_drawn():
    seen = []

    def mean(z: Tensor) -> Tensor:
        seen.append(z)
        return unit(z)

    latents = torch.stack([regular_phases(20), 10 + regular_phases(20)])[..., None]
    pair = Pair(known(mean, S1, 0.5, 0.5), known(unit, S1, 0.5, 0.5), latents=latents)
    seen.clear()
    train({"only": pair}, repetitions=1, updates=1, samples=1_000)
    ((first, second),) = seen[0][..., 0]
    assert torch.equal(first.unique(), latents[0, :, 0])
    assert torch.equal(first + 10, second)  # the same places in the sets of all members
    counts = torch.stack([(first == z).sum() for z in latents[0, :, 0]])
    assert (counts - 50).abs().max() < 4 * math.sqrt(1_000 / 20)


def test_models_stay_as_they_are():
    models = [vae(s, *members).requires_grad_() for s, members in ((S1, (1, 2)), (R2, (3, 4)))]
    before = [{name: value.clone() for name, value in m.state_dict().items()} for m in models]
    pair = Pair(*models)
    quickly({"only": pair}, updates=3)
    for model, weights in zip(models, before, strict=True):
        assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
        assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("name", ["repetitions", "updates", "samples"])
@pytest.mark.parametrize("value", [0, -3])
def test_numbers_below_one_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"^{name} is {value}; choose 1 or more$"):
        train(some_pairs(), **{name: value})


# Records


def named_pairs() -> dict[object, Pair]:
    """A pair of networks, and one of a network and the benchmark."""
    circle, plane = vae(S1, 1, 2), vae(R2, 3, 4)
    return {("S¹", "R²"): matched(circle, plane), ("R²", "Φ"): matched(plane, Known.benchmark(DATA, 0.5, 2))}


DATA = Benchmark(5, 10)
BRIEF = {"repetitions": 2, "updates": 3, "samples": 8}


def test_what_was_found_once_comes_from_the_records(records_folder, monkeypatch):
    first = train(named_pairs(), **BRIEF)
    assert len(list(records_folder.glob("reduction-*.record"))) == 1
    monkeypatch.setattr(reduction, "_latents", None)
    again = train(named_pairs(), **BRIEF)
    for key, pair in named_pairs().items():
        assert again[key].family == first[key].family == pair.family
        assert torch.equal(again[key].parameters, first[key].parameters)
        assert first[key].parameters.shape == (2, 2, *pair.family.shape)


def test_the_records_hold_what_algorithm_2_finds():
    definition = reduction.Reduction.of(named_pairs(), **BRIEF)
    found, direct = train(named_pairs(), **BRIEF), definition.reductors(reduction.algorithm_2(definition))
    for key in named_pairs():
        assert torch.equal(found[key].parameters, direct[key].parameters)


def test_a_job_is_what_train_asks_the_records_for(monkeypatch):
    job = reduction.job(named_pairs(), **BRIEF)
    assert not job.done()
    job.fetch()
    assert job.done()
    monkeypatch.setattr(reduction, "_latents", None)
    train(named_pairs(), 2, 3, 8)
    train(named_pairs(), **BRIEF, learning_rate=0.05, seed=0)


def test_models_without_a_name_are_computed_and_not_kept(records_folder):
    train(some_pairs(), **BRIEF)
    mixed = {**named_pairs(), "unnamed": Pair(turned(R2), known(loop, S1))}
    train(mixed, **BRIEF)
    assert not records_folder.exists()


def other_weights() -> dict[object, Pair]:
    pairs = named_pairs()
    pairs["S¹", "R²"].source.decoder.layers[0].bias.data[1, 0, 0] += 1e-6
    return pairs


def with_pair(**more: object) -> dict[object, Pair]:
    pair = named_pairs()["S¹", "R²"]
    return {**named_pairs(), ("S¹", "R²"): Pair(pair.source, pair.target, **more)}


@pytest.mark.parametrize(
    "other",
    [
        lambda: (named_pairs(), {**BRIEF, "repetitions": 3}),
        lambda: (named_pairs(), {**BRIEF, "updates": 4}),
        lambda: (named_pairs(), {**BRIEF, "samples": 9}),
        lambda: (named_pairs(), {**BRIEF, "learning_rate": 0.1}),
        lambda: (named_pairs(), {**BRIEF, "seed": 1}),
        lambda: ({("R²", "S¹") if k[1] == "R²" else k: p for k, p in named_pairs().items()}, BRIEF),
        lambda: (dict(reversed(named_pairs().items())), BRIEF),
        lambda: (other_weights(), BRIEF),
        lambda: (with_pair(latents=noise(2, 5, 1)), BRIEF),
        lambda: (with_pair(latents=noise(2, 5, 1, seed=1)), BRIEF),
    ],
)
def test_a_record_is_of_all_that_decides_what_is_found(other):
    pairs, settings = other()
    assert reduction.job(pairs, **settings).path != reduction.job(named_pairs(), **BRIEF).path


def test_a_record_is_of_the_reflections():
    model, known_ = vae(R2, 3, 4), Known.benchmark(DATA, 0.5, 2)
    paths = [
        reduction.job({"only": Pair(model, known_, family(R2, PHI, reflected))}, **BRIEF).path
        for reflected in (False, (True, False), (False, True))
    ]
    assert len(set(paths)) == 3


def test_equal_models_share_a_record():
    assert reduction.job(named_pairs(), **BRIEF).path == reduction.job(named_pairs(), **BRIEF).path


def test_a_job_is_sent_to_another_process_with_all_that_it_needs():
    sent = cloudpickle.loads(cloudpickle.dumps(reduction.job(named_pairs(), **BRIEF)))
    assert sent.path == reduction.job(named_pairs(), **BRIEF).path
    found = sent.compute(sent.definition)
    for name, value in reduction.algorithm_2(reduction.Reduction.of(named_pairs(), **BRIEF)).items():
        np.testing.assert_array_equal(found[name], value)


def test_reductors_follow_each_other_axis_by_axis():
    first = Reductor(Rotation(R2, S1, (True, False, True)), noise(2, 3, 1))
    second = Reductor(Linear(S1, Euclidean(3)), noise(2, 3, 3, 2, seed=1))
    z = noise(3, 7, 2, seed=2)
    images = second(first(z))
    assert images.shape == (2, 3, 7, 3)
    for r in range(2):
        for m in range(3):
            way = angle(z[m]) * (1 if m == 1 else -1) + first.parameters[r, m]
            torch.testing.assert_close(images[r, m], unit(way) @ second.parameters[r, m].mT)
    # The decoders of an ensemble take the same axes, and so does a tolerance.
    source, target = vae(R2, 1, 2, 3), vae(Euclidean(3), 4, 5, 6)
    values = tolerance.tolerance(source, target, lambda z: second(first(z)), latents=z).value
    assert values.shape == (2, 3)
    difference = source.decode(z)[2] - target.decode(images)[1, 2]
    assert float(values[1, 2]) == pytest.approx(float(difference.square().sum(-1).mean()) / (2 * 0.25))


# Tolerance


@pytest.mark.parametrize("samples", [-1, 0, 1])
def test_a_tolerance_takes_two_samples(samples):
    with pytest.raises(ValueError, match=rf"^samples is {samples}; choose 2 or more$"):
        tolerance.tolerance(turned(S1), turned(S1), lambda z: z, samples=samples)


def test_the_divergence_is_that_of_torch_point_by_point():
    source, target = vae(S1, 1, 2, sigma=0.5), vae(R2, 3, 4, sigma=0.2)
    reductor, z = Reductor(Linear(S1, R2), noise(3, 2, 2, 2)), noise(2, 9, 1)
    p = Independent(Normal(source.decode(z), 0.5), 1)
    q = Independent(Normal(target.decode(reductor(z)), 0.2), 1)
    found = tolerance.divergence(source, target, reductor, z)
    assert found.shape == (3, 2, 9)
    torch.testing.assert_close(found, kl_divergence(p, q))


@pytest.mark.parametrize("space", [S1, PHI])
def test_over_a_circle_the_tolerance_is_the_integral(space):
    source = known(lambda z: torch.cat([z.cos().exp(), z.sin()], -1), space, 0.5, 0.2)
    target = known(lambda z: torch.cat([(2 * z).cos(), z.sin().exp()], -1), S1, 0.1, 0.7)
    turn = 0.8
    found = tolerance.tolerance(source, target, lambda z: wrap(z + turn), samples=200)
    back = tolerance.tolerance(target, source, lambda z: wrap(z - turn), samples=200)

    def of(means: tuple[float, ...], others: tuple[float, ...], sigma: float, to: float) -> float:
        squares = sum((a - b) ** 2 for a, b in zip(means, others, strict=True))
        return squares / (2 * to**2) + 2 * math.log(to / sigma) + (sigma / to) ** 2 - 1  # (8.11), D = 2

    def mean_at(a: float) -> tuple[float, ...]:
        return math.exp(math.cos(a)), math.sin(a)

    def other_at(a: float) -> tuple[float, ...]:
        return math.cos(2 * (a + turn)), math.exp(math.sin(a + turn))

    for m, (one, two) in enumerate([(0.5, 0.1), (0.2, 0.7)]):
        for values, arguments in ((found, (mean_at, other_at, one, two)), (back, (other_at, mean_at, two, one))):
            f, g, sigma, to = arguments
            integral, _ = integrate.quad(lambda a, f=f, g=g, s=sigma, to=to: of(f(a), g(a), s, to), -math.pi, math.pi)
            assert float(values.value[m]) == pytest.approx(integral / (2 * math.pi), rel=1e-9)
            assert values.error[m] == 0
    few = tolerance.tolerance(source, target, lambda z: wrap(z + turn), samples=60)
    torch.testing.assert_close(few.value, found.value, rtol=1e-10, atol=0)


@pytest.mark.parametrize("target", [R4, T2, S1])
def test_over_a_torus_the_tolerance_is_the_mean_over_draws(target):
    models = vae(T2, 1, 2, scale=1.5), vae(target, 3, 4, sigma=0.2)
    torus = Reductor(Linear(T2, R4), noise(2, 4, 4)) if target == R4 else Reductor(Projection(T2, T2), noise(2, 4, 4))
    mapping = (lambda z: torus(z)[..., :1]) if target == S1 else torus
    found = tolerance.tolerance(*models, mapping, samples=40_000)
    assert not found.error.any()
    drawn = draw(T2, 40_000, seeds.generator(0, "test")).expand(2, -1, -1)
    estimate = tolerance.tolerance(*models, mapping, latents=drawn)
    assert ((estimate.value - found.value).abs() < 4 * estimate.error).all()
    assert (estimate.error < 0.02 * found.value).all()
    # The two angles are drawn each by itself: where they are equal the mean is another.
    diagonal = tolerance.tolerance(*models, mapping, latents=drawn[..., :1].expand(-1, -1, 2))
    assert ((diagonal.value - found.value).abs() > 8 * diagonal.error).any()


def test_over_a_torus_the_tolerance_is_the_integral():
    # Turned by (a, b), the points (cos θ, sin θ) of two circles of radii 1 and 2 are 2 − 2cos a and 4(2 − 2cos b) off.
    def decoded(z: Tensor) -> Tensor:
        return torch.cat([unit(z[..., :1]), 2 * unit(z[..., 1:])], -1)

    turn = torch.tensor([0.3, -1.1])
    source, target = known(decoded, T2, 0.5, 0.2), known(decoded, CliffordTorus(PHI), 0.5, 0.7)
    found = tolerance.tolerance(source, target, lambda z: wrap(z + turn), samples=50)
    squares = 2 - 2 * math.cos(0.3) + 4 * (2 - 2 * math.cos(1.1))
    for m, (sigma, to) in enumerate([(0.5, 0.5), (0.2, 0.7)]):
        expected = squares / (2 * to**2) + 4 * math.log(to / sigma) + 2 * ((sigma / to) ** 2 - 1)  # (8.11), D = 4
        assert float(found.value[m]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("samples", "side", "k"), [(10_000, 100, 2), (90, 9, 2), (2, 2, 2), (5, 2, 2), (1_000, 10, 3)])
def test_over_a_torus_nearly_as_many_pairs_are_taken(samples, side, k):
    seen = []

    def mapping(z: Tensor) -> Tensor:
        seen.append(z)
        return z

    model = known(lambda z: z.cos(), CliffordTorus(dimension=k), 0.5, 0.5)
    tolerance.tolerance(model, model, mapping, samples=samples)
    taken = torch.cat(seen, 1)
    assert taken.shape == (2, side**k, k)
    assert torch.equal(taken[0], torch.cartesian_prod(*[regular_phases(side)] * k))


def gaussian_pair() -> tuple[Known, Known, Tensor, Tensor]:
    """Linear decoders A z of R², and one that is zero: ‖Az‖² has the mean ‖A‖² and the variance 2‖AᵀA‖²."""
    a = noise(2, 4, 2)
    source = known(lambda z: z @ a.mT, R2, 0.5, 0.5)
    target = known(lambda z: z @ torch.zeros(2, 4), R2, 0.5, 0.5)
    squares = a.square().sum((-2, -1)), 2 * (a.mT @ a).square().sum((-2, -1))
    return source, target, squares[0] / (2 * 0.25), squares[1].sqrt() / (2 * 0.25)


def test_over_the_plane_the_tolerance_is_a_mean_with_its_error():
    source, target, expected, deviation = gaussian_pair()
    found = [tolerance.tolerance(source, target, lambda z: z, samples=200, seed=seed) for seed in range(300)]
    values, errors = (torch.stack([getattr(f, name) for f in found]) for name in ("value", "error"))
    true_error = deviation / math.sqrt(200)
    assert ((values.mean(0) - expected).abs() < 4 * true_error / math.sqrt(300)).all()
    torch.testing.assert_close(values.std(0), true_error, rtol=4 / math.sqrt(2 * 300), atol=0)
    torch.testing.assert_close(errors.square().mean(0).sqrt(), true_error, rtol=0.05, atol=0)
    large = tolerance.tolerance(source, target, lambda z: z)
    assert ((large.value - expected).abs() < 4 * large.error).all()
    torch.testing.assert_close(large.error, deviation / 100, rtol=0.1, atol=0)  # 10 000 samples
    assert torch.equal(found[0].value, tolerance.tolerance(source, target, lambda z: z, samples=200).value)


@pytest.mark.parametrize("space", [R2, S1])
def test_latents_are_averaged_over_in_place_of_the_prior_in_parts_or_whole(space):
    source, target, z = vae(space, 1, 2), vae(S1, 3, 4), 3 * noise(2, 4_500, space.noise_features)
    reductor = Reductor(Rotation(space, S1), noise(3, 2, 1))
    found = tolerance.tolerance(source, target, reductor, latents=z)
    whole = tolerance.divergence(source, target, reductor, z)
    torch.testing.assert_close(found.value, whole.mean(-1), rtol=1e-12, atol=0)
    torch.testing.assert_close(found.error, whole.std(-1) / math.sqrt(4_500), rtol=1e-9, atol=0)
    torch.testing.assert_close(
        found.value[2], tolerance.tolerance(source, target, lambda z: reductor(z)[2], latents=z).value
    )


@given(st.integers(1, 40), SIGMAS, SIGMAS)
def test_the_constant_is_the_divergence_of_normals_about_one_mean(dimension, sigma_1, sigma_2):
    models = [known(lambda z: z.expand(*z.shape[:-1], dimension), S1, s, 1.0) for s in (sigma_1, sigma_2)]
    p, q = (Independent(Normal(torch.zeros(dimension), s), 1) for s in (sigma_1, sigma_2))
    found = tolerance.constant(*models)
    torch.testing.assert_close(found[0], kl_divergence(p, q), rtol=1e-9, atol=1e-9)
    assert found[1] == 0
    assert torch.equal(tolerance.constant(models[0], models[0]), torch.zeros(2))


@given(SEEDS, SIGMAS, SIGMAS, st.sampled_from([(S1, S1), (R2, S1), (PHI, R2), (R2, R2)]))
def test_no_map_is_below_the_constant(seed, sigma_1, sigma_2, spaces):
    source, target = vae(spaces[0], seed, sigma=sigma_1), vae(spaces[1], seed + 1, sigma=sigma_2)
    chosen = family(*spaces)
    reductor = Reductor(chosen, noise(4, 1, *chosen.shape, seed=seed))
    found, constant = tolerance.tolerance(source, target, reductor, samples=50), tolerance.constant(source, target)
    assert (found.value >= constant * (1 - 1e-12)).all()
    # The rest is the squared distance of the means in units of the target's variance.
    alike = tolerance.tolerance(source, vae(spaces[1], seed + 1, sigma=sigma_1), reductor, samples=50)
    torch.testing.assert_close((found.value - constant) * sigma_2**2, alike.value * sigma_1**2, rtol=1e-6, atol=1e-8)


COEFFICIENTS = arrays(np.float64, (3, 3, 4, 2), elements=st.floats(-2, 2)).map(torch.from_numpy)


@given(COEFFICIENTS, st.floats(-4, 4), st.floats(-4, 4), st.floats(0.1, 3))
def test_rotations_between_circles_obey_the_triangle_inequality(coefficients, turn, another, sigma):
    # With harmonics up to 4, forty regular angles integrate squared distances exactly at every turn.
    one, two, three = (series(c, sigma) for c in coefficients)

    def distance(source: Known, target: Known, by: float) -> float:
        delta = tolerance.tolerance(source, target, lambda z: wrap(z + by), samples=40).value
        return math.sqrt(2 * sigma**2 * max(0, float(delta)))

    there = distance(one, two, turn) + distance(two, three, another)
    assert distance(one, three, turn + another) <= there + 1e-6
    assert distance(two, one, -turn) == pytest.approx(distance(one, two, turn), abs=1e-6)


def test_tables_hold_the_tolerance_of_every_map_of_every_pair():
    five = known(lambda z: torch.nn.functional.pad(loop(-z), (0, 2)), S1, 0.5, 0.3)
    models = {"plane": vae(R2, 1, 2, sigma=0.2), "circle": five, "phases": vae(PHI, 5, 6)}
    pairs, printed = pairing.between(models), pairing.between(models, Pair)
    assert list(pairs) == list(printed) == [(a, b) for a in models for b in models if a != b]
    for (a, b), pair in pairs.items():
        assert pair == matched(models[a], models[b])
        assert printed[a, b] == Pair(models[a], models[b])
    reductors = {key: Reductor(p.family, noise(3, 2, *p.family.shape)) for key, p in pairs.items()}
    table = tolerance.tolerances(pairs, reductors, samples=50, seed=4)
    assert len(table) == 6 * 3 * 2
    for row in table.itertuples():
        source, target = models[row.source], models[row.target]
        found = tolerance.tolerance(source, target, reductors[row.source, row.target], samples=50, seed=4)
        assert row.tolerance == float(found.value[row.map, row.member])
        assert row.error == float(found.error[row.map, row.member])
        assert row.constant == float(tolerance.constant(source, target)[row.member])
    assert not table.duplicated(["source", "target", "map", "member"]).any()

    cells, floors = tolerance.by_cell(table)
    assert list(floors) == [f"{a}/{b}" for a, b in pairs]
    mean, deviation, count = cells["plane/phases", "tolerance"]
    values = table.query("source == 'plane' and target == 'phases'").tolerance
    assert (mean, deviation, count) == pytest.approx((np.mean(values), np.std(values, ddof=1), 6))
    assert floors["circle/plane"] == pytest.approx(
        float(tolerance.constant(models["circle"], models["plane"]).mean()), rel=1e-6
    )
    one = tolerance.by_cell(table.query("map == 0 and member == 0"))[0]
    assert {(std, n) for _, std, n in one.values()} == {(0.0, 1)}


# What no rotation can do better, and whether it must be reflected

DEGREES = [1, -1, 0, 2, -2]


def winding_models(space: LatentSpace = S1) -> tuple[Known, Known]:
    """Sources that take ``loop`` around as often as ``DEGREES`` say, not steadily; the target is ``loop``."""
    source = known(
        lambda z: loop(1 + per_member(DEGREES) * angle(z) + 0.7 * angle(z).cos()), space, *[0.5] * len(DEGREES)
    )
    return source, known(loop, PHI, *[0.5] * len(DEGREES))


@pytest.mark.parametrize("space", [R2, S1, PHI])
def test_the_relative_degree_counts_turns(space):
    degrees, steps = relative_degree(*winding_models(space))
    assert list(degrees) == DEGREES
    # Each step is that of the way itself, to one step of the target's grid.
    longest = (np.abs(DEGREES) + 0.7) * 2 * math.pi / 720
    assert (np.abs(steps - longest) < 2 * math.pi / 720).all()


def test_the_nearest_angle_is_the_one_that_was_decoded():
    source, target = winding_models()
    z = noise(len(DEGREES), 4_500, 1)  # more than are compared at once
    expected = 1 + per_member(DEGREES) * z + 0.7 * z.cos()
    found = nearest(source, target, z)
    assert found.shape == z.shape
    assert wrap(found - expected).abs().max() < 1.2 * math.pi / 720
    in_plane = known(lambda z: loop(angle(z)), R2, *[0.5] * len(DEGREES))
    torch.testing.assert_close(nearest(source, in_plane, z), found)


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_the_nearest_angle_is_found_far_from_the_origin_in_single_precision(offset):
    torch.set_default_dtype(torch.float32)
    model = known(lambda z: offset + loop(z), S1, 0.5)
    z = circle(S1, 997)[None]
    assert wrap(nearest(model, model, z) - z).abs().max() < 1.1 * math.pi / 720


@pytest.mark.parametrize("space", [R2, S1])
def test_no_rotation_comes_nearer_than_the_nearest(space):
    source, target = (vae(s, *members, scale=2) for s, members in ((space, (1, 2)), (S1, (3, 4))))
    z = circle(space, 60).expand(2, -1, -1)
    least = tolerance.tolerance(source, target, lambda z: nearest(source, target, z, 120), latents=z).value
    turns = regular_phases(120)[:, None, None].expand(-1, 2, -1)  # with z on a grid, all images are on the grid
    for reflected in (False, True):
        values = tolerance.tolerance(source, target, Reductor(Rotation(space, S1, reflected), turns), latents=z).value
        assert (values >= least - 1e-9).all()
        assert (values.amin(0) > 1.05 * least).all()
    distances = (target.decode(circle(S1, 120).expand(2, -1, -1))[:, None] - source.decode(z)[:, :, None]).square()
    torch.testing.assert_close(least, distances.sum(-1).amin(-1).mean(-1) / (2 * 0.25))


@pytest.mark.parametrize("space", [R2, S1])
def test_members_that_go_around_the_other_way_are_reflected(space):
    source, target = winding_models(space)
    pair = matched(source, target)
    assert pair.family == Rotation(space, PHI, (False, True, False, False, True))
    assert (pair.source, pair.target, pair.latents) == (source, target, None)


def test_reflections_are_found_before_rotations_are():
    models = turned(R2, (1, -1, 1)), known(loop, S1)
    pair = matched(*models)
    found = quickly({"matched": pair, "as printed": Pair(*models)})
    values = {name: tolerance.tolerance(*models, reductor, samples=500).value for name, reductor in found.items()}
    assert values["matched"].max() < 1e-6
    assert (values["as printed"][:, 1] > 1).all()


def test_single_precision_suffices():
    torch.set_default_dtype(torch.float32)  # as the book has it
    models = turned(R2, (1, -1, 1)), known(loop, S1)
    found = quickly({"only": matched(*models)})["only"]
    assert found.parameters.dtype == torch.float32
    assert wrap(found.parameters[..., 0] - torch.tensor(TURNS)).abs().max() < 1e-3
    assert list(relative_degree(*models)[0]) == [1, -1, 1]
    assert tolerance.tolerance(*models, found).value.max() < 1e-5


def test_pairs_into_the_plane_are_left_alone():
    models = turned(S1, (1, -1, 1)), turned(R2)
    assert matched(*models) == Pair(*models)


# Tori


def test_pairs_with_a_torus_take_its_families():
    models = {"space": vae(R4, 1, 2), "torus": vae(T2, 3, 4)}
    pairs = pairing.between(models)
    assert pairs["space", "torus"].family == Projection(R4, T2)
    assert pairs["torus", "space"].family == Linear(T2, R4)
    assert Pair(models["torus"], models["torus"]).family == Projection(T2, T2)
    with pytest.raises(ValueError, match=r"^family maps Euclidean\(dimension=4\) to CliffordTorus\("):
        Pair(models["torus"], models["torus"], Projection(R4, T2))
    found = quickly(pairs, updates=5)
    table = tolerance.tolerances(pairs, found, samples=100)
    assert len(table) == 2 * 2 * 2
    assert (table.error[table.source == "torus"] == 0).all()
    assert (table.error[table.source == "space"] > 0).all()
    # Equal deviations leave nothing that no map can change.
    assert (table.constant == 0).all()


def test_the_pictures_of_chapter_11_are_reduced_in_the_numbers_that_networks_see():
    # The tolerance does not depend on whether it is that of four numbers or of all pixels.
    shift = torch.tensor([0.2, -0.1])
    found = []
    for shrunk in (True, False):
        data = ExtendedBenchmark(6, shrunk=shrunk)
        model = Known.extended(data, 0.4, members=2)
        found.append(tolerance.tolerance(model, model, lambda z: wrap(z + shift), samples=100).value)
    # Each circle has the squared radius 36/2.
    expected = 18 * (2 - 2 * math.cos(0.2) + 2 - 2 * math.cos(0.1)) / (2 * 0.4**2)
    for values in found:
        torch.testing.assert_close(values, torch.full((2,), expected))


def test_of_a_model_without_a_name_there_is_no_record(records_folder):
    """It is trained all the same, but two such models could not be told apart on disk."""
    data = Benchmark()
    nameless = {"one": Pair(Known(lambda z: data.mean(z[..., 0]), Phases(), [0.1]), Known.benchmark(data, 0.1))}
    with pytest.raises(ValueError, match="a model without a name in one"):
        reduction.job(nameless, repetitions=1, updates=2, samples=3)
    reduction.train(nameless, 1, 2, 3)
    assert not list(records_folder.glob("*.record"))
