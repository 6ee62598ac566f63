"""The ledger's page carries every entry, and works as a plain table."""

from bs4 import BeautifulSoup

from latentsep.ledger import browser, checks, ledger

ENTRIES = checks.chapter(3).entries + checks.chapter(4).entries


def test_every_entry_is_a_row_and_every_verdict_a_choice_with_its_count():
    soup = BeautifulSoup(browser.table(ENTRIES), "html.parser")
    rows = soup.select("tbody tr")
    assert [row.td.get_text() for row in rows] == [entry["id"] for entry in ENTRIES]
    counts = {verdict: count for verdict, count in ledger.tally(ENTRIES).items() if count}
    options = soup.select("select[name=verdict] option")
    assert [o["value"] for o in options] == ["", *counts]
    assert [o.get_text() for o in options][1:] == [f"{v} ({n})" for v, n in counts.items()]
    # A choice finds its rows by what they are marked with.
    for select in soup.select("select"):
        for option in select.select("option")[1:]:
            rows = soup.select(f'tbody tr[data-{select["name"]}="{option["value"]}"]')
            assert option.get_text().endswith(f"({len(rows)})")
    assert [s["name"] for s in soup.select("select")] == ["source", "chapter", "kind", "verdict"]
    assert soup.output.get_text() == f"{len(ENTRIES)} of {len(ENTRIES)}"


def test_controls_are_hidden_until_a_script_makes_them_work():
    soup = BeautifulSoup(browser.table(ENTRIES), "html.parser")
    assert soup.find(class_="browser-controls").has_attr("hidden")
    assert [script["src"] for script in soup.find_all("script")] == ["../figures/browser.js"]
