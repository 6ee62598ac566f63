// What records took is loaded when the first fold-out is opened: it alone differs from build to build.
(() => {
  const place = document.currentScript.src.replace(/[^/]*$/, "");
  let costs = null;

  function show(details) {
    for (const spot of details.querySelectorAll("[data-costs]")) {
      const cost = costs[spot.dataset.costs];
      if (!cost || spot.textContent) continue;
      const [seconds, machine] = cost;
      const time = seconds < 100 ? `${seconds.toPrecision(2)} s` : `${Math.round(seconds / 60)} min`;
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
    script.src = `${place}costs.js`; // a script, since pages opened as files may fetch nothing
    script.addEventListener("load", () => {
      costs = window.latentsepCosts;
      document.querySelectorAll("details.provenance[open]").forEach(show);
    });
    document.head.append(script);
  }, true);
})();
