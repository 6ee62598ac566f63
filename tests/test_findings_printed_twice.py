"""What chapters 5 and 7 say of the squared errors that their tables print twice."""

import pytest

from latentsep.findings import printed_twice
from latentsep.ledger import twice


def test_every_row_is_there_and_the_wrong_ones_say_so():
    rows = printed_twice.rows("table-5.1")
    assert len(rows) == 9
    wrong = rows[rows.verdict != ""]
    assert wrong.index.tolist() == [("X<sub>1</sub>", "0.01"), ("X<sub>1</sub>", "0.1")]
    assert set(wrong.verdict) == {"contradicts itself; exponent +1"}
    assert rows.iloc[0].tolist()[:2] == ["(1.59 ± 0.64)·10<sup>−5</sup>", "(2.13 ± 0.08)·10<sup>−4</sup>"]
    assert printed_twice.rows("table-7.1").verdict["X<sub>0.01</sub>", "1"] == "contradicts itself; exponent −1"


def test_the_summary_tells_factors_and_scatter():
    told = printed_twice.summary("table-5.1")
    assert (told.twice_rows, told.twice_wrong) == (9, 2)
    assert [float(v) for v in told.twice_means.split(" and ")] == pytest.approx([10, 10.7], abs=0.05)
    spread = [
        (row.second.mean - row.first.mean) / float(cell.rpartition("/sx")[2]) ** 2
        for cell, row in twice.cells("table-5.1").items()
        if not row.contradicts
    ]
    assert (told.twice_least, told.twice_most) == (min(spread), max(spread))
    # In the noisiest row of Table 7.1 a last digit is five times what could be seen.
    assert printed_twice.summary("table-7.1").twice_most < 1
