"""How ledger entries show themselves: reports, the numbered table, badges, numbers."""

import html
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from latentsep.ledger import sources
from latentsep.ledger.ledger import MIME, VERDICTS, tally
from latentsep.ledger.numerals import numeral
from latentsep.ledger.printed import split

MARKS = dict(zip(VERDICTS, "✓○▲≠✗✓◐✗", strict=True))


@dataclass(frozen=True)
class Report:
    """Ledger entries that show themselves as a table in a notebook and travel with it."""

    entries: Sequence[dict]
    columns: Sequence[str] = ("item", "thesis", "ours", "verdict", "why")

    def _repr_mimebundle_(self, **_) -> dict[str, object]:
        return {"text/html": self.html(), MIME: {"entries": list(self.entries)}}

    def html(self) -> str:
        """An HTML table with one row per entry, linked to where the item stands."""
        return html_table(self.columns, ([field(entry, column) for column in self.columns] for entry in self.entries))


def rules() -> str:
    """The meaning of each verdict, as an HTML table."""
    return html_table(("verdict", "rule"), ([badge(v), html.escape(rule)] for v, rule in VERDICTS.items()))


def counts(entries: Sequence[dict]) -> dict[str, dict[str, int]]:
    """How many entries have which verdict: of the thesis, and of the introductory texts together."""
    of_thesis = [entry for entry in entries if (source := sources.of(entry["id"])) and not source.prefix]
    others = [entry for entry in entries if entry not in of_thesis]
    named = {"the thesis": of_thesis, "introductory texts": others}
    return {name: tally(found) for name, found in named.items() if found}


def in_words(entries: Sequence[dict]) -> str:
    """The state of the reproduction in one line."""
    thesis = counts(entries).get("the thesis", {})
    total, good = sum(thesis.values()), sum(thesis.get(v, 0) for v in ("reproduced", "better"))
    return (
        f"Of {total} items and values of the thesis, {good} are reproduced or better,"
        f" {thesis.get('uninformative', 0)} agree but would in any case, {thesis.get('differs', 0)} differ,"
        f" and {thesis.get('thesis-invalid', 0)} cannot hold as printed."
    )


def overview(entries: Sequence[dict]) -> str:
    """How many entries of each kind have which verdict, as HTML tables, one for each source."""
    by_source = [
        (source, found)
        for source in sources.every().values()
        if (found := [entry for entry in entries if entry["id"].partition("/")[0] in source.items])
    ]
    return "".join(_overview(found, source.title if len(by_source) > 1 else "") for source, found in by_source)


def _overview(entries: Sequence[dict], title: str) -> str:
    """The table of one source, with the verdicts that it has."""
    verdicts = [v for v in VERDICTS if any(e["verdict"] == v for e in entries)]
    rows = []
    for prefix, kind in sources.KINDS.items():
        of_kind = [e for e in entries if e["id"].startswith(prefix + "-")]
        for variant in dict.fromkeys(e.get("variant", "published") for e in of_kind):
            counts = Counter(e["verdict"] for e in of_kind if e.get("variant", "published") == variant)
            name = kind.plural if variant == "published" else f"{kind.plural} ({variant})"
            rows.append([name, *(str(counts[verdict] or "") for verdict in verdicts)])
    badges = [badge(verdict, item=entries[0]["id"]) for verdict in verdicts]
    return html_table((f"<i>{html.escape(title)}</i>", *badges), rows)


def html_table(
    head: Iterable[str], rows: Iterable[Iterable[str]], marks: Iterable[dict[str, str]] = itertools.repeat({})
) -> str:
    """A table of HTML fields in a box of its own, which scrolls where the page is narrow, with keys, too.

    ``marks`` are attributes of the rows, ``data-NAME``, for scripts to find them by.
    """
    top = "".join(f"<th>{h}</th>" for h in head)
    body = "".join(
        "<tr"
        + "".join(f' data-{name}="{html.escape(value)}"' for name, value in mark.items())
        + ">"
        + "".join(f"<td>{field}</td>" for field in row)
        + "</tr>"
        for row, mark in zip(rows, marks, strict=False)
    )
    table = f'<table class="ledger"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="ledger-box" tabindex="0">{table}</div>'


