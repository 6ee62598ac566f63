// Where numbers, figures and tables of a page come from.
"use strict";

// Numbers in sentences have their names as titles. A keyboard reaches them when a reader asks for it: as hundreds of
// stops they would be in the way.
document.addEventListener("DOMContentLoaded", () => {
  const numbers = document.querySelectorAll(".pasted-text[title]");
  const title = document.querySelector("article h1");
  if (!numbers.length || !title) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "provenance-numbers";
  button.textContent = "Show where the numbers in the text come from";
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") === "false";
    button.setAttribute("aria-pressed", String(on));
    document.body.classList.toggle("provenance-shown", on);
    for (const number of numbers) {
      if (on) number.tabIndex = 0;
      else number.removeAttribute("tabindex");
    }
  });
  title.after(button);
});

// What records took is loaded when the first fold-out is opened: it alone differs from build to build.
(() => {
  const place = document.currentScript.src.replace(/[^/]*$/, "");
  let costs = null;

  function show(details) {
    for (const spot of details.querySelectorAll("[data-costs]")) {
      const cost = costs[spot.dataset.costs];
      if (!cost || spot.textContent) continue;
      const [seconds, machine] = cost;
      const short = seconds < 10 ? seconds.toPrecision(2) : Math.round(seconds);
      const time = seconds < 100 ? `${short} s` : `${Math.round(seconds / 60)} min`;
      spot.textContent = `; took ${time} on ${machine}`;
    }
  }

  // "toggle" does not bubble, but can be caught on the way down.
  document.addEventListener("toggle", (event) => {
    const details = event.target;
    if (!details.matches("details.provenance[open]")) return;
    if (costs) {
      show(details);
      return;
    }
    const script = document.createElement("script");
    script.src = `${place}costs.js`; // a script, for pages opened as files may load nothing else
    script.addEventListener("load", () => {
      costs = window.latentsepCosts;
      document.querySelectorAll("details.provenance[open]").forEach(show);
    });
    document.head.append(script);
  }, true);
})();
