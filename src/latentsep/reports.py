"""How ledger entries show themselves: reports, the numbered table, badges, numbers."""

import html
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from latentsep.conclusions import ANSWERS, Claim
from latentsep.errata import KINDS, Erratum
from latentsep.ledger import MIME, VERDICTS, split, tally


@dataclass(frozen=True)
class Report:
    """Ledger entries that show themselves as a table in a notebook and travel with it."""

    entries: Sequence[dict]
    columns: Sequence[str] = ("item", "thesis", "ours", "verdict", "why")

    def _repr_mimebundle_(self, **_) -> dict[str, object]:
        return {"text/html": self.html(), MIME: {"entries": list(self.entries)}}

    def html(self) -> str:
        """An HTML table with one row per entry, linked to where the item stands."""
        return _html_table(self.columns, ([_field(entry, column) for column in self.columns] for entry in self.entries))


def rules() -> str:
    """The meaning of each verdict, as an HTML table."""
    return _html_table(("verdict", "rule"), ([badge(v), html.escape(rule)] for v, rule in VERDICTS.items()))


def overview(entries: Sequence[dict]) -> str:
    """How many entries of each kind have which verdict, as an HTML table."""
    kinds = {
        "fig": "figures",
        "table": "table values",
        "alg": "algorithms",
        "def": "definitions",
        "thm": "theorems",
        "lem": "lemmas",
        "cor": "corollaries",
        "eq": "equations",
    }
    rows = []
    for prefix, kind in kinds.items():
        of_kind = [e for e in entries if e["id"].startswith(prefix + "-")]
        for variant in dict.fromkeys(e.get("variant", "published") for e in of_kind):
            counts = tally([e for e in of_kind if e.get("variant", "published") == variant])
            name = kind if variant == "published" else f"{kind} ({variant})"
            rows.append([name, *(str(n) if n else "" for n in counts.values())])
    return _html_table(("", *map(badge, VERDICTS)), rows)


def claims(made: Sequence[Claim], entries: Sequence[dict]) -> str:
    """Claims, what they rest on, and what became of them, as an HTML table."""
    rows = []
    for claim in made:
        found = {
            entry["id"]: f"{_field(entry, 'item')}&nbsp;{badge(entry['verdict'], False)}"
            for entry in claim.evidence(entries)
        }
        items = ", ".join(found.get(item, f"{item} (not computed)") for item in claim.items)
        rows.append([html.escape(claim.says), items, f"<b>{claim.answer(entries)}</b>"])
    return _html_table(("claim", "rests on", "answer"), rows)


def errata_table(listed: Sequence[Erratum], entries: Sequence[dict]) -> str:
    """Errors with what is printed, meant and the consequence, and the distances of their checks, as a MyST table."""
    by_item = {entry["id"]: entry for entry in entries}
    lines = [":::{list-table}", ":header-rows: 1", ":widths: 20 30 25 25", ":class: claims", ""]
    rows = [("where", "printed", "meant", "consequence")]
    for erratum in listed:
        where, found = erratum.item, "not computed in this build"
        if erratum.item in by_item:
            entry = by_item[erratum.item]
            where, measured = _field(entry, "item"), entry["measured"]
            found = f"off by {measured['printed']:.2g}, as meant {measured['corrected']:.2g}"
            found += f" (tolerance {measured['tolerance']:.2g})"
        rows.append((f"{where}, {erratum.kind}: {found}", erratum.printed, erratum.meant, erratum.consequence))
    for first, *others in rows:
        lines += [f"* - {first}", *(f"  - {text}" for text in others)]
    return "\n".join([*lines, ":::"])


def kinds() -> str:
    """The kinds of errors, as an HTML table."""
    return _html_table(("kind", "what it is"), ([kind, html.escape(text)] for kind, text in KINDS.items()))


def answers() -> str:
    """The meaning of each answer to a claim, as an HTML table."""
    return _html_table(("answer", "rule"), ([f"<b>{a}</b>", html.escape(rule)] for a, rule in ANSWERS.items()))


def _html_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f"<th>{h}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{field}</td>" for field in row) + "</tr>" for row in rows)
    table = f'<table class="ledger"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="ledger-box">{table}</div>'


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
                yield f"{value:.2f}".replace("-", "−")
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


def badge(verdict: str, words: bool = True) -> str:
    """A verdict as an HTML badge that also reads without colour, in one mark or with its word."""
    mark = {"reproduced": "✓", "better": "▲", "differs": "≠", "thesis-invalid": "✗"}[verdict]
    text = f"{mark} {verdict}" if words else mark
    return f'<span class="verdict {verdict}" title="{verdict}: {html.escape(VERDICTS[verdict])}">{text}</span>'


def _field(entry: dict, column: str) -> str:
    if column == "item":
        name = entry["id"] + ("" if entry.get("variant", "published") == "published" else f" ({entry['variant']})")
        return f'<a href="{entry.get("page", "")}#{entry["anchor"]}">{html.escape(name)}</a>'
    if column == "verdict":
        return badge(entry["verdict"])
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
        return f"({mean / 10**power:.2f} ± {std / 10**power:.2f})·10<sup>{power}</sup>".replace("-", "−")
    digits = 2 if abs(mean) < 1000 else 0
    return f"{mean:.{digits}f} ± {std:.{digits}f}".replace("-", "−")


def plain(value: dict) -> str:
    """The same for a terminal."""
    return number(value).replace("<sup>", "^").replace("</sup>", "")
