"""Where the book is published, and what its configuration then has."""

import jinja2
import pytest

from latentsep.book import address
from latentsep.runtime.paths import UsageError


@pytest.fixture
def at(monkeypatch):
    def publish(repository: str, commit: str = "", site: str = "") -> address.Address | None:
        for name, value in (("GITHUB_REPOSITORY", repository), ("GITHUB_SHA", commit), ("LATENTSEP_SITE", site)):
            monkeypatch.setenv(name, value)
        return address.published()

    return publish


@pytest.mark.parametrize(
    ("repository", "site", "expected"),
    [
        ("Ada/book", "", "https://ada.github.io/book/"),
        ("ada/ada.github.io", "", "https://ada.github.io/"),
        ("ada/book", "https://example.org/thesis", "https://example.org/thesis/"),
    ],
)
def test_pages_lie_where_github_puts_them_unless_told_otherwise(at, repository, site, expected):
    assert at(repository, site=site).site == expected


def test_without_a_repository_there_is_no_address_and_the_configuration_stays(at):
    assert at("") is None
    config = {"title": "book", "sphinx": {"config": {"numfig": True}}}
    assert address.configured(config, None) is config


@pytest.mark.parametrize(
    ("repository", "site", "message"),
    [
        ("book", "", "GITHUB_REPOSITORY is 'book'; choose owner/name"),
        ("ada/book", "example.org", "LATENTSEP_SITE is 'example.org'; choose an address that begins with https://"),
    ],
)
def test_what_is_no_address_is_refused_in_one_line(at, repository, site, message):
    with pytest.raises(UsageError) as error:
        at(repository, site=site)
    assert str(error.value) == message


def test_pip_installs_the_commit_that_was_built(at):
    assert at("ada/book", "c0ffee").requirement == "latentsep @ git+https://github.com/ada/book@c0ffee"
    assert at("ada/book").requirement == "latentsep @ git+https://github.com/ada/book"


def test_buttons_know_the_branch_of_notebooks_and_sources_the_commit(at):
    before = {"sphinx": {"extra_extensions": ["a"], "config": {"html_theme_options": {"use_download_button": True}}}}
    sphinx = address.configured(before, at("ada/book", "c0ffee"))["sphinx"]
    assert sphinx["extra_extensions"] == ["a"]
    theme = sphinx["config"]["html_theme_options"]
    assert theme["use_download_button"]
    assert (theme["repository_url"], theme["repository_branch"]) == ("https://github.com/ada/book", "notebooks")
    template = jinja2.Template(sphinx["config"]["html_context"]["edit_page_url_template"])
    for suffix in ("ipynb", "md"):
        assert (
            template.render(file_name=f"book/04-b.{suffix}") == "https://github.com/ada/book/edit/c0ffee/book/04-b.md"
        )
    assert before["sphinx"]["config"]["html_theme_options"] == {"use_download_button": True}
