"""What every interactive figure has: a still twin, data, and scripts and styles in files of their own."""

import base64
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from importlib import resources

import nbformat
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from PIL import Image

from latentsep import figures
from latentsep.book import rendering
from latentsep.data.benchmarks import Benchmark, Data, ExtendedBenchmark
from latentsep.data.shapes import Shapes
from latentsep.figures import interactive
from latentsep.figures.interactive import Interactive
from latentsep.measures.directions import Directions
from latentsep.models.autoencoders import Codes
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean, LatentSpace
from latentsep.reductions import pairing, reduction
from latentsep.reductions.pointwise import Pointwise
from latentsep.training import exports
from latentsep.training.autoencoding import KINDS, Autoencoder, Autoencoding
from latentsep.training.ensembles import Trained
from latentsep.training.runs import Member, Run

ASSETS = [path for path in (resources.files("latentsep.figures") / "assets").iterdir() if path.is_file()]
PICTURES = np.random.default_rng(0).integers(0, 256, (6, 6, 4), dtype=np.uint8)


def untrained(space: LatentSpace, data: Data = Benchmark()) -> Trained:
    run = Run((Member(0.1, 0.1), Member(0.1, 1.0)), data, space, updates=0)
    return Trained(run, run.model().requires_grad_(False), np.empty((2, 0)))


def mapped() -> Pointwise:
    """All six maps between a plane, a circle and the phases, none of them trained for long."""
    run = Run((Member(0.1, 0.1), Member(0.1, 0.1, 1)), updates=1)
    trained = {"R²": run, "S¹": replace(run, space=Circle())}
    autoencoders = {name: Trained(r, r.model().requires_grad_(False), np.empty((2, 0))) for name, r in trained.items()}
    pairs = pairing.between(Pointwise(autoencoders, {}, {}).models)
    return Pointwise(autoencoders, reduction.train(pairs, 1, 2, samples=16), dict.fromkeys(pairs, 1.0))


def untrained_decoder(length: int) -> Trained:
    """Of pictures; as in the chapters, its space has more numbers than it uses."""
    members = (Autoencoder(1, 1.0, 0, KINDS["plain"], length),)
    run = Autoencoding(members, Shapes(9, 3), Codes(length + 1), width=8, activation="relu", updates=0)
    return Trained(run, run.model().requires_grad_(False), np.empty((1, 0)))


DIGITS = Shapes(9, 3).sample(1)[0], torch.tensor([3, 3, 1, 3, 0, 0, 0, 1, 1])
DECODED = (
    figures.digit_plane(untrained_decoder(2), 0, DIGITS, "A plane."),
    figures.digit_line(untrained_decoder(3), 0, DIGITS, "A line."),
    figures.code_sliders(untrained_decoder(3), 0, DIGITS[0], "Three sliders."),
)
DIRECTIONS = Directions(
    names=["brightness", "warmth"],
    starts=["the mean code"],
    places=torch.linspace(-1, 1, 5),
    pictures=torch.rand(2, 1, 5, 3 * 36, generator=torch.Generator().manual_seed(0)),
    values=torch.arange(10.0).reshape(2, 1, 5),
    deviations=torch.tensor([1.0, 2.0]),
)
CIRCLES = {"published": untrained(Circle("real", "published")), "corrected": untrained(Circle())}
ANGLES = {name: np.linspace(-3, 3, 6)[None] for name in CIRCLES}
FIGURES = {
    "spin": figures.spin(PICTURES, "A duck."),
    "turnable": figures.turnable_torus("A torus.", 12),
    "codes": figures.codes(untrained(Euclidean(2)), "A plane.", start=0.1),
    "walk": figures.walk(CIRCLES, "Two circles.", start=1.0),
    "heat": figures.heat("A density."),
    "decoded": DECODED[0],
    "steps": figures.photograph_steps(DIRECTIONS, "Soft pictures."),
    "ring": figures.ring([untrained(Euclidean(2)), untrained(Euclidean(2))], "A ring."),
    "torus": figures.torus_point(untrained(CliffordTorus(), ExtendedBenchmark(count=5)), "A torus.", start=0.1),
    "mapped": figures.mapped_point({"one": mapped()}, "A plane and a circle.", start=("R²", "Φ")),
    "poses": figures.poses(PICTURES[None], ANGLES, "A duck and two circles.", side=6, step=2),
}


def test_every_kind_is_tried_here():
    assert {kind.kind for kind in Interactive.__subclasses__()} == set(FIGURES)


@pytest.mark.parametrize("figure", DECODED, ids=lambda figure: figure.name)
def test_a_decoder_in_a_page_is_rounded_and_so_are_its_probes(figure):
    content = exports.unpacked(base64.b64decode(figure.data["network"]))
    assert (content.head["dtype"], content.head["encoder"]) == ("float16", [])
    (probe,) = figure.data["probes"]
    x = np.pad(probe["z"], (0, content.head["space"]["dimension"] - len(probe["z"])))
    (first, shift), *others = [[part.astype(float) for part in layer] for layer in content.members[0]["decoder"]]
    x = first @ x + shift
    for weight, bias in others:
        x = weight @ np.maximum(x, 0) + bias
    np.testing.assert_allclose(x, probe["mean"], atol=1e-5)


