"""The book's search finds numbered items by their names, "Table 9.2", "(7.5)", and terms where they are explained."""

import json
from collections.abc import Sequence
from pathlib import Path

from latentsep.ledger import sources

#: Pages and sections that explain a term which others use as often, so that counting words does not find them.
_TERMS = {
    "coil-20": ("10-circular-datasets", "objects-observed-from-multiple-angles"),
    "evidence floor": ("05-benchmark-dataset", "the-best-value-that-elbo-could-take"),
    "heat kernel": ("07-diffusion-vae", "the-density"),
    "winding number": ("05-benchmark-dataset", "qualitative-results"),
}


def names(item: str) -> list[str]:
    """What readers call an item, in lower case, its identifier included.

    >>> names("fig-A.1")
    ['fig-a.1', 'fig. a.1', 'figure a.1']
    """
    kind, _, number = item.lower().partition("-")
    return [item.lower(), *(name.format(number) for name in sources.KINDS[kind].asked)]


def add_items(html: Path, entries: Sequence[dict]) -> None:
    """Enter terms, and the items of ledger ``entries`` where they first stand, into the search index of a book's pages.

    Sphinx ranks such entries above words in the text. Raises ``ValueError`` if its index has changed its form.
    """
    path = html / "searchindex.js"
    head, bracket, rest = path.read_text().partition("(")
    try:
        index = json.loads(rest.strip().removesuffix(")"))
        pages, found = index["docnames"], index["indexentries"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} is no search index of Sphinx: {error}") from None
    for entry in entries:
        place = [pages.index(f"book/{entry['page'].removesuffix('.html')}"), entry["anchor"], True]
        for name in names(entry["id"].partition("/")[0]):
            found.setdefault(name, [place])
    for term, (page, section) in _TERMS.items():
        if f"book/{page}" in pages:
            found.setdefault(term, [[pages.index(f"book/{page}"), section, True]])
    path.write_text(f"{head}{bracket}{json.dumps(index, sort_keys=True)})")
