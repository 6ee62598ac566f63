"""The fingerprint of code: what computes a result counts wherever it stands, what stores or announces it does not."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import latentsep
from latentsep.data import seriation
from latentsep.data.benchmarks import Benchmark
from latentsep.data.loops import shrink
from latentsep.models import latent_spaces
from latentsep.reductions import reduction
from latentsep.reductions.generative import Known
from latentsep.reductions.pairing import Pair
from latentsep.reductions.reduction import Reduction, algorithm_2
from latentsep.reductions.reductors import family
from latentsep.runtime import describing, fingerprints, records
from latentsep.runtime.definitions import Package
from latentsep.training.algorithm import fit
from latentsep.training.runs import Member, Run

RUN = Run((Member(0.1, 0.1),), Benchmark(6, 10))
IMAGES = np.random.default_rng(0).random((2, 5, 3, 4))
LOOPS = shrink(IMAGES)[0].ordered([[0, 2, 4, 1, 3], range(5)])
PICTURES = Run((Member(1, 0.1),), LOOPS, latent_spaces.Circle(), batch_size=None)


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package whose code is looked at in place of the real one; call it for the code of a record."""
    folder = tmp_path / "latentsep"
    shutil.copytree(Path(latentsep.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(records, "fingerprint", fingerprints.fingerprint.__wrapped__)

    def code(definition: object = RUN, compute: object = fit) -> str:
        with monkeypatch.context() as context:
            context.setattr(fingerprints, "package", lambda: Package(folder, fingerprints.NEUTRAL))
            return records.describe(definition, compute)["code"]

    code.folder = folder
    return code


def edit(copy, module: str, old: str, new: str) -> None:
    path = copy.folder / f"{module}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


CHANGES = {
    "a constant of Algorithm 1": (RUN, "training/runs", "COOLED, LEAST = 0.1", "COOLED, LEAST = 0.2"),
    "the data": (RUN, "data/benchmarks", "torch.randn", "torch.rand"),
    "the objective": (RUN, "models/vae", "square()", "abs()"),
    "the networks": (RUN, "models/networks", "2 * torch.sigmoid", "torch.sigmoid"),
    "the latent space": (PICTURES, "models/latent_spaces", "torch.atan2", "torch.arctan2"),
    "a divergence that is entered in a table": (PICTURES, "models/distributions", "@register_kl(", "@register_kl(*"),
    "the pictures": (PICTURES, "data/loops", "frames", "images"),
    "random streams": (RUN, "data/seeds", "sha256", "sha512"),
}


@pytest.mark.parametrize(("run", "module", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_the_code_that_makes_a_run_counts(run, module, old, new, copy):
    before = copy(run)
    assert before == records.describe(run, fit)["code"]
    edit(copy, module, old, new)
    assert copy(run) != before


def test_what_a_run_does_not_use_does_not_count(copy):
    before = copy(), copy(PICTURES)
    edit(copy, "data/loops", "frames", "images")
    assert copy() == before[0]
    assert copy(PICTURES) != before[1]
    for path in [p for p in copy.folder.rglob("*.py") if p.name != "__init__.py"]:
        path.write_text(path.read_text() + "\n# a comment\nchanged = True\n\n\ndef unused():\n    return changed\n")
    for path in (copy.folder / "runtime").glob("*.py"):
        path.write_text(path.read_text() + "\nprint('another word')\n")
    edit(copy, "models/networks", '"""Dense', '"""Reworded: dense')
    assert copy() == before[0]


def test_a_definition_that_moves_trains_nothing_anew(copy):
    # A class goes to a file of its own, a module gets another name, a room as well.
    head, _, rest = (copy.folder / "models/networks.py").read_text().partition("\nclass Dense")
    imports = "import itertools\nfrom torch import nn\nfrom latentsep.data import seeds\n"
    imports += "from latentsep.models.networks import ACTIVATIONS, Linear\n"
    (copy.folder / "models/dense.py").write_text(f"{imports}\n\nclass Dense{rest}")
    (copy.folder / "models/networks.py").write_text(head)
    edit(copy, "models/vae", "networks import Dense", "dense import Dense as Layers")
    edit(copy, "models/vae", "Dense(", "Layers(")
    (copy.folder / "models/vae.py").rename(copy.folder / "models/autoencoder.py")
    (copy.folder / "data").rename(copy.folder / "sources")
    for path in copy.folder.rglob("*.py"):
        text = path.read_text().replace("latentsep.models.vae", "latentsep.models.autoencoder")
        path.write_text(text.replace("latentsep.data", "latentsep.sources"))
    package = Package(copy.folder, fingerprints.NEUTRAL)
    assert package.module("latentsep.data.seeds") is None
    moved = ("latentsep.training.algorithm.fit", "latentsep.training.runs.Run")
    moved += ("latentsep.training.runs.Member", "latentsep.sources.benchmarks.Benchmark")
    moved += ("latentsep.models.latent_spaces.Euclidean",)

    def texts(names: tuple[str, ...], of: Package) -> list[tuple[str, str]]:
        return sorted((name, text) for (_, name), text in of.reached(names).items())

    original = tuple(name.replace("sources", "data") for name in moved)
    assert texts(moved, package) == texts(original, fingerprints.package())


def test_a_reduction_depends_on_the_code_of_its_models():
    def found(*models) -> set[str]:
        pair = Pair(*models, family(models[0].space, models[1].space))
        return {name.removeprefix("latentsep.") for name in describing.classes(Reduction.of({"a": pair}))}

    known, vae = Known.benchmark(RUN.data, 0.1), replace(RUN, space=latent_spaces.Circle()).model()
    assert {"models.vae.VAE", "models.networks.Dense", "models.latent_spaces.Circle"} <= found(known, vae)
    assert "data.benchmarks.Benchmark" in found(known, known)
    assert "data.benchmarks.Benchmark" not in found(vae, vae)


def test_maps_and_orders_depend_on_their_own_code():
    places = {name: fingerprints.package().reached([name]) for name in ("latentsep.reductions.reduction.algorithm_2",)}
    assert ("latentsep.reductions.reduction", "_latents") in places["latentsep.reductions.reduction.algorithm_2"]
    code = {fingerprints.fingerprint(f"{f.__module__}.{f.__qualname__}") for f in (algorithm_2, seriation.orders, fit)}
    assert len(code) == 3
    assert reduction.algorithm_2 is algorithm_2


def test_settings_do_not_count_as_code():
    assert records.describe(RUN, fit)["code"] == records.describe(replace(RUN, updates=7), fit)["code"]
