// Walk once around the data: where two autoencoders put each phase, how fast the angle moves, and what is decoded.
"use strict";
latentsep.kind("walk", (root, live, data) => {
  const { text, number, panel, networks } = latentsep, { dimension } = data, fine = 4000, turn = 2 * Math.PI;
  const ensembles = data.ensembles.map(({ name, network, probes }) => ({ name, ...networks(network), probes }));
  root.difference = Math.max(...ensembles.map(({ members, probes }) => networks.against(members, probes)));
  const sine = networks.sine(dimension);
  const every = count => Array.from({ length: count }, (_, i) => -Math.PI + turn * i / count), phases = every(100);
  // Where the angle is along the whole way, and how many turns it has made since the start.
  const way = [...every(fine), Math.PI].map(sine);
  for (const { members } of ensembles) for (const member of members) {
    member.angles = way.map(x => member.encode(x).location[0]);
    member.turns = [0];
    member.angles.slice(1).forEach((angle, i) => member.turns.push(member.turns[i] + networks.wrap(angle - member.angles[i]) / turn));
  }

  const start = { sigma_x: data.sigma_x, phase: -Math.PI / 2 }, steering = latentsep.steer(root, start);
  steering.slider("sigma_x", { label: "σ_X", values: ensembles[0].members.map(m => m.sigma_x).sort((a, b) => a - b), text: number });
  const ends = [[-Math.PI, "−π"], [0, "0"], [Math.PI, "π"]];
  const shown = ensembles.map(({ name, members }, number) => {
    const circle = panel(steering, { title: name, x: [-1.3, 1.3], y: [-1.3, 1.3], high: 290, ticks: [[], []] });
    circle.line("faint")([...phases, Math.PI].map(p => [Math.cos(p), Math.sin(p)]));
    return { members, circle, marks: circle.marks(phases, data.shades), hand: circle.line(number ? "first" : "second") };
  });
  const plot = panel(steering, {
    title: `angle θ: ${ensembles[0].name} orange, ${ensembles[1].name} blue dashed; drag the point`, x: [-Math.PI, Math.PI], y: [-Math.PI, Math.PI],
    xlabel: "phase φ of the data (radians)", ylabel: "θ (radians)", ticks: [ends, ends], high: 290, wide: true,
  });
  shown.forEach((each, number) => { each.curve = plot.line(number ? "first dashed" : "second"); });
  const here = plot.line("faint");
  plot.handle({
    label: "phase of the data", at: ({ phase }) => [phase, -Math.PI], text: ({ phase }) => `φ = ${text(phase / Math.PI)} π`,
    step: turn / 200, moved: ([phase]) => ({ phase }),
    keys: ({ phase }, [x, y], far) => ({ phase: Math.max(-Math.PI, Math.min(Math.PI, phase + (x + y) * far)) }),
  });
  const decoded = panel(steering, {
    title: "decoded again; the datapoint itself dashed", x: [1, dimension], y: [-1.6, 1.6], high: 290,
    xlabel: "index j", ticks: [[1, dimension], [-1, 0, 1]], wide: true,
  });
  const truth = decoded.line("faint dashed");
  shown.forEach((each, number) => { each.decoded = decoded.line(number ? "first" : "second"); });
  const sayPhase = steering.value("phase φ");
  shown.forEach((each, number) => {
    steering.line(ensembles[number].name);
    each.say = ["θ", "turns so far", "radians per radian of phase", "decoded off by"].map(label => steering.value(label));
  });

  const point = (value, j) => [j + 1, Math.max(-1.6, Math.min(1.6, value))];
  steering.draws(state => {
    const { phase } = state, x = sine(phase), at = Math.round((phase + Math.PI) / turn * fine);
    sayPhase(text(phase / Math.PI) + " π");
    here([[phase, -Math.PI], [phase, Math.PI]]);
    truth(x.map(point));
    for (const { members, marks, hand, curve, decoded, say } of shown) {
      const member = members.find(m => m.sigma_x === state.sigma_x), { angles, turns } = member;
      marks(phases.map((_, i) => angles[i * fine / 100]).map(a => [Math.cos(a), Math.sin(a)]));
      const angle = member.encode(x).location[0], remade = [...member.decode([angle])];
      hand([[0, 0], [Math.cos(angle), Math.sin(angle)]]);
      // The line breaks where the angle leaves at one edge and comes back at the other.
      curve(angles.flatMap((a, i) => i % 4 ? [] : [i && Math.abs(a - angles[i - 4]) > Math.PI ? null : [-Math.PI + turn * i / fine, a]]));
      decoded(remade.map(point));
      const [low, high] = [Math.max(0, at - 1), Math.min(fine, at + 1)];
      say[0](text(angle / Math.PI) + " π");
      say[1](text(turns[at]));
      say[2](text((turns[high] - turns[low]) * fine / (high - low), 1));
      say[3](text(Math.hypot(...remade.map((v, j) => v - x[j])), 2));
    }
  }).set({});
});
