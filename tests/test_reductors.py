"""Families of maps between latent spaces: the six of Table 9.1, turning and mirroring, and those of the torus."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentsep.data import seeds
from latentsep.measures.topology import winding
from latentsep.models.circular import wrap
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean
from latentsep.reductions.generative import Phases, circle
from latentsep.reductions.reductors import Linear, Projection, Rotation, angles, family

pytestmark = pytest.mark.usefixtures("float64")

R2, S1, PHI = Euclidean(2), Circle(), Phases()
PAIRS = [(a, b) for a in (R2, S1, PHI) for b in (R2, S1, PHI) if a != b]
INTO_CIRCLES = [(a, b) for a in (R2, S1, PHI) for b in (S1, PHI)]
ANGLES = st.floats(-10, 10)


def stream(seed: int = 0) -> torch.Generator:
    return seeds.generator(seed, "test")


def latents(space, *shape: int, seed: int = 0) -> torch.Tensor:
    """Random latent variables ``(*shape, d)``: angles over the circle, normal otherwise."""
    if isinstance(space, Circle | CliffordTorus):
        return (2 * torch.rand(*shape, space.noise_features, generator=stream(seed)) - 1) * math.pi
    return torch.randn(*shape, space.dimension, generator=stream(seed))


# Table 9.1, in the representation of the thesis: S¹ holds points of the plane, Φ angles in [-π, π).


def emb(angle: float) -> np.ndarray:
    return np.array([math.cos(angle), math.sin(angle)])


def atan2(point: np.ndarray) -> float:
    return math.atan2(point[1], point[0])


PRINTED = {
    (S1, R2): lambda c, z: c @ z,
    (S1, PHI): lambda t, z: (atan2(z) + t + math.pi) % (2 * math.pi) - math.pi,
    (R2, S1): lambda t, z: emb(atan2(z) + t),
    (R2, PHI): lambda t, z: (atan2(z) + t + math.pi) % (2 * math.pi) - math.pi,
    (PHI, R2): lambda c, z: c @ emb(z),
    (PHI, S1): lambda t, z: emb(z + t),
}


def as_printed(space, z: torch.Tensor) -> np.ndarray | float:
    """One latent variable ``(d,)`` of the package, as the thesis writes it."""
    if space == PHI:
        return float(z)
    return emb(float(z)) if space == S1 else z.numpy()


def parameters_of(chosen: Linear | Rotation, seed: int) -> tuple[torch.Tensor, np.ndarray | float]:
    """Random parameters for the package and for the formulas."""
    drawn = 3 * torch.randn(chosen.shape, generator=stream(seed))
    return drawn, drawn.numpy() if isinstance(chosen, Linear) else float(drawn)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_families_are_the_printed_ones(pair):
    source, target = pair
    chosen, z = family(source, target), latents(source, 40)
    for seed in range(5):
        parameters, printed = parameters_of(chosen, seed)
        for one, image in zip(z, chosen.apply(parameters, z), strict=True):
            expected = PRINTED[pair](printed, as_printed(source, one))
            np.testing.assert_allclose(as_printed(target, image), expected, atol=1e-13)


def evaluated(formula: str, **values) -> np.ndarray | float:
    """The number or vector that a formula of Table 9.1 in TeX stands for."""
    words = {
        r"\mathrm{Emb}_{\mathbb{R}^2}": "emb",
        r"\mathrm{atan2}": "atan2",
        r"\theta'": "parameter",
        r"C \cdot": "parameter @",
        r"\bmod": "%",
        r"2\pi": "(2 * pi)",
        r"\pi": "pi",
    }
    for tex, python in words.items():
        formula = formula.replace(tex, python)
    assert "\\" not in formula
    return eval(formula, {"emb": emb, "atan2": atan2, "pi": math.pi, **values})


@pytest.mark.parametrize("pair", [*PAIRS, (S1, S1), (PHI, PHI), (R2, R2)])
@pytest.mark.parametrize("reflected", [False, True])
def test_a_formula_says_what_its_family_does(pair, reflected):
    source, target = pair
    chosen, z = family(source, target, reflected), latents(source, 10)
    parameters, printed = parameters_of(chosen, 0)
    for one, image in zip(z, chosen.apply(parameters, z), strict=True):
        expected = evaluated(chosen.formula(), z=as_printed(source, one), parameter=printed)
        np.testing.assert_allclose(as_printed(target, image), expected, atol=1e-13)


@pytest.mark.parametrize("pair", [*PAIRS, (R2, Euclidean(3)), (S1, Euclidean(1)), (Euclidean(4), R2)])
def test_parameters_have_the_shape_their_symbol_says(pair):
    source, target = pair
    chosen = family(source, target)
    assert (chosen.source, chosen.target) == pair
    if isinstance(target, Euclidean):
        width = 2 if source in (S1, PHI) else source.dimension
        assert chosen.shape == (target.dimension, width)
        assert chosen.symbol == rf"C \in \mathbb{{R}}^{{{target.dimension} \times {width}}}"
    else:
        assert chosen.shape == (1,)
        assert chosen.symbol == r"\theta' \in \mathbb{R}"
    first, again, other = (chosen.start(stream(seed)) for seed in (1, 1, 2))
    assert first.shape == chosen.shape
    assert torch.equal(first, again)
    assert not (first == other).any()


@pytest.mark.parametrize("pair", [(PHI, R2), (Euclidean(3), Euclidean(5))])
def test_linear_maps_start_with_columns_of_mean_square_length_one(pair):
    chosen, stream_ = Linear(*pair), stream()
    started = torch.stack([chosen.start(stream_) for _ in range(4_000)])
    lengths = started.square().sum(-2)
    assert (lengths.mean(0) - 1).abs().max() < 4 * lengths.std() / math.sqrt(4_000)
    assert started.mean(0).abs().max() < 4 * started.std() / math.sqrt(4_000)


def test_rotations_start_anywhere_on_the_circle():
    chosen, stream_ = Rotation(S1, PHI), stream()
    started = torch.cat([chosen.start(stream_) for _ in range(4_000)])
    counts = torch.histc(started, 8, -math.pi, math.pi)  # all of them lie in between
    assert counts.sum() == 4_000
    assert (counts - 500).abs().max() < 4 * math.sqrt(4_000 / 8 * 7 / 8)


# Axes


@pytest.mark.parametrize("pair", [*PAIRS, (R2, Euclidean(3)), (S1, S1)])
def test_leading_axes_are_those_of_the_parameters(pair):
    source, target = pair
    chosen = family(source, target, (True, False, True))
    width = 1 if isinstance(target, Circle) else target.dimension
    parameters = torch.randn(2, 3, *chosen.shape, generator=stream())  # repetitions, members
    for z in (latents(source, 3, 7), latents(source, 2, 3, 7)):
        images = chosen.apply(parameters, z)
        assert images.shape == (2, 3, 7, width)
        for r in range(2):
            for m in range(3):
                alone = family(source, target, m != 1)
                own = z.expand(2, 3, 7, -1)[r, m]
                torch.testing.assert_close(images[r, m], alone.apply(parameters[r, m], own))


def test_a_tuple_of_one_truth_is_that_truth_for_every_member():
    z, parameters = latents(S1, 3, 7), torch.tensor([[0.3], [1.0], [-2.0]])
    for truth in (True, False):
        one, each = Rotation(S1, S1, truth), Rotation(S1, S1, (truth,) * 3)
        assert torch.equal(one.apply(parameters, z), each.apply(parameters, z))
    assert Rotation(S1, S1) == Rotation(S1, S1, False) != Rotation(S1, S1, True)


# Turning and mirroring


@pytest.mark.parametrize("pair", INTO_CIRCLES)
@pytest.mark.parametrize(("reflected", "sense"), [(False, 1), (True, -1)])
def test_a_rotation_keeps_the_sense_of_a_loop_and_a_reflection_turns_it(pair, reflected, sense):
    chosen = Rotation(*pair, reflected)
    for turn in (-2.0, 0.0, 3.0):
        images = chosen.apply(torch.tensor([turn]), circle(pair[0], 90))[:, 0]
        turns, step = winding(images)
        assert turns == sense
        assert step == pytest.approx(2 * math.pi / 90)
        # Angle 0 is halfway, for they begin at -π; on either map it goes to θ'.
        assert float(wrap(images[45] - turn)) == pytest.approx(0, abs=1e-12)


@given(ANGLES, ANGLES, ANGLES)
def test_rotations_add_and_reflections_undo_themselves(first, second, angle):
    z = wrap(torch.tensor([[angle]]))
    first, second = torch.tensor([first]), torch.tensor([second])
    turned, mirrored = Rotation(S1, S1), Rotation(S1, S1, True)

    def same(a: torch.Tensor, b: torch.Tensor) -> bool:
        return float(wrap(a - b).abs()) < 1e-12

    assert same(turned.apply(second, turned.apply(first, z)), turned.apply(first + second, z))
    assert same(mirrored.apply(first, mirrored.apply(first, z)), z)
    assert same(mirrored.apply(second, mirrored.apply(first, z)), turned.apply(second - first, z))
    for images in (turned.apply(first, z), mirrored.apply(first, z)):
        assert -math.pi <= float(images) < math.pi


@given(st.floats(0.01, 100), ANGLES, ANGLES)
def test_from_the_plane_only_the_direction_counts(length, angle, turn):
    angle, turn = wrap(torch.tensor([[angle]])), torch.tensor([turn])
    point = length * torch.cat([angle.cos(), angle.sin()], -1)
    for reflected in (False, True):
        from_plane = Rotation(R2, PHI, reflected).apply(turn, point)
        assert float(wrap(from_plane - Rotation(S1, PHI, reflected).apply(turn, angle)).abs()) < 1e-12


def test_angles_are_those_of_the_complex_plane():
    z = latents(R2, 2, 50)
    torch.testing.assert_close(angles(R2, z)[..., 0], torch.view_as_complex(z).angle())
    for space in (S1, PHI):
        drawn = latents(space, 2, 50)
        assert torch.equal(angles(space, drawn), drawn)


@pytest.mark.parametrize("pair", [*INTO_CIRCLES, (S1, R2), (R2, Euclidean(3))])
def test_gradients_by_the_parameters_match_finite_differences(pair):
    chosen, z = family(*pair), latents(pair[0], 2, 5)
    parameters = torch.randn(2, *chosen.shape, generator=stream(), requires_grad=True)
    embedded = pair[1].embed  # smooth, where an angle jumps
    assert torch.autograd.gradcheck(lambda p: embedded(chosen.apply(p, z)), parameters)


# Tori

R4, T2, T3, T2_OF_PHASES = Euclidean(4), CliffordTorus(), CliffordTorus(dimension=3), CliffordTorus(PHI)
INTO_TORI = [(R4, T2), (T2, T2), (T2_OF_PHASES, T2), (T2, T2_OF_PHASES), (S1, T2), (Euclidean(3), T3), (T3, T2)]


def embedded(space, z: np.ndarray) -> np.ndarray:
    """(11.6) for a torus, and (7.3) for a circle; points of R^d are themselves."""
    if isinstance(space, Euclidean):
        return z
    return np.concatenate([emb(angle) for angle in z]) / math.sqrt(len(z))


@pytest.mark.parametrize("pair", INTO_TORI)
def test_a_projection_is_a_matrix_and_a_direction_in_every_plane(pair):
    source, target = pair
    chosen, z = family(source, target), latents(source, 30)
    assert chosen == Projection(source, target)
    assert chosen.shape == (2 * target.dimension, len(embedded(source, z[0].numpy())))
    for seed in range(3):
        matrix = torch.randn(chosen.shape, generator=stream(seed))
        images = chosen.apply(matrix, z)
        assert images.shape == (30, target.dimension)
        assert ((images >= -math.pi) & (images < math.pi)).all()
        for one, image in zip(z, images, strict=True):
            y = matrix.numpy() @ embedded(source, one.numpy())  # (11.11)
            lengths = [math.hypot(y[i], y[i + 1]) for i in range(0, len(y), 2)]
            expected = np.array([y[i] / lengths[i // 2] for i in range(len(y))]) / math.sqrt(len(lengths))  # (11.12)
            np.testing.assert_allclose(embedded(target, image.numpy()), expected, atol=1e-13)
            np.testing.assert_allclose(target.embed(image).numpy(), expected, atol=1e-13)


def test_projections_worked_out_by_hand():
    chosen = Projection(R4, T2)
    swap = torch.tensor([[0.0, 0, 0, 2], [0, 0, 2, 0], [-1, 0, 0, 0], [0, 3, 0, 0]])
    z = torch.tensor([[1.0, 0, 0, 1], [1, 1, 1, 1], [0, -2, 5, 0], [-1, 0, 0, -1]])
    # y = (2, 0, −1, 0), (2, 2, −1, 3), (0, 10, 0, −6), (−2, 0, 1, 0)
    expected = [[0, -math.pi], [math.pi / 4, math.atan2(3, -1)], [math.pi / 2, -math.pi / 2], [-math.pi, 0]]
    torch.testing.assert_close(chosen.apply(swap, z), torch.tensor(expected), rtol=0, atol=1e-15)


@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_the_lengths_of_the_rows_of_a_plane_do_not_matter_together(seed, first, second):
    chosen, matrix = Projection(R4, T2), torch.randn(4, 4, generator=stream(seed))
    z = latents(R4, 7, seed=seed + 1)
    scaled = matrix * torch.tensor([first, first, second, second])[:, None]
    assert wrap(chosen.apply(scaled, z) - chosen.apply(matrix, z)).abs().max() < 1e-12
    # But one against the other they do.
    bent = matrix * torch.tensor([1.0, 2.0, 1.0, 1.0])[:, None]
    change = wrap(chosen.apply(bent, z) - chosen.apply(matrix, z))
    assert change[:, 0].abs().max() > 1e-4
    assert not change[:, 1].any()


@given(ANGLES, ANGLES, st.sampled_from([1, -1]), st.sampled_from([1, -1]), st.booleans())
def test_between_tori_are_all_turns_mirrorings_and_exchanges(first, second, sense, other, exchanged):
    def block(turn: float, sense: int) -> torch.Tensor:
        c, s = math.cos(turn), math.sin(turn)
        return torch.tensor([[c, -s], [s, c]]) @ torch.diag(torch.tensor([1.0, sense]))

    matrix = torch.block_diag(block(first, sense), block(second, other))
    z, expected = latents(T2, 9), torch.tensor([first, second])
    if exchanged:
        matrix = matrix[:, [2, 3, 0, 1]]
    expected = expected + torch.tensor([sense, other]) * (z.flip(-1) if exchanged else z)
    assert wrap(Projection(T2, T2).apply(matrix, z) - expected).abs().max() < 1e-12


@pytest.mark.parametrize("pair", INTO_TORI)
def test_leading_axes_are_those_of_the_matrices(pair):
    source, target = pair
    chosen = family(source, target)
    parameters = torch.randn(2, 3, *chosen.shape, generator=stream())  # repetitions, members
    for z in (latents(source, 3, 7), latents(source, 2, 3, 7)):
        images = chosen.apply(parameters, z)
        assert images.shape == (2, 3, 7, target.dimension)
        for r in range(2):
            for m in range(3):
                alone = chosen.apply(parameters[r, m], z.expand(2, 3, 7, -1)[r, m])
                torch.testing.assert_close(images[r, m], alone)


def test_from_a_torus_into_space_a_map_is_a_matrix():
    chosen = family(T2, R4)
    assert chosen == Linear(T2, R4)
    assert chosen.shape == (4, 4)
    matrix, z = torch.randn(4, 4, generator=stream()), latents(T2, 20)
    for one, image in zip(z, chosen.apply(matrix, z), strict=True):
        expected = matrix.numpy() @ embedded(T2, one.numpy())  # (11.13)
        np.testing.assert_allclose(image.numpy(), expected, atol=1e-13)
    # There and back again.
    back = Projection(R4, T2).apply(torch.linalg.inv(matrix), chosen.apply(matrix, z))
    assert wrap(back - z).abs().max() < 1e-9


def test_projections_start_from_normal_entries():
    chosen, stream_ = Projection(R4, T2), stream()
    started = torch.stack([chosen.start(stream_) for _ in range(4_000)])
    assert started.shape == (4_000, 4, 4)
    assert started.mean(0).abs().max() < 5 / math.sqrt(4_000)
    assert (started.square().mean(0) - 1).abs().max() < 5 * math.sqrt(2 / 4_000)
    assert torch.equal(chosen.start(stream(1)), chosen.start(stream(1)))


def test_maps_of_tori_say_what_they_do():
    assert family(R4, T2).symbol == family(T2, R4).symbol == r"C \in \mathbb{R}^{4 \times 4}"
    assert family(Euclidean(3), T3).symbol == r"C \in \mathbb{R}^{6 \times 3}"
    assert family(T2, R4).formula() == r"C \cdot z"
    for pair in ((R4, T2), (T2, T2)):
        chosen = family(*pair)
        said = chosen.formula()
        assert said == r"\left(\mathrm{atan2}(y_1, y_2), \mathrm{atan2}(y_3, y_4)\right),\ y = C \cdot z"
        # As a program: the angles of points (y₁, y₂) and (y₃, y₄).
        matrix, z = torch.randn(4, 4, generator=stream()), latents(pair[0], 9)
        for one, image in zip(z, chosen.apply(matrix, z), strict=True):
            y = matrix.numpy() @ embedded(pair[0], one.numpy())
            points = re.findall(r"\(y_(\d), y_(\d)\)", said)
            expected = [atan2(y[[int(i) - 1, int(j) - 1]]) for i, j in points]
            np.testing.assert_allclose(np.exp(1j * image.numpy()), np.exp(1j * np.array(expected)), atol=1e-13)
    assert family(Euclidean(3), T3).formula().count("atan2") == 3


@pytest.mark.parametrize("pair", INTO_TORI)
def test_gradients_by_the_matrix_match_finite_differences(pair):
    chosen, z = family(*pair), latents(pair[0], 2, 5)
    parameters = torch.randn(2, *chosen.shape, generator=stream(), requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: pair[1].embed(chosen.apply(p, z)), parameters)


# What is refused


@pytest.mark.parametrize("target", [S1, PHI])
def test_a_linear_map_does_not_end_on_a_circle(target):
    with pytest.raises(ValueError, match=rf"^target is {re.escape(str(target))}; .*choose Rotation$"):
        Linear(R2, target)


def test_a_rotation_ends_on_a_circle_and_starts_from_one_or_the_plane():
    with pytest.raises(ValueError, match=r"^target is Euclidean\(dimension=2\); .*choose Linear$"):
        Rotation(S1, R2)
    for d in (1, 3):
        with pytest.raises(ValueError, match=rf"^source is Euclidean\(dimension={d}\); .* a circle or from Euclidean"):
            Rotation(Euclidean(d), S1)


@pytest.mark.parametrize("target", [R2, R4, S1, PHI])
def test_a_projection_ends_on_a_torus(target):
    with pytest.raises(ValueError, match=rf"^target is {re.escape(str(target))}; a projection ends on a torus, "):
        Projection(R4, target)


def test_neither_a_rotation_nor_a_linear_map_ends_on_a_torus():
    with pytest.raises(ValueError, match=r"^target is CliffordTorus\(.*; a linear map ends in a Euclidean space, "):
        Linear(R4, T2)
    with pytest.raises(ValueError, match=r"^target is CliffordTorus\(.*; a rotation ends on a circle, "):
        Rotation(S1, T2)
    with pytest.raises(ValueError, match=r"^source is CliffordTorus\(.*; a rotation starts from a circle"):
        family(T2, S1)
