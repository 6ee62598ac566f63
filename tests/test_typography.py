"""Powers of ten on pages are written out, in prose and tables and nowhere else."""

import pytest

from latentsep.book.typography import powers


@pytest.mark.parametrize(
    ("program", "person"),
    [
        (
            "off by 1.9e+33, as meant 2.2e-16 (tolerance 1e-08)",
            "off by 1.9·10<sup>33</sup>, as meant 2.2·10<sup>−16</sup> (tolerance 10<sup>−8</sup>)",
        ),
        ("<td>8.3e-01 and 0.0e+00</td>", "<td>0.83 and 0</td>"),
        ("<td>-1.20e-03</td>", "<td>−0.0012</td>"),
        ("off by 7.7e+02", "off by 770"),
        ("<td>-3e-05</td>", "<td>−3·10<sup>−5</sup></td>"),
        ("<b>3e-05</b> nats.", "<b>3·10<sup>−5</sup></b> nats."),
        ("at most 4e-07.", "at most 4·10<sup>−7</sup>."),
    ],
)
def test_numbers_are_written_as_people_do(program, person):
    assert powers(program) == person


@pytest.mark.parametrize(
    "untouched",
    [
        "<code>tolerance=1e-3</code>",
        '<pre><span class="mf">1e-3</span> and 2e-5</pre>',
        "<script>let a = 1e-3;</script>",
        '<a href="#x1e-3">here</a>',
        "table 1e, -3",
        "version 2e-3.1.4",
        "a1e-5",
    ],
)
def test_code_and_names_stay(untouched):
    assert powers(untouched) == untouched
