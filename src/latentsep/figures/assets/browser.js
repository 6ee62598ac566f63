// A table that a reader can search, filter by verdict, and sort by its headings.
"use strict";
for (const root of document.querySelectorAll(".browser:not(.live)")) {
  const body = root.querySelector("tbody"), rows = [...body.rows], heads = [...root.querySelectorAll("th")];
  const [search, verdict, output] = ["input", "select", "output"].map(tag => root.querySelector(tag));
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = rows.filter(row => {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word))
        || (verdict.value && !row.querySelector(".verdict." + verdict.value));
      return !row.hidden;
    });
    output.textContent = shown.length + " of " + rows.length;
  };
  // Numbers sort by value; minus signs are not hyphens.
  const compare = new Intl.Collator("en", { numeric: true }).compare;
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
  root.querySelector(".browser-controls").hidden = false;
  root.classList.add("live");
}
