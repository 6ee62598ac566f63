// Heat on the circle: the exact density, and the two series with as many terms as a reader wants.
"use strict";
latentsep.kind("heat", (root, live, data) => {
  const { text, number, panel } = latentsep, count = 200;
  const angles = Array.from({ length: count + 1 }, (_, i) => -Math.PI + 2 * Math.PI * i / count);
  const sum = (from, to, term) => { let all = 0; for (let m = from; m <= to; m++) all += term(m); return all; };
  // The normal density of variance 2t, wound around the circle: enough images for every time on the slider.
  const exact = (r, t) => sum(-20, 20, k => Math.exp(-((r + 2 * Math.PI * k) ** 2) / (4 * t))) / Math.sqrt(4 * Math.PI * t);
  const series = (r, t, terms, factor) => (1 + factor * sum(1, terms, m => Math.cos(m * r) * Math.exp(-m * m * t))) / (2 * Math.PI);
  root.difference = Math.max(...data.times.map((t, i) => Math.abs(exact(Math.PI, t) - data.probes[i])));

  const steering = latentsep.steer(root, { t: data.start, terms: 10 });
  steering.slider("t", { label: "time t", values: data.times, text: number })
    .slider("terms", { label: "terms of the series", low: 0, high: 60, step: 1 });
  const quarters = [[-Math.PI, "−π"], [0, "0"], [Math.PI, "π"]];
  const plot = panel(steering, {
    title: "density ρ(r, t): exact, grey; series, blue dashed; as printed, orange", x: [-Math.PI, Math.PI], y: [-0.3, 3],
    xlabel: "angle r − μ (radians)", ylabel: "1/radian", ticks: [quarters, [0, 1, 2, 3]], wide: true,
  });
  const curves = ["faint thick", "first dashed", "second"].map(look => plot.line(look));
  const far = ["exact", "series", "as printed"].map(name => steering.value(`at the far side, ${name}`));
  const half = steering.value("as printed, spread evenly for ever"), error = steering.value("largest error of the series");
  steering.draws(({ t, terms }) => {
    const densities = [r => exact(r, t), r => series(r, t, terms, 2), r => series(r, t, terms, 1)];
    const values = densities.map(density => angles.map(density));
    values.forEach((list, i) => curves[i](list.map((v, k) => [angles[k], Math.max(-0.3, Math.min(3, v))])));
    densities.forEach((density, i) => far[i](text(density(Math.PI), 4)));
    error(text(Math.max(...values[0].map((v, k) => Math.abs(v - values[1][k]))), 4));
    // What the printed density keeps where the solution has next to nothing.
    half(text(2 * Math.PI * Math.min(...values[2].map((v, k) => v - values[0][k] / 2)), 3));
  }).set({});
});
