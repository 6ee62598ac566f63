"""What every interactive figure has: a still twin, data, and scripts and styles in files of their own."""

import json
import re
import shutil
import subprocess
from importlib import resources

import numpy as np
import pytest
from bs4 import BeautifulSoup

from latentsep import figures
from latentsep.book import rendering
from latentsep.figures import interactive
from latentsep.figures.interactive import Interactive

ASSETS = [path for path in (resources.files("latentsep.figures") / "assets").iterdir() if path.is_file()]
PICTURES = np.random.default_rng(0).integers(0, 256, (5, 6, 4), dtype=np.uint8)
FIGURES = {"spin": figures.spin(PICTURES, "A duck."), "turnable": figures.turnable_torus("A torus.", 12)}


def test_every_kind_is_tried_here():
    assert {kind.kind for kind in Interactive.__subclasses__()} == set(FIGURES)


@pytest.mark.parametrize("kind", FIGURES)
def test_a_figure_shows_its_still_twin_until_its_script_has_run(kind):
    soup = BeautifulSoup(FIGURES[kind].html(), "html.parser")
    (root,) = soup.find_all(class_="interactive")
    assert root["class"] == ["interactive", kind]
    still = root.find("img", class_="still")
    assert still["alt"] == FIGURES[kind].alt
    assert not still.has_attr("hidden")
    assert root.find(class_="live-only").has_attr("hidden")
    assert json.loads(root.find("script", type="application/json").string) == json.loads(json.dumps(FIGURES[kind].data))
    assert not root.find_all("style")
    assert not [script for script in root.find_all("script") if not script.get("src") and not script.get("type")]


@pytest.mark.parametrize("kind", FIGURES)
def test_a_page_gets_the_files_that_it_loads_once_each(kind, tmp_path):
    pages = tmp_path / "book"
    pages.mkdir()
    (pages / "other.html").write_text("<p>no figure</p>")
    rendering.add_scripts(tmp_path)
    assert not (tmp_path / interactive.PLACE).exists()
    for name in ("one.html", "two.html"):
        (pages / name).write_text(FIGURES[kind].html())
    rendering.add_scripts(tmp_path)
    there = {path.name for path in (tmp_path / interactive.PLACE).iterdir()}
    assert there == {f"{kind}.js", f"{kind}.css", "interactive.css", *FIGURES[kind].needs}
    for element in BeautifulSoup((pages / "one.html").read_text(), "html.parser").find_all(["script", "link"]):
        if address := element.get("src") or element.get("href"):
            assert (pages / address).resolve().is_file()


def test_data_cannot_end_its_element_and_text_is_escaped():
    figure = FIGURES["spin"]
    nasty = type(figure)("x", '"><script>alert(1)</script>', figure.still, {**figure.data, "note": "</script><b>"})
    soup = BeautifulSoup(nasty.html(), "html.parser")
    assert json.loads(soup.find("script", type="application/json").string)["note"] == "</script><b>"
    assert soup.img["alt"] == nasty.alt
    assert len(soup.find_all("script")) == 2


@pytest.mark.parametrize("path", [path for path in ASSETS if path.suffix == ".js"], ids=lambda path: path.name)
def test_a_script_is_well_formed_and_keeps_to_itself(path):
    text = path.read_text()
    assert text.startswith("// ")
    assert '"use strict";' in text
    assert not re.search(r"\b(fetch|import|eval)\b|https?:", text)
    if node := shutil.which("node"):
        subprocess.run([node, "--check", path], check=True, capture_output=True)


def test_an_asset_that_is_not_there():
    with pytest.raises(FileNotFoundError):
        interactive.asset("nothing.js")