@dataclass(frozen=True)
class NumberedTable:
    """A thesis table with each printed value under ours and their verdict; a numbered table in the book.

    One row per cell of the thesis's table, one column per key of ``headings``: a quantity, ``floor``,
    or ``gap``, by how much −ELBO exceeds the floor. Without ``beside_print`` only ours is shown. The
    entries travel with it.
    """

    entries: Sequence[dict]
    caption: str
    headings: dict[str, str]
    beside_print: bool = True

    def _repr_mimebundle_(self, **_) -> dict[str, object]:
        return {"text/markdown": self.markdown(), MIME: {"entries": list(self.entries)}}

    def markdown(self) -> str:
        """A MyST table directive, labelled with the item's anchor."""
        rows: dict[str, dict[str, dict]] = {}
        for entry in self.entries:
            _, cell, quantity = split(entry["id"])
            rows.setdefault(cell, {})[quantity] = entry
        body = [self._fields(cell, row) for cell, row in rows.items()]
        return numbered(self.entries[0]["anchor"], self.caption, self.headings.values(), body)

    def _fields(self, cell: str, row: dict[str, dict]) -> Iterator[str]:
        dataset, sigma_x = cell.split("/")
        for heading in self.headings:
            if heading == "dataset":
                yield f"$X_{{{dataset[1:]}}}$"
            elif heading == "sigma_x":
                yield sigma_x[2:]
            elif heading in ("floor", "gap"):
                bound = row["neg_elbo"]
                value = bound["floor"] if heading == "floor" else bound["ours"]["mean"] - bound["floor"]
                yield numeral(value, 2)
            elif not self.beside_print:
                yield number(row[heading]["ours"])
            else:
                entry = row[heading]
                mark = badge(entry["verdict"], words=False)
                yield f"<b>{number(entry['ours'])}</b><br>{number(entry['thesis'])}&nbsp;{mark}"


@dataclass(frozen=True)
class ComparedTable:
    """A thesis table of one quantity with its value by several methods; a numbered table in the book.

    One row per cell, its two names first, then what the thesis prints, then a column for each variant
    in ``headings``, with its verdict. The entries of all variants travel with it.
    """

    entries: Sequence[dict]
    caption: str
    names: tuple[str, str]
    headings: dict[str, str]

    def _repr_mimebundle_(self, **_) -> dict[str, object]:
        return {"text/markdown": self.markdown(), MIME: {"entries": list(self.entries)}}

    def markdown(self) -> str:
        """A MyST table directive, labelled with the item's anchor."""
        rows: dict[str, dict[str, dict]] = {}
        for entry in self.entries:
            rows.setdefault(split(entry["id"])[1], {})[entry["variant"]] = entry
        body = []
        for cell, row in rows.items():
            found = [f"{number(row[v]['ours'])}&nbsp;{badge(row[v]['verdict'], words=False)}" for v in self.headings]
            body.append([*cell.split("/"), number(next(iter(row.values()))["thesis"]), *found])
        return numbered(self.entries[0]["anchor"], self.caption, [*self.names, "thesis", *self.headings.values()], body)


def numbered(name: str, caption: str, headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table directive of MyST with a label: the book numbers it."""
    headings = list(headings)
    lines = ["| " + " | ".join(row) + " |" for row in [headings, *rows]]
    lines.insert(1, "|" + "---|" * len(headings))
    return "\n".join([f":::{{table}} {caption}", f":name: {name}", "", *lines, "", ":::"])


def badge(verdict: str, words: bool = True, item: str = "") -> str:
    """A verdict as an HTML badge that also reads without colour, in one mark or with its word.

    An ``item`` of another source than the thesis has the word *text* in place of that.
    """
    source = sources.of(item)
    word = verdict.replace("thesis", "text") if source and source.prefix else verdict
    text = f"{MARKS[verdict]} {word}" if words else MARKS[verdict]
    name, rule = verdict.replace(" ", "-"), html.escape(VERDICTS[verdict])
    return f'<span class="verdict {name}" title="{word}: {rule}">{text}</span>'


def field(entry: dict, column: str) -> str:
    """What a report has of an entry in a column, as HTML; the ``item`` links to where it stands."""
    if column == "item":
        name = entry["id"] + ("" if entry.get("variant", "published") == "published" else f" ({entry['variant']})")
        return f'<a href="{entry.get("page", "")}#{entry["anchor"]}">{html.escape(name)}</a>'
    if column == "verdict":
        return badge(entry["verdict"], item=entry["id"])
    if column in ("thesis", "ours"):
        return number(entry[column]) if column in entry else ""
    if column == "check":
        return html.escape(f"{entry['why']} (tolerance {entry['measured']['tolerance']:.2g})")
    if column in ("printed", "corrected"):
        value = entry["measured"][column]
        return "" if value is None else f"{value:.2g}"
    return html.escape(str(entry.get(column, "")))


def number(value: dict) -> str:
    """A mean and standard deviation with as many digits as the deviation supports.

    >>> number({"mean": -28.7943, "std": 0.0924})
    '−28.79 ± 0.09'
    """
    mean, std = value["mean"], value["std"]
    if mean and abs(mean) < 0.1:
        power = math.floor(math.log10(abs(mean)))
        return f"({numeral(mean / 10**power, 2)} ± {std / 10**power:.2f})·10<sup>{numeral(power, 0)}</sup>"
    digits = 2 if abs(mean) < 1000 else 0
    return f"{numeral(mean, digits)} ± {std:.{digits}f}"


def plain(value: dict) -> str:
    """The same for a terminal."""
    return number(value).replace("<sup>", "^").replace("</sup>", "")
