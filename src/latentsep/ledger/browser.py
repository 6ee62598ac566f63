"""The ledger as a page: a table that a reader can search, filter and sort, and a plain one without scripts."""

import re
from collections.abc import Sequence

from latentsep.ledger.ledger import tally
from latentsep.ledger.reports import Report

_COLUMNS = ("item", "title", "thesis", "ours", "verdict", "why")
_BROWSER = """<div class="browser" id="browser">
<style>
.browser-controls { display: none; }
.browser.live .browser-controls { display: flex; flex-wrap: wrap; gap: 0.5em 1em; align-items: center;
  margin: 0 0 0.8em; }
.browser.live th { cursor: pointer; }
.browser th[aria-sort="ascending"]::after { content: " ↑"; }
.browser th[aria-sort="descending"]::after { content: " ↓"; }
</style>
<div class="browser-controls">
<label>find <input type="search" placeholder="eq-7, KL, torus ..."></label>
<label>verdict <select><option value="">all</option>@choices</select></label>
<output>@total of @total</output>
</div>
@table
<script>
(() => {
  const root = document.getElementById("browser"), body = root.querySelector("tbody");
  const rows = [...body.rows], heads = [...root.querySelectorAll("th")];
  const [search, verdict, output] = ["input", "select", "output"].map(tag => root.querySelector(tag));
  const filter = () => {
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const shown = rows.filter(row => {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word))
        || (verdict.value && !row.querySelector(".verdict." + verdict.value));
      return !row.hidden;
    });
    output.textContent = shown.length + " of " + rows.length;
  };
  // Numbers sort by value; minus signs are not hyphens.
  const compare = new Intl.Collator("en", {numeric: true}).compare;
  const value = (row, column) => row.cells[column].textContent.trim().replace(/^−/, "-");
  const order = (a, b) => {
    const numbers = [parseFloat(a), parseFloat(b)];
    return numbers.some(isNaN) ? compare(a, b) : numbers[0] - numbers[1];
  };
  heads.forEach((head, column) => {
    head.tabIndex = 0;
    const sort = () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(h => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sorted = [...rows].sort((a, b) => order(value(a, column), value(b, column)) * (down ? -1 : 1));
      body.append(...sorted);
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
  });
  search.addEventListener("input", filter);
  verdict.addEventListener("change", filter);
  root.classList.add("live");
})();
</script>
</div>"""


def table(entries: Sequence[dict]) -> str:
    """The same table with a field to search it, a choice of verdicts, and headings that sort; plain without scripts."""
    counts = tally(entries)
    choices = "".join(f'<option value="{v}">{v} ({n})</option>' for v, n in counts.items())
    values = {"total": str(len(entries)), "choices": choices, "table": Report(entries, _COLUMNS).html()}
    return re.sub(f"@({'|'.join(values)})", lambda match: values[match[1]], _BROWSER)
