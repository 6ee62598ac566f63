"""Tables that print the squared error twice are held against themselves."""

import math

import pytest

from latentsep.ledger import twice
from latentsep.ledger.printed import Printed
from latentsep.ledger.twice import Twice


def cell(mean: float, std: float, second: float = 0.2, second_std: float = 0.04, scatter: float = 2e-4) -> Twice:
    return Twice(Printed(mean, std, 5e-5), Printed(second, second_std, 1e-6), scatter)


def test_the_second_computation_is_that_of_the_formula():
    """Of 23.27 nats at σ_X = 1, 25/2 log 2π are the constant; what is left counts double."""
    found = twice.cells("table-7.1")["x0.01/sx1"]
    assert found.second.mean == pytest.approx(2 * (23.27 - 12.5 * math.log(2 * math.pi)))
    assert found.second.std == pytest.approx(0.12)
    assert found.scatter == 1.0
    assert twice.cells("table-5.1")["x0.1/sx0.1"].scatter == pytest.approx(0.02)


def test_samples_may_scatter_but_not_the_other_way():
    assert not cell(0.2, 0.04).contradicts
    assert not cell(0.1999, 1e-4, second_std=1e-4).contradicts
    assert cell(0.2, 1e-5, second=0.21, second_std=1e-5).gap == pytest.approx(0.01 - 2e-4, rel=0.1)
    assert cell(0.21, 1e-5, second_std=1e-5).gap == pytest.approx(0.01, rel=0.1)
    assert not cell(0.19, 1e-5, second_std=1e-5, scatter=0.02).contradicts


def test_a_deviation_can_contradict_where_means_cannot():
    wide = cell(0.2, 0.4)
    assert wide.gap == 0
    assert wide.excess == pytest.approx(0.36, abs=1e-3)
    assert not cell(0.2, 0.4, scatter=0.7).contradicts  # posteriors that differ between repetitions


def test_the_widest_deviation_is_that_of_three_and_two():
    values = [0, 0, 0, 1, 1]
    mean = sum(values) / 5
    widest = math.sqrt(sum((v - mean) ** 2 for v in values) / 4)
    assert math.isclose(twice._WIDEST, widest)


def test_exponents_follow_from_the_other_computation():
    assert cell(0.02, 0.004).exponent == 1
    assert cell(2.0, 0.4).exponent == -1
    assert cell(0.2, 0.04).exponent == 0
    with pytest.raises(ValueError, match="no exponent makes"):
        _ = cell(0.5, 1e-5, second_std=1e-5).exponent


def test_three_cells_of_the_thesis_contradict_themselves():
    found = {
        (table, name): row.exponent
        for table in ("table-5.1", "table-7.1")
        for name, row in twice.cells(table).items()
        if row.contradicts
    }
    assert found == {("table-5.1", "x1/sx0.01"): 1, ("table-5.1", "x1/sx0.1"): 1, ("table-7.1", "x0.01/sx1"): -1}
    for table in ("table-5.1", "table-7.1"):
        assert not any(row.contradicts for row in twice.cells(table, corrected=True).values())
