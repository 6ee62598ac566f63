"""Figures that a reader can turn or steer: data in the page, a script and a style beside it, a still twin for paper.

To add one: a subclass of ``Interactive`` with its ``kind``, and three files of that name in ``assets``. ``KIND.html``
is a Jinja template that extends ``interactive.html`` with the controls, ``KIND.css`` is their style, and ``KIND.js``
finds each element of the class KIND that is not ``live`` yet, reads its data, shows what is ``live-only`` and adds the
class ``live``. Until then, on paper and in pages without scripts, a reader sees the still twin.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, ClassVar

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from latentsep.figures.base import Picture

#: Where pages, which lie in a folder of their own, find scripts and styles.
PLACE = "figures"
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

    name: str
    alt: str
    still: Picture = field(repr=False)
    data: dict[str, Any] = field(repr=False)

    def html(self) -> str:
        """The element for a page: controls, still twin, data, and links to its style and scripts."""
        still = base64.b64encode(self.still.bytes("png")).decode()
        return render(f"{self.kind}.html", figure=self, still=still, data=in_page(self.data))

    def _repr_mimebundle_(self, **_) -> dict[str, object]:
        return {"text/html": self.html()}


def render(template: str, **values: object) -> str:
    """Fill in a template of ``assets``; text is escaped, ``Markup`` is not."""
    return _TEMPLATES.get_template(template).render(place=f"../{PLACE}", **values)


def in_page(data: object) -> Markup:
    """Data as JSON for a script element, which no text in it can end."""
    return Markup(json.dumps(data, separators=(",", ":")).replace("</", "<\\/"))


def wanted(page: str) -> set[str]:
    """The scripts and styles that a page loads from their place.

    >>> wanted('<script src="../figures/spin.js">')
    {'spin.js'}
    """
    return set(re.findall(rf'(?:src|href)="\.\./{PLACE}/([\w.-]+)"', page))


def asset(name: str) -> bytes:
    """A script or style by the name that pages load it with. Raises ``FileNotFoundError`` if there is none."""
    package, path = _PACKAGED.get(name, ("latentsep.figures", f"assets/{name}"))
    return (resources.files(package) / path).read_bytes()
