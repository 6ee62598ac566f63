"""Figures that a reader can turn or steer: scripts, styles and data beside the page, a still twin for paper.

To add one: a subclass of ``Interactive`` with its ``kind``, and ``KIND.js`` in ``assets``, which hands
``latentsep.kind`` a function of the figure's element, its live part, and its data. Controls that are not made by the
script are in ``KIND.html``, a Jinja template that extends ``interactive.html``; ``KIND.css`` has what style the kind
needs of its own. The script and the data are loaded when the figure comes near what a reader sees. Until then, on
paper and in pages without scripts, there is the still twin.

Data comes as a script, since pages that are opened from a folder may not fetch files. It travels in the notebook, under
a name that holds a hash of it.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

from jinja2 import Environment, PackageLoader

from latentsep.figures.base import Picture

#: Where pages, which lie in a folder of their own, find scripts and styles.
PLACE = "figures"
#: What carries the data of a figure in a notebook: the name of a script, and its text.
MIME = "application/vnd.latentsep.figure+json"
_PACKAGED = {"plotly.min.js": ("plotly", "package_data/plotly.min.js")}
_TEMPLATES = Environment(
    loader=PackageLoader("latentsep.figures", "assets"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Interactive:
    """A figure that shows itself in a page and is brought to life by the script of its ``kind``.

    ``name`` is the element's id in the page, ``alt`` says what there is to see, ``data`` is what the script needs, as
    JSON has it, and ``still`` is seen where no script runs.
    """

    kind: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()  # scripts to be loaded before that of the kind
    later: ClassVar[tuple[str, ...]] = ()  # scripts that it loads itself, if it comes to life

    name: str
    alt: str
    still: Picture = field(repr=False)
    data: dict[str, Any] = field(repr=False)

    @cached_property
    def script(self) -> str:
        """The script that delivers the data."""
        data = json.dumps(self.data, separators=(",", ":"), ensure_ascii=False)
        return f'latentsep.deliver("{self.name}", {data});\n'

    @property
    def source(self) -> str:
        """The name of that script, which is another one for other data."""
        return f"{self.name}-{hashlib.sha256(self.script.encode()).hexdigest()[:10]}.js"

    def html(self) -> str:
        """The element for a page: still twin, controls, and links to its data, scripts and styles."""
        still = base64.b64encode(self.still.bytes("png")).decode()
        own = {path.name for path in assets()}
        template = f"{self.kind}.html" if f"{self.kind}.html" in own else "interactive.html"
        styles = [name for name in ("interactive.css", f"{self.kind}.css") if name in own]
        scripts = ["kit.js", *self.needs, f"{self.kind}.js"]
        return render(template, figure=self, still=still, styles=styles, scripts=scripts)

    def _repr_mimebundle_(self, **_) -> dict[str, object]:
        return {"text/html": self.html(), MIME: {"name": self.source, "text": self.script}}


def render(template: str, **values: object) -> str:
    """Fill in a template of ``assets``; text is escaped, ``Markup`` is not."""
    return _TEMPLATES.get_template(template).render(place=f"../{PLACE}", **values)


def wanted(page: str) -> set[str]:
    """The scripts and styles that a page loads from their place.

    >>> wanted('<script src="../figures/spin.js">')
    {'spin.js'}
    """
    return set(re.findall(rf'(?:src|href|data-of|data-later)="\.\./{PLACE}/([\w.-]+)"', page))


def asset(name: str) -> bytes:
    """A script or style by the name that pages load it with. Raises ``FileNotFoundError`` if there is none."""
    package, path = _PACKAGED.get(name, ("latentsep.figures", f"assets/{name}"))
    return (resources.files(package) / path).read_bytes()


def assets() -> list[Path]:
    """Templates, scripts and styles of this package."""
    return sorted(Path(str(path)) for path in (resources.files("latentsep.figures") / "assets").iterdir())
