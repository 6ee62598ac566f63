// The latent plane of autoencoders of sines: choose one, drag a code, see what it decodes to; draw a datapoint.
"use strict";
latentsep.kind("codes", (root, live, data) => {
  const { text, number, panel, networks } = latentsep;
  const { members } = networks(data.network), dimension = data.dimension;
  root.difference = networks.against(members, data.probes);
  const index = Array.from({ length: dimension }, (_, j) => j + 1);
  const sine = networks.sine(dimension);
  const phases = Array.from({ length: 100 }, (_, i) => -Math.PI + 2 * Math.PI * i / 100), ring = phases.map(sine);
  const sum = (values, by) => values.reduce((all, v, i) => all + by(v, i), 0);
  // A sine of phase φ is sin φ times a cosine and cos φ times a sine, so that the nearest one has this phase.
  const nearest = x => Math.atan2(sum(x, (v, i) => v * Math.cos(2 * Math.PI * index[i] / dimension)),
    sum(x, (v, i) => v * Math.sin(2 * Math.PI * index[i] / dimension)));
  const codes = members.map(member => ring.map(member.encode));
  const kl = ({ location, spread }) => 0.5 * sum(location, (m, k) => m * m + spread[k] ** 2 - 2 * Math.log(spread[k]) - 1);
  const distinct = name => [...new Set(members.map(m => m[name]))].sort((a, b) => a - b);
  const [datasets, sigmas] = [distinct("dataset"), distinct("sigma_x")];
  const which = state => members.findIndex(m => m.dataset === state.dataset && m.sigma_x === state.sigma_x);

  const steering = latentsep.steer(root, { dataset: data.dataset, sigma_x: data.sigma_x, code: data.code, drawn: null });
  if (datasets.length > 1) steering.choice("dataset", { label: "noise σ of the data", options: datasets, text: number });
  steering.slider("sigma_x", { label: "σ_X", values: sigmas, text: number });
  // The table of the chapter chooses, too: its rows are these autoencoders.
  const rows = [...document.querySelectorAll(data.table ? `#${data.table} tbody tr` : "no-table")];
  if (rows.length === members.length) rows.forEach((row, i) => {
    const { dataset, sigma_x } = members[i];
    row.classList.add("chooses");
    row.addEventListener("click", () => { steering.set({ dataset, sigma_x }); root.scrollIntoView({ block: "nearest" }); });
    steering.draws(state => row.classList.toggle("chosen", which(state) === i));
  });

  const far = data.reach, plane = panel(steering, { title: "latent plane", x: [-far, far], y: [-far, far], xlabel: "z₁", ylabel: "z₂" });
  const prior = plane.line("faint dashed"), marks = plane.marks(phases, data.shades);
  prior(phases.concat(-Math.PI).map(p => [Math.cos(p), Math.sin(p)]));
  const own = plane.line("second");
  const inside = v => Math.max(-far, Math.min(far, v));
  plane.handle({
    name: "code", label: "code in the latent plane", moved: point => ({ code: point.map(inside) }),
    text: ({ code: [x, y] }) => `z = (${text(x)}, ${text(y)})`,
  });
  const curve = panel(steering, {
    title: "decoded: blue; nearest true sine: dashed; yours, if you draw here: orange", x: [1, dimension], y: [-1.6, 1.6], high: 300,
    xlabel: "index j", ticks: [[1, dimension], [-1, 0, 1]], wide: true,
  });
  const truth = curve.line("faint dashed"), decoded = curve.line("first"), drawing = curve.line("second");
  curve.pen("drawn", { label: "a datapoint to draw: arrow keys choose an index and change its value", start: () => sine(0) });
  const [say, sayPhase, sayApart, sayKL, sayDrawn] = ["code", "phase of the nearest sine", "distance to it", "mean KL", "code of the drawn datapoint"]
    .map(label => steering.value(label));
  const lines = values => values.map((v, i) => [index[i], Math.max(-1.6, Math.min(1.6, v))]);

  steering.draws(state => {
    const member = which(state), found = codes[member], x = [...members[member].decode(state.code)];
    const phase = nearest(x), best = sine(phase);
    marks(found.map(p => p.location), found.map(p => p.spread));
    decoded(lines(x));
    truth(lines(best));
    say(`(${text(state.code[0])}, ${text(state.code[1])})`);
    sayPhase(text(phase / Math.PI) + " π");
    sayApart(text(Math.sqrt(sum(x, (v, i) => (v - best[i]) ** 2)), 3));
    sayKL(text(sum(found, kl) / found.length, 2) + " nats");
    drawing(state.drawn ? lines(state.drawn) : []);
    const put = state.drawn && members[member].encode(state.drawn);
    sayDrawn(put ? `(${text(put.location[0])}, ${text(put.location[1])})` : "none drawn");
    // Drawn around its place: one standard deviation, and no less than can be seen.
    own(put ? phases.concat(-Math.PI).map(p => [Math.cos(p), Math.sin(p)].map((c, k) => put.location[k] + c * Math.max(put.spread[k], far / 40))) : []);
  }).set({});
});