def test_a_sheet_of_steps_has_the_pictures_direction_by_direction_and_step_by_step():
    data = FIGURES["steps"].data
    whole = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["sheet"]))).convert("RGB"))
    columns = whole.shape[1] // 6  # pictures stand in rows of at most so many, as many as the script finds itself
    assert whole.shape == (2 * 6, columns * 6, 3)
    for direction, place in ((0, 0), (0, 4), (1, 4)):
        row, column = divmod(direction * 5 + place, columns)
        cell = whole[row * 6 : row * 6 + 6, column * 6 : column * 6 + 6]
        wanted = 255 * DIRECTIONS.pictures[direction, 0, place].reshape(3, 6, 6).mean((1, 2))
        np.testing.assert_allclose(cell.mean((0, 1)), wanted, atol=12)  # WebP is not exact
    assert DIRECTIONS.moved("warmth") == 2.0


@pytest.mark.parametrize("kind", FIGURES)
def test_a_figure_shows_its_still_twin_until_its_script_has_run(kind):
    soup = BeautifulSoup(FIGURES[kind].html(), "html.parser")
    (root,) = soup.find_all(class_="interactive")
    assert root["class"] == ["interactive", kind]
    still = root.find("img", class_="still")
    assert still["alt"] == FIGURES[kind].alt
    assert not still.has_attr("hidden")
    live = root.find(class_="live-only")
    assert live.has_attr("hidden")
    assert live["aria-label"] == FIGURES[kind].alt
    assert not root.find_all("style")
    assert all(script.get("src") for script in root.find_all("script"))


@pytest.mark.parametrize("kind", FIGURES)
def test_data_travels_beside_the_page_under_a_name_that_is_its_own(kind):
    figure = FIGURES[kind]
    carried = figure._repr_mimebundle_()[interactive.MIME]
    assert f'data-of="../figures/{carried["name"]}"' in figure.html()
    call = re.fullmatch(r'latentsep\.deliver\("([\w-]+)", (.*)\);\n', carried["text"])
    assert call[1] == figure.name
    assert json.loads(call[2]) == json.loads(json.dumps(figure.data))
    other = type(figure)(figure.name, figure.alt, figure.still, {**figure.data, "more": 1})
    assert other.source != figure.source
    assert len(figure.script) < 400_000


@pytest.mark.parametrize("kind", FIGURES)
def test_a_page_gets_the_files_that_it_loads_once_each(kind, tmp_path):
    pages = tmp_path / "book"
    pages.mkdir()
    (pages / "other.html").write_text("<p>no figure</p>")
    rendering.add_scripts(tmp_path)
    assert not (tmp_path / interactive.PLACE).exists()
    figure = FIGURES[kind]
    for name in ("one.html", "two.html"):
        (pages / name).write_text(figure.html())
    output = nbformat.v4.new_output("display_data", figure._repr_mimebundle_())
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])])
    nbformat.write(notebook, tmp_path / "one.ipynb")
    rendering.add_scripts(tmp_path, [tmp_path / "one.ipynb"])
    there = {path.name for path in (tmp_path / interactive.PLACE).iterdir()}
    own = {f"{kind}.css"} & {path.name for path in ASSETS}
    scripts = {"kit.js", f"{kind}.js", *figure.needs, *figure.later}
    assert there == {*scripts, *own, "interactive.css", figure.source}
    assert (tmp_path / interactive.PLACE / figure.source).read_text() == figure.script
    for element in BeautifulSoup((pages / "one.html").read_text(), "html.parser").find_all(["script", "link"]):
        if address := element.get("src") or element.get("href"):
            assert (pages / address).resolve().is_file()


def test_text_is_escaped():
    figure = FIGURES["spin"]
    nasty = type(figure)("x", '"><script>alert(1)</script>', figure.still, figure.data)
    soup = BeautifulSoup(nasty.html(), "html.parser")
    assert soup.img["alt"] == nasty.alt
    assert len(soup.find_all("script")) == 2


@pytest.mark.parametrize("path", [path for path in ASSETS if path.suffix == ".js"], ids=lambda path: path.name)
def test_a_script_is_well_formed_and_keeps_to_itself(path):
    text = path.read_text()
    assert text.startswith("// ")
    assert '"use strict";' in text
    named = text.replace("http://www.w3.org/2000/svg", "")  # a name, nothing is loaded from there
    assert not re.search(r"\b(fetch|import|eval)\b|https?:", named)
    if node := shutil.which("node"):
        subprocess.run([node, "--check", path], check=True, capture_output=True)


def test_an_asset_that_is_not_there():
    with pytest.raises(FileNotFoundError):
        interactive.asset("nothing.js")
