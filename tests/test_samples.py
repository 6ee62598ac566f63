"""Measures of drawn pictures, held against what is known of simple clouds, and against what fools them."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from sklearn.neighbors import KNeighborsClassifier

from latentsep.data.handwriting import Handwriting
from latentsep.measures import codes, judge, samples, walks
from latentsep.measures.examination import draw
from latentsep.measures.samples import Real, compare
from latentsep.models.autoencoders import Kind


def cloud(count: int, seed: int, shift: float = 0.0, dimension: int = 3) -> torch.Tensor:
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed)) + shift


def test_radii_are_the_distances_to_the_kth_other_point():
    points = cloud(300, 0)
    expected = cKDTree(points.numpy()).query(points.numpy(), 6)[0][:, 5]
    np.testing.assert_allclose(samples.radii(points, 5), expected, rtol=1e-3)
    with pytest.raises(ValueError, match=r"^neighbours is 300; choose 1 to 299$"):
        samples.radii(points, 300)


def test_precision_and_recall_by_going_through_all_pairs():
    """The definitions of Kynkäänniemi et al. and of Naeem et al., point by point."""
    real, drawn, k = cloud(80, 0).numpy(), cloud(50, 1, 0.7).numpy(), 4
    radius = cKDTree(real).query(real, k + 1)[0][:, k]
    own = cKDTree(drawn).query(drawn, k + 1)[0][:, k]
    far = np.linalg.norm(real[:, None] - drawn, axis=-1)
    expected = {
        "precision": np.mean([any(far[i, j] <= radius[i] for i in range(80)) for j in range(50)]),
        "recall": np.mean([any(far[i, j] <= own[j] for j in range(50)) for i in range(80)]),
        "density": np.mean([sum(far[i, j] <= radius[i] for i in range(80)) for j in range(50)]) / k,
        "coverage": np.mean([any(far[i, j] <= radius[i] for j in range(50)) for i in range(80)]),
    }
    found = compare(Real.of(torch.tensor(real), k), torch.tensor(drawn), k)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_the_nearest_other_tells_as_a_classifier_left_one_out_does():
    real, drawn = cloud(60, 0), cloud(60, 1, 0.5)
    rows, labels = torch.cat([real, drawn]).numpy(), np.repeat([0, 1], 60)
    left_out = [
        KNeighborsClassifier(1).fit(np.delete(rows, i, 0), np.delete(labels, i)).predict(rows[i : i + 1])[0]
        == labels[i]
        for i in range(120)
    ]
    assert samples.told(real, drawn) == pytest.approx(np.mean(left_out))


def test_draws_from_the_same_law_pass_all_and_others_fail_some():
    real = Real.of(cloud(1000, 0))
    same, elsewhere, narrow = (
        compare(real, points) for points in (cloud(1000, 1), cloud(1000, 1, 9.0), 0.2 * cloud(1000, 1))
    )
    assert min(same["precision"], same["recall"]) > 0.95
    assert same["coverage"] > 0.95
    assert same["density"] == pytest.approx(1, abs=0.1)
    assert same["told"] == pytest.approx(0.5, abs=0.05)
    assert elsewhere["precision"] == elsewhere["recall"] == elsewhere["coverage"] == 0
    assert elsewhere["told"] == 1
    # Mode collapse: faithful, and covers little.
    assert narrow["precision"] > 0.99
    assert narrow["coverage"] < 0.5
    assert narrow["told"] > 0.6


def test_classes_count_as_many_as_are_drawn_equally_often():
    assert samples.classes(torch.eye(10).repeat(3, 1)) == pytest.approx(10)
    assert samples.classes(torch.eye(10)[:1].repeat(9, 1)) == pytest.approx(1)


def test_codes_are_drawn_from_the_density_that_is_named():
    stream = torch.Generator().manual_seed(0)
    code = torch.cat([cloud(500, 0, 0.0, 2) * torch.tensor([3.0, 0.1]), cloud(500, 1, 20.0, 2)])
    standard, fitted, mixture = (draw(code, way, 4000, stream) for way in ("standard", "fitted", "mixture"))
    assert float(standard.std()) == pytest.approx(1, abs=0.05)
    torch.testing.assert_close(torch.cov(fitted.T), torch.cov(code.T), rtol=0.1, atol=3.0)
    # A mixture knows that there is nothing between the two heaps; a normal density does not.
    between = [float(((d.mean(1) > 6) & (d.mean(1) < 14)).double().mean()) for d in (fitted, mixture)]
    assert between[0] > 0.1
    assert between[1] < 0.01
    with pytest.raises(ValueError, match=r"^way is 'uniform'; choose standard \| fitted \| mixture$"):
        draw(code, "uniform", 10, stream)


def test_the_probe_knows_classes_that_a_line_separates_and_no_others():
    code = torch.cat([cloud(200, 0, -3.0), cloud(200, 1, 3.0)])
    labels = torch.repeat_interleave(torch.tensor([0, 1]), 200)
    assert codes.probe(code, labels, code, labels) > 0.99
    ring = torch.cat(
        [torch.nn.functional.normalize(cloud(200, 2), dim=-1), 9 * torch.nn.functional.normalize(cloud(200, 3), dim=-1)]
    )
    assert codes.probe(ring, labels, ring, labels) < 0.7


def test_distances_that_are_scaled_keep_their_ranks():
    points = cloud(300, 0)
    apart = codes.lengths(points)
    assert codes.rank_correlation(apart, codes.lengths(7 * points)) == pytest.approx(1)
    assert abs(codes.rank_correlation(apart, codes.lengths(cloud(300, 1)))) < 0.1


def test_separation_is_the_area_under_the_curve():
    from sklearn.metrics import roc_auc_score

    code, labels = cloud(400, 0, 0.0, 2), (cloud(400, 1, 0.0, 1)[:, 0] > 0).long()
    code[:, 1] += labels
    areas = [max(a, 1 - a) for a in (roc_auc_score(labels, code[:, n]) for n in range(2))]
    assert codes.separation(code, labels) == pytest.approx(max(areas), abs=1e-6)


def test_axes_that_are_classes_tell_more_than_turned_ones():
    labels = torch.arange(1000) % 4
    code = torch.nn.functional.one_hot(labels).float() + 0.6 * cloud(1000, 0, 0.0, 4)
    assert codes.axes(code, labels) > 0.02
    turn = torch.linalg.qr(cloud(4, 5, 0.0, 4))[0]
    assert codes.axes(code @ turn, labels) < codes.axes(code, labels)


def test_displacement_is_relative_to_the_spread():
    code = cloud(5000, 0)
    step = torch.nn.functional.normalize(cloud(5000, 1), dim=-1) * math.sqrt(3) / 2
    assert codes.displacement(code, code + step) == pytest.approx(0.5, abs=0.02)
    assert codes.displacement(9 * code, 9 * (code + step)) == pytest.approx(0.5, abs=0.02)


def test_irregularity_is_nothing_for_standard_normal_codes():
    assert codes.irregularity(cloud(50_000, 0)) < 1e-3
    assert codes.irregularity(2 * cloud(50_000, 0)) == pytest.approx(3 * (1.5 - math.log(2)), rel=0.02)


def test_holes_are_where_there_are_no_codes():
    ring = torch.nn.functional.normalize(cloud(4000, 0, 0.0, 2), dim=-1)
    other, isolated = torch.nn.functional.normalize(cloud(500, 1, 0.0, 2), dim=-1), codes.isolation(ring)
    assert codes.holes(ring, other, isolated) < 0.05
    assert codes.holes(ring, 0.3 * other, isolated) == 1


def test_principal_directions_are_those_of_singular_vectors():
    x = cloud(200, 0, 1.0, 6) * torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0, 0.5])
    mean, variances, directions = codes.principal(x)
    _, singular, vectors = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    torch.testing.assert_close(variances, singular**2 / 199, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close((directions @ vectors.T).abs(), torch.eye(6), atol=1e-2, rtol=0)
    torch.testing.assert_close(mean, x.mean(0))


def test_damage_is_the_same_each_time_and_of_its_kind():
    x = torch.ones(10, 400)
    masked = codes.damage(x, Kind("masking", masked=0.5))
    assert torch.equal(masked, codes.damage(x, Kind("masking", masked=0.5)))
    assert float((masked == 0).double().mean()) == pytest.approx(0.5, abs=0.03)


def test_pairs_are_of_equal_or_unequal_digits_and_never_one_twice():
    labels = torch.arange(500) % 10
    for equal in (True, False):
        first, second = walks.pairs(labels, equal)
        assert len(first) == walks.LINES
        assert ((labels[first] == labels[second]) == equal).all()
        assert (first != second).all()


def test_a_straight_line_of_pictures_is_even_and_a_jump_is_not():
    ends = cloud(4, 0), cloud(4, 1)
    line = walks.straight(*ends)
    torch.testing.assert_close(line[:, -1], ends[1])
    assert walks.unevenness(line) == pytest.approx(1, abs=1e-4)
    jump = torch.where(torch.arange(walks.STEPS + 1)[:, None] < 5, ends[0][:, None], ends[1][:, None])
    assert walks.unevenness(jump) == pytest.approx(walks.STEPS)


def test_the_judge_learns_and_says_how_sure_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTSEP_RECORDS", str(tmp_path))
    labels = np.arange(300) % 3
    pixels = np.eye(3, dtype=np.float32)[labels] + 0.1 * np.random.default_rng(0).normal(size=(300, 3)).astype(
        np.float32
    )
    data = Handwriting("three", pixels, labels, 240)
    found = judge.judge(judge.Schooling(data, units=16, rounds=300))
    assert found.accuracy(*data.held_out()) == 1
    probabilities = found.probabilities(data.held_out()[0])
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(60))
    assert (found.sure(data.held_out()[0]) == (probabilities.amax(-1) >= judge.SURE)).all()
    again = judge.train(judge.Schooling(data, units=16, rounds=300))
    assert torch.equal(found.first, torch.from_numpy(again["first"]))


def test_codes_that_are_all_the_same_know_nothing():
    same, labels = torch.zeros(60, 2), torch.tensor([0, 1, 1]).repeat(20)
    assert codes.probe(same, labels, same, labels) == pytest.approx(2 / 3)
    apart = codes.lengths(cloud(60, 0))
    assert codes.rank_correlation(apart, codes.lengths(same)) == 0
    assert codes.active(same).all()
    torch.linalg.cholesky(codes.covariance_of(same))


def test_neighbours_of_a_kind_and_numbers_that_vary():
    labels = torch.tensor([0, 1]).repeat_interleave(30)
    apart = torch.cat([cloud(60, 2) * 0.1 + 5 * labels[:, None], torch.zeros(60, 1)], 1)
    assert codes.neighbours(apart, labels) == 1
    assert 0.2 < codes.neighbours(cloud(60, 2), labels) < 0.8
    assert codes.active(apart).tolist() == [True] * (apart.shape[1] - 1) + [False]
