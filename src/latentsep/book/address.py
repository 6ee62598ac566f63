"""Where the book is published, if anywhere, as the environment of its workflow says."""

import os
import re
from dataclasses import dataclass
from typing import Any

from latentsep.runtime.paths import UsageError

#: The branch on which the workflow keeps executed chapters: what launches notebooks can only open those.
NOTEBOOKS = "notebooks"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Address:
    """A ``repository`` on GitHub (``owner/name``), the ``commit`` that was built, and the ``site`` of its pages."""

    repository: str
    commit: str
    site: str

    @property
    def source(self) -> str:
        """The repository, for a reader."""
        return f"https://github.com/{self.repository}"

    @property
    def requirement(self) -> str:
        """What pip installs for exactly this book."""
        return f"latentsep @ git+{self.source}" + (f"@{self.commit}" if self.commit else "")


def published() -> Address | None:
    """The address that ``GITHUB_REPOSITORY``, ``GITHUB_SHA`` and ``LATENTSEP_SITE`` give; ``None`` without the first.

    Pages of a project on GitHub lie where ``site`` says if nothing else is said. Raises ``UsageError`` for a
    repository that is not ``owner/name`` and for a site that is no address.

    >>> import pytest
    >>> with pytest.MonkeyPatch.context() as context:
    ...     context.setenv("GITHUB_REPOSITORY", "ada/book")
    ...     published().site
    'https://ada.github.io/book/'
    """
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    if not repository:
        return None
    if not _REPOSITORY.fullmatch(repository):
        raise UsageError(f"GITHUB_REPOSITORY is {repository!r}; choose owner/name")
    owner, _, name = repository.partition("/")
    host = f"{owner.lower()}.github.io"
    site = os.environ.get("LATENTSEP_SITE") or f"https://{host}/" + ("" if name.lower() == host else f"{name}/")
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", site):
        raise UsageError(f"LATENTSEP_SITE is {site!r}; choose an address that begins with https://")
    return Address(repository, os.environ.get("GITHUB_SHA", ""), site.rstrip("/") + "/")


def configured(config: dict[str, Any], address: Address | None) -> dict[str, Any]:
    """The configuration of Jupyter Book with buttons that launch a chapter and show its source, if there is an address.

    >>> configured({"title": "book"}, None)
    {'title': 'book'}
    """
    if address is None:
        return config
    sphinx = config.get("sphinx", {})
    settings = sphinx.get("config", {})
    shown = f"{address.source}/edit/{address.commit or 'main'}/"
    added = {
        "html_baseurl": address.site,
        # The source of a chapter is text; what is rendered is the executed notebook.
        "html_context": {
            "edit_page_url_template": shown + "{{ file_name | replace('.ipynb', '.md') }}",
            "edit_page_provider_name": "GitHub",
        },
        "html_theme_options": settings.get("html_theme_options", {})
        | {
            "repository_url": address.source,
            "repository_branch": NOTEBOOKS,
            "path_to_docs": "",
            "use_source_button": True,
            "launch_buttons": {
                "binderhub_url": "https://mybinder.org",
                "colab_url": "https://colab.research.google.com",
                "notebook_interface": "jupyterlab",
            },
        },
    }
    return config | {"sphinx": sphinx | {"config": settings | added}}
