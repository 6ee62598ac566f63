"""Numbers on pages as people write them: 2·10⁻¹³, where programs write 2e-13."""

import re
from pathlib import Path

_APART = re.compile(r"(<(pre|code|script|style|textarea)\b.*?</\2>|</?[a-zA-Z!][^>]*>)", re.DOTALL)  # what is no prose
_POWER = re.compile(r"(?<![\w.])([-−]?)(\d(?:\.\d+)?)e([+-])0*(\d+)(?![\w.]*\d)")


def powers(html: str) -> str:
    """A page with powers of ten in its text written out; code, scripts and attributes stay as they are.

    >>> powers("<td>-2.5e-13</td><code>1e-3</code>")
    '<td>−2.5·10<sup>−13</sup></td><code>1e-3</code>'
    """
    parts = _APART.split(html)
    # Of three parts the first is text, the second what stays, the third the name of its tag.
    return "".join(
        _POWER.sub(_written, part) if i % 3 == 0 else part if i % 3 == 1 else "" for i, part in enumerate(parts)
    )


def _written(match: re.Match) -> str:
    sign, digits, below, exponent = match.groups()
    value = float(f"{digits}e{below}{exponent}")
    if value == 0 or 0.001 <= value < 1000:
        return f"{'−' if sign and value else ''}{value:g}"
    factor = "" if digits == "1" else f"{digits}·"
    return f"{'−' if sign else ''}{factor}10<sup>{'−' if below == '-' else ''}{exponent}</sup>"


def typeset(html: Path) -> None:
    """Do this to all pages of a rendered book."""
    for page in sorted(html.rglob("*.html")):
        before = page.read_text()
        if (after := powers(before)) != before:
            page.write_text(after)
