"""The fingerprint of code: what computes a result counts, what stores, announces or times it does not."""

import ast
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import latentsep
from latentsep import fingerprints, latent_spaces, records, reduction, seriation
from latentsep.datasets import Benchmark
from latentsep.fingerprints import fingerprint, imported
from latentsep.loops import shrink
from latentsep.runs import Member, Run
from latentsep.training import fit

RUN = Run((Member(0.1, 0.1),), Benchmark(6, 10))
IMAGES = np.random.default_rng(0).random((2, 5, 3, 4))
LOOPS = shrink(IMAGES)[0].ordered([[0, 2, 4, 1, 3], range(5)])
PICTURES = Run((Member(1, 0.1),), LOOPS, latent_spaces.Circle(), batch_size=None)

TOY = {
    "__init__": "",
    "top": (
        '"""About top."""\nimport toy.third\nfrom toy import pool, records, side\n'
        "from toy.files import x\nfrom toy.deep import f\n\n\n"
        'def g(x):\n    """About g."""\n    return f(x)\n'
    ),
    "side": "class C:\n    # nothing here\n    x = 1\n",
    "deep": "import math\n\n\ndef f(x):\n    from toy.deeper import h\n\n    return h(math.pi)\n",
    "deeper": "def h(x):\n    '''Only words.'''\n",
    "third": "x = 1\n",
    **dict.fromkeys(fingerprints._NEUTRAL, "x = 1\n"),
    "stranger": "x = 1\n",
}


def modules_from(folder: Path) -> SimpleNamespace:
    """A stand-in for ``importlib`` that finds the modules of a package in a folder."""

    def find_spec(name: str) -> SimpleNamespace | None:
        path = folder.joinpath(*name.split(".")[1:])
        if path.is_dir():
            return SimpleNamespace(origin=path / "__init__.py", submodule_search_locations=[path])
        path = path.with_suffix(".py")
        return SimpleNamespace(origin=path, submodule_search_locations=None) if path.exists() else None

    return SimpleNamespace(util=SimpleNamespace(find_spec=find_spec))


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Call it with new sources for modules of a toy package, for the fingerprint of its module ``top``."""
    folder = tmp_path / "toy"
    folder.mkdir()
    monkeypatch.setattr(fingerprints, "__name__", "toy.fingerprints")
    monkeypatch.setattr(fingerprints, "importlib", modules_from(folder))

    def change(**sources: str) -> str:
        for name, text in {**TOY, **sources}.items():
            (folder / f"{name}.py").write_text(text)
        return fingerprint.__wrapped__("toy.top")

    return change


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("top", "f(x)", "f(x + 1)"),
        ("side", "x = 1", "x = 2"),
        ("side", "class C", "class D"),
        ("third", "x = 1", "x = 2"),
        ("deep", "math.pi", "math.e"),
        ("deeper", "def h(x)", "def h(x, y=1)"),
        ("deeper", "'''Only words.'''", "return 'Only words.'"),
    ],
)
def test_code_counts_wherever_it_is_imported(module, old, new, toy):
    assert old in TOY[module]
    assert toy() != toy(**{module: TOY[module].replace(old, new)})


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("top", "About top", "Something else about top"),
        ("top", '    """About g."""\n', ""),
        ("top", '"""About top."""\n', "# A comment.\n\n\n"),
        ("top", "return f(x)", "return (\n        f(x)  # thus\n    )"),
        ("side", "# nothing here", "# something here"),
        ("deeper", "'''Only words.'''", "pass"),
        *((name, "x = 1", "x = 2") for name in fingerprints._NEUTRAL),
        ("stranger", "x = 1", "x = 2"),
    ],
)
def test_words_layout_and_strangers_do_not_count(module, old, new, toy):
    assert old in TOY[module]
    assert toy() == toy(**{module: TOY[module].replace(old, new)})


ALWAYS = {"seeds", "datasets", "distributions", "latent_spaces", "networks", "vae", "runs", "training"}


@pytest.mark.parametrize(("run", "also"), [(RUN, set()), (PICTURES, {"loops"})], ids=["benchmark", "pictures"])
def test_a_training_run_depends_on_all_the_code_that_makes_it(run, also, tmp_path, monkeypatch):
    source = Path(latentsep.__file__).parent
    shutil.copytree(source, tmp_path / "latentsep", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(records, "fingerprint", fingerprint.__wrapped__)

    def code() -> str:
        return records.describe(run, fit)["code"]

    real = code()
    monkeypatch.setattr(fingerprints, "importlib", modules_from(tmp_path / "latentsep"))
    before, counted = code(), set()
    assert before == real
    for path in (tmp_path / "latentsep").glob("*.py"):
        text = path.read_text()
        path.write_text(text + "\nchanged = True\n")
        if code() != before:
            counted.add(path.stem)
        path.write_text(text + "\n# changed\n")
        assert code() == before
        path.write_text(text)
    assert counted == ALWAYS | also


def test_what_does_not_count_is_there():
    source = Path(latentsep.__file__).parent
    assert {name for name in fingerprints._NEUTRAL if not (source / f"{name}.py").exists()} == set()


def test_maps_and_orders_depend_on_their_own_code():
    code = {fingerprint(module.__name__) for module in (reduction, seriation)}
    assert len(code | {fingerprint("latentsep.training")}) == 3


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        ("import latentsep.runs, math", ["latentsep.runs"]),
        ("from latentsep import runs, vae", ["latentsep", "latentsep.runs", "latentsep.vae"]),
        ("from latentsep.runs import Run", ["latentsep.runs"]),
        ("from torch import Tensor\nfrom latentsepia import x\nfrom . import runs", []),
        ("def f():\n    from latentsep.vae import VAE", ["latentsep.vae"]),
    ],
)
def test_imports_are_found_by_the_full_names_of_modules(code, modules):
    assert imported(ast.parse(code), "latentsep") == modules
