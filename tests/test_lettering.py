"""Tables that no source has get letters, in the order of the page; numbered ones keep their numbers."""

from bs4 import BeautifulSoup

from latentsep.book import lettering


def test_tables_without_a_number_get_letters_in_order(tmp_path):
    (tmp_path / "book").mkdir()
    numbered = '<table id="table-7-1">\n<caption><span class="caption-number">Table 7.1 </span>Print.</caption></table>'
    own = '<table id="T_{}">\n  <caption>Ours, {}.</caption></table>'
    page = "".join([own.format(0, 0), numbered, "<table><tr></tr></table>", *(own.format(i, i) for i in range(1, 28))])
    for name in ("07-diffusion-vae", "A-diffusion", "index"):
        (tmp_path / "book" / f"{name}.html").write_text(page)
    lettering.letter(tmp_path)
    soup = BeautifulSoup((tmp_path / "book" / "07-diffusion-vae.html").read_text(), "html.parser")
    captions = [caption.get_text() for caption in soup.find_all("caption")]
    assert captions[:3] == ["Table 7.a Ours, 0.", "Table 7.1 Print.", "Table 7.b Ours, 1."]
    assert captions[-2:] == ["Table 7.aa Ours, 26.", "Table 7.ab Ours, 27."]
    assert soup.find(id="table-7-b").find_next("table")["id"] == "T_1"
    assert "Table A.a" in (tmp_path / "book" / "A-diffusion.html").read_text()
    assert (tmp_path / "book" / "index.html").read_text() == page
