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

  const steering = latentsep.steer(root, { t: data.start, terms: 10, r: -Math.PI });
  steering.slider("t", { label: "time t", values: data.times, text: number })
    .slider("terms", { label: "terms of the series", low: 0, high: 60, step: 1 });
  const quarters = [[-Math.PI, "−π"], [0, "0"], [Math.PI, "π"]];
  const plot = panel(steering, {
    title: "density: exact, grey; series, dashed; as printed, orange", x: [-Math.PI, Math.PI], y: [-0.3, 3],
    xlabel: "angle r − μ (radians)", ylabel: "1/radian", ticks: [quarters, [0, 1, 2, 3]], wide: true,
  });
  const curves = ["faint thick", "first dashed", "second"].map(look => plot.line(look));
  const top = density => Math.max(-0.3, Math.min(3, density));
  plot.handle({
    label: "angle at which densities are read", at: ({ r, t }) => [r, top(exact(r, t))], text: ({ r }) => `r = ${text(r / Math.PI)} π`,
    step: Math.PI / 50, moved: ([r]) => ({ r }), keys: ({ r }, [x, y], far) => ({ r: Math.max(-Math.PI, Math.min(Math.PI, r + (x + y) * far)) }),
  });
  const where = steering.value("at the angle"), there = ["exact", "series", "as printed"].map(name => steering.value(name));
  steering.line("");
  const half = steering.value("as printed, spread evenly for ever"), error = steering.value("largest error of the series");
  steering.draws(({ t, terms, r }) => {
    const densities = [r => exact(r, t), r => series(r, t, terms, 2), r => series(r, t, terms, 1)];
    const values = densities.map(density => angles.map(density));
    values.forEach((list, i) => curves[i](list.map((v, k) => [angles[k], top(v)])));
    where(text(r / Math.PI) + " π");
    densities.forEach((density, i) => there[i](text(density(r), 4)));
    error(text(Math.max(...values[0].map((v, k) => Math.abs(v - values[1][k]))), 4));
    // What the printed density keeps where the solution has next to nothing.
    half(text(2 * Math.PI * Math.min(...values[2].map((v, k) => v - values[0][k] / 2)), 3));
  }).set({});
});
