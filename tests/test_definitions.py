"""What code says and what it reaches, on a toy package."""

import pytest

from latentsep.runtime.definitions import Package

TOY = {
    "__init__": "",
    "top": '''"""About top."""
import math
import toy.third
from toy import records, side
from toy.deep import f as deep_f

def g(x: "side.C") -> "side.C":
    """About g."""
    records.keep(x)
    return deep_f(x) + side.C.x

def apart(x):
    return x
''',
    "side": "class C:\n    # nothing here\n    x = 1\n\n\nclass Unused:\n    pass\n",
    "deep": """
import math

k = 2

def f(x):
    from toy.deeper import h

    k = 1
    return h(math.pi, k)
""",
    "deeper": '''
from functools import cache

@cache
def h(x, k):
    """Only words."""
    return [n for n in x]

n = 1
''',
    "third": """
from toy.table import enter

@enter
def one():
    return 1

def two():
    return 2
""",
    "table": "TABLE = []\n\n\ndef enter(f):\n    TABLE.append(f)\n    return f\n",
    "records": "def keep(x):\n    return x\n",
}


@pytest.fixture
def toy(tmp_path):
    """Call it with other sources for modules of a toy package, for what is reached from ``toy.top.g``."""
    folder = tmp_path / "toy"
    folder.mkdir()

    def reached(start: str = "toy.top.g", **sources: str) -> dict[tuple[str, str], str]:
        for name, text in {**TOY, **sources}.items():
            (folder / f"{name}.py").write_text(text)
        return Package(folder, frozenset({"records"})).reached([start])

    return reached


def texts(found: dict[tuple[str, str], str]) -> list[tuple[str, str]]:
    return sorted((name, text) for (_, name), text in found.items())


def test_what_is_reached_and_no_more(toy):
    assert set(toy()) == {
        ("toy.top", "g"), ("toy.side", "C"), ("toy.deep", "f"), ("toy.deeper", "h"),
        # Imported for what they do: a function enters itself in a table.
        ("toy.third", "one"), ("toy.third", "two"), ("toy.third", ""), ("toy.table", "enter"), ("toy.table", "TABLE"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("top", "f(x)", "f(x + 1)"),
        ("side", "x = 1", "x = 2"),
        ("side", "class C:\n    # nothing here", "@dataclass\nclass C:\n    y: int"),
        ("deep", "math.pi", "math.e"),
        ("deeper", "def h(x, k)", "def h(x, k=1)"),
        ("deeper", "@cache\n", ""),
        ("third", "return 1", "return 3"),
        ("table", "TABLE.append(f)", "TABLE.insert(0, f)"),
    ],
)
def test_code_counts_wherever_it_is(module, old, new, toy):
    assert old in TOY[module]
    assert texts(toy()) != texts(toy(**{module: TOY[module].replace(old, new)}))


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("top", "About top", "Something else about top"),
        ("top", '    """About g."""\n', ""),
        ("top", '"side.C"', "int"),
        ("top", " as deep_f", ""),
        ("side", "# nothing here", "# something here"),
        ("side", "# nothing here", "y: int"),  # a field only where a decorator makes it one
        ("side", "class Unused:\n    pass", "class Unused:\n    x = 2"),
        ("deep", "k = 2", "k = 3"),  # the function has a k of its own
        ("deep", "return h(math.pi, k)", "return h(\n        math.pi,  # thus\n        k,\n    )"),
        ("deeper", "n = 1", "n = 2"),  # and so has a comprehension
        ("records", "return x", "return 2 * x"),
    ],
)
def test_words_layout_and_what_is_not_used_do_not_count(module, old, new, toy):
    assert old in TOY[module]
    changed = {module: TOY[module].replace(old, new)}
    if " as " in old:
        changed[module] = changed[module].replace("deep_f(", "f(")
    assert texts(toy()) == texts(toy(**changed))


def test_it_does_not_matter_where_a_definition_stands(toy):
    moved = {
        "side": "from toy.elsewhere import C\n",
        "elsewhere": TOY["side"],
        "top": TOY["top"].replace("from toy.deep import f", "from toy.deepest import f"),
        "deepest": "import math\nfrom . import deeper\n\n\ndef f(x):\n    k = 1\n    return deeper.h(math.pi, k)\n",
    }
    assert texts(toy(**moved)) == texts(toy())


def test_a_module_as_a_whole(toy):
    assert {name for _, name in toy("toy.side")} == {"C", "Unused"}
    passed_on = toy(top=TOY["top"].replace("return x\n", "return vars(side)\n"), start="toy.top.apart")
    assert ("toy.side", "Unused") in passed_on


@pytest.mark.parametrize("name", ["toy.top.nothing", "toy.nowhere", "toy.side.D"])
def test_a_name_that_is_not_there_is_named(name, toy):
    with pytest.raises(LookupError, match="there is no"):
        toy(name)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("from toy.side import C\nC()", {"C"}),
        ("from toy.side import C", set()),
        ("from toy import side", {"C", "Unused"}),
        ("import toy.side\ntoy.side.C()", {"C"}),
        ("from torch import Tensor\nfrom toyota import x", set()),
        ("def f():\n    from toy.side import C\n    return C", {"C"}),
        ("C = 1\nC()", set()),
    ],
)
def test_code_outside(code, names, toy, tmp_path):
    toy()
    found = Package(tmp_path / "toy").reached([], code)
    assert {name for module, name in found if module == "toy.side"} == names
