// A table that a reader can search, filter, and sort by its headings; what is chosen stays in the address.
"use strict";
for (const root of document.querySelectorAll(".browser:not(.live)")) {
  const body = root.querySelector("tbody"), rows = [...body.rows], heads = [...root.querySelectorAll("th")];
  const [search, output] = ["input", "output"].map(tag => root.querySelector(tag));
  const selects = [...root.querySelectorAll("select")], fields = [search, ...selects];
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = rows.filter(row => {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word))
        || selects.some(select => select.value && row.dataset[select.name] !== select.value);
      return !row.hidden;
    });
    output.textContent = shown.length + " of " + rows.length;
  };
  const remember = () => {
    filter();
    const chosen = new URLSearchParams(fields.filter(f => f.value).map(f => [f.name, f.value])).toString();
    history.replaceState(null, "", chosen ? "#" + chosen : location.pathname);
  };
  // An address with a sign of equality is a choice, any other the name of a place on the page.
  const recall = () => {
    const chosen = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    for (const f of fields) f.value = chosen.get(f.name) ?? "";
    filter();
  };
  // Numbers sort by value, those in powers of ten, too; minus signs are not hyphens.
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const value = (row, column) => row.cells[column].textContent.trim().replaceAll("−", "-");
  const number = text => {
    const [, digits, power] = text.match(/^\(?(-?[\d.]+) ±.*?(?:·10(-?\d+))?$/) ?? [];
    return digits === undefined ? NaN : Number(digits) * 10 ** (power ?? 0);
  };
  const order = (a, b) => {
    const numbers = [number(a), number(b)];
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
  search.addEventListener("input", remember);
  selects.forEach(select => select.addEventListener("change", remember));
  root.querySelector("button").addEventListener("click", () => {
    for (const f of fields) f.value = "";
    remember();
  });
  addEventListener("hashchange", recall);
  root.querySelector(".browser-controls").hidden = false;
  root.classList.add("live");
  recall();
}
