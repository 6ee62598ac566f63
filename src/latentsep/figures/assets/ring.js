// The circle that linear theory predicts for codes, and the ring that networks have learned, as Γ and σ_X change.
"use strict";
latentsep.kind("ring", (root, live, data) => {
  const { text, number, panel, networks } = latentsep, { dimension, variances, sigmas } = data, turn = 2 * Math.PI;
  const members = data.networks.flatMap(({ network, probes }) => {
    const found = networks(network).members;
    root.difference = Math.max(root.difference ?? 0, networks.against(found, probes));
    return found;
  });
  // Theorem 3 with σ_Z learned: λ times the radius of the ring of data.
  const theory = (variance, sigma) => Math.sqrt(Math.max(variance - sigma ** 2, 0)) / variance * Math.sqrt(dimension / 2);
  data.radii.forEach(([variance, sigma, radius]) => { root.difference = Math.max(root.difference, Math.abs(theory(variance, sigma) - radius)); });
  const phases = Array.from({ length: 100 }, (_, i) => -Math.PI + turn * i / 100), around = [...phases, Math.PI];
  const sine = networks.sine(dimension);
  for (const member of members) {
    member.codes = phases.map(phase => member.encode(sine(phase)).location);
    member.radius = member.codes.reduce((sum, code) => sum + Math.hypot(...code), 0) / phases.length;
  }
  const noises = Object.keys(variances).map(Number).sort((a, b) => a - b), reach = data.reach, log = Math.log10;

  const steering = latentsep.steer(root, { noise: noises[1], sigma: 1 });
  steering.choice("noise", { label: "noise σ of the data", options: noises, text: number })
    .slider("sigma", { label: "σ_X", values: sigmas, text: number });
  const plane = panel(steering, { title: "codes: learned, and predicted (dashed)", x: [-reach, reach], y: [-reach, reach], xlabel: "z₁", ylabel: "z₂" });
  const marks = plane.marks(phases, data.shades), circle = plane.line("first dashed");
  const ends = [log(sigmas[0]), log(sigmas[sigmas.length - 1])];
  const plot = panel(steering, {
    title: "mean radius: learned (points), predicted (line)", x: ends, y: [0, reach], xlabel: "σ_X", ylabel: "radius", wide: true,
    ticks: [[0.01, 0.1, 1].map(s => [log(s), number(s)]), Array.from({ length: Math.floor(reach) + 1 }, (_, i) => i)],
  });
  const line = plot.line("first"), dots = members.map(() => plot.dot());
  const closest = sigma => sigmas.reduce((best, s) => Math.abs(log(s) - sigma) < Math.abs(log(best) - sigma) ? s : best);
  plot.handle({
    label: "σ_X, and the radius that is predicted", at: ({ noise, sigma }) => [log(sigma), theory(variances[noise], sigma)],
    moved: ([sigma]) => ({ sigma: closest(sigma) }), text: ({ sigma }) => `σ_X = ${number(sigma)}`,
    keys: ({ sigma }, [x, y]) => ({ sigma: sigmas[Math.max(0, Math.min(sigmas.length - 1, sigmas.indexOf(sigma) + x + y))] }),
  });
  const [say, sayTheory, sayLearned] = ["Γ", "radius predicted", "learned"].map(label => steering.value(label));
  steering.draws(({ noise, sigma }) => {
    const variance = variances[noise], radius = theory(variance, sigma), own = members.filter(m => m.dataset === noise);
    const learned = own.find(m => m.sigma_x === sigma);
    circle(around.map(p => [radius * Math.cos(p), radius * Math.sin(p)]));
    marks(learned ? learned.codes : []);
    line(sigmas.map(s => [log(s), theory(variance, s)]));
    members.forEach((m, i) => dots[i](m.dataset === noise ? [log(m.sigma_x), m.radius] : null));
    say(text(variance));
    sayTheory(text(radius, 3));
    sayLearned(learned ? text(learned.radius, 3) : "no network at this σ_X");
  }).set({});
});
