"""Numbers inside sentences say which name they have in the code, and which cell they come from.

Sphinx renders ``{glue:text}`` as a bare span. Those of a page and the roles in its source are in the same order; one
that does not show what its role gives is left as it is.
"""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from myst_nb.core.variables import format_plain_text

_ROLE = re.compile(r"\{glue:text\}`(?:([^`:\s]+)::)?(\w+)(?::([^`\s]+))?`")
_SPAN = re.compile(r'<span class="pasted-text">(.*?)</span>', re.DOTALL)


@dataclass(frozen=True)
class Glued:
    """What the text of a page is made of, and what its cells glue: by name the plain text and the cell's number."""

    source: str
    values: dict[str, tuple[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, notebook: Any) -> "Glued":
        """That of an executed notebook."""
        texts: list[str] = []
        values: dict[str, tuple[str, int]] = {}
        number = 0
        for cell in notebook["cells"]:
            if cell["cell_type"] != "code":
                texts.append(cell["source"])
                continue
            number += 1
            texts.append(json.dumps(cell["metadata"].get("mystnb", {}), ensure_ascii=False))  # captions
            for output in cell["outputs"]:
                texts.append(output.get("data", {}).get("text/markdown", ""))
                if (name := output.get("metadata", {}).get("scrapbook", {}).get("name")) is not None:
                    values[name] = next(v for k, v in output["data"].items() if k.endswith("text/plain")), number
        return cls("\n".join(texts), values)


def tell(page: str, name: str, book: Mapping[str, Glued]) -> str:
    """The text of a page, by its name in the ``book``, with a title for each number in its sentences."""
    roles = _ROLE.findall(book[name].source)
    spans = list(_SPAN.finditer(page))
    if len(roles) != len(spans):
        return page
    for (file, key, form), span in reversed(list(zip(roles, spans, strict=True))):
        other = file.removesuffix(".ipynb")
        text, number = book[other or name].values.get(key, ("", 0)) if (other or name) in book else ("", 0)
        if number and _straight(html.unescape(span[1])) == _straight(format_plain_text(text, form)):
            place = f"code cell {number}" + (f" of {other}" if other else "")
            title = html.escape(f"{key}, from {place}")
            told = f'<span class="pasted-text" title="{title}">{span[1]}</span>'
            page = page[: span.start()] + told + page[span.end() :]
    return page


def _straight(text: str) -> str:
    """A text without the quotation marks of typographers, which Sphinx puts in."""
    return text.translate(str.maketrans("’‘“”", "''\"\""))
