"""Which cells a cell builds on, read off their code."""

import pytest

from latentsep.book.dataflow import origins


@pytest.mark.parametrize(
    ("cells", "last"),
    [
        (["x = 1", "y = x", "print(y)"], [0, 1, 2]),
        (["x = 1", "x = 2", "print(x)"], [1, 2]),  # the first is forgotten
        (["x = 1", "x = x + 1", "print(x)"], [0, 1, 2]),
        (["x = []", "x.append(2)", "print(x)"], [0, 1, 2]),
        (["x = {}", "x['a'] = 2", "print(x)"], [0, 1, 2]),
        (["x = {}", "x.a.b[1] = 2", "print(x)"], [0, 1, 2]),
        (["x = 1", "x += 2", "print(x)"], [0, 1, 2]),
        (["x = 1", "if y:\n    x = 2", "print(x)"], [0, 1, 2]),  # either may hold
        (["x = 1", "for x in range(3):\n    pass", "print(x)"], [0, 1, 2]),  # of none the loop assigns nothing
        (["x = 1", "with open('a') as x:\n    pass", "print(x)"], [1, 2]),
        (["run = 1", "for run in range(3):\n    print(run)"], [1]),  # the loop's own
        (["run = 1", "for run in run:\n    print(run)"], [0, 1]),
        (["x = 1", "print([x for x in range(3)])"], [1]),  # a comprehension's own
        (["x = 1", "print([x for _ in range(3)])"], [0, 1]),
        (["x = 1", "print([(lambda: x + y)() for y in range(3)])"], [0, 1]),
        (["x = 1", "def f(x):\n    return x", "f(2)"], [1, 2]),
        (["x = 1", "def f():\n    return x", "f()"], [0, 1, 2]),
        (["x = 1", "class C:\n    y = x", "C()"], [0, 1, 2]),
        (["x = 1", "x = 2\nprint(x)"], [1]),
        (["x = 1", "print(x)\nx = 2"], [0, 1]),
        (["import figures", "figures.draw(1)", "figures.draw(2)"], [0, 2]),  # drawing changes no module
        (["x = 1", "try:\n    y = x\nexcept ValueError as e:\n    y = 2", "print(y)"], [0, 1, 2]),
        (["a, (b, *c) = 1, (2, 3)", "print(c)"], [0, 1]),
        (["x: int = 1", "print(f'{x:.2f}')"], [0, 1]),
        (["x = 1", "print((y := x))", "print(y)"], [0, 1, 2]),
        (["x = 1", "while x:\n    x = x - 1", "x"], [0, 1, 2]),
        (["x = 1", "y = 1", "print('x', \"y\")"], [2]),
        (["x = 1", "", "# x"], [2]),
    ],
)
def test_a_cell_builds_on_those_that_define_what_it_uses(cells, last):
    assert origins(cells)[-1] == last


def test_what_is_no_python_is_not_guessed_at():
    with pytest.raises(SyntaxError):
        origins(["x = 1", "x ="])
