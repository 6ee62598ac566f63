// A latent torus: a point on it, flat and round, and the picture that it decodes to.
"use strict";
latentsep.kind("torus", (root, live, data) => {
  const { text, number, panel, networks, element } = latentsep, { wrap } = networks, { side } = data, turn = 2 * Math.PI;
  const { members } = networks(data.network), core = Math.SQRT2;
  root.difference = networks.against(members, data.probes);
  const even = count => Array.from({ length: count + 1 }, (_, i) => -Math.PI + turn * i / count);
  // A picture as networks see it, by its phases; and its numbers, a sum of four fixed pictures.
  const seen = ([a, b]) => [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)].map(v => v * Math.SQRT2);
  const wave = Array.from({ length: side }, (_, i) => turn * (i + 1) / side);
  const length = values => Math.hypot(...values);

  // Loops of data along which one phase is constant, as the encoder of each member sees them.
  const loops = members.map(member => [0, 1].map(fixed => even(4).slice(0, 4).map(value =>
    even(180).map(other => member.encode(seen(fixed ? [other, value] : [value, other])).location))));
  const broken = path => path.map((angles, i) =>
    i && angles.some((v, k) => Math.abs(v - path[i - 1][k]) > Math.PI) ? null : angles);

  const steering = latentsep.steer(root, { sigma_x: data.sigma_x, at: [Math.PI / 4, Math.PI / 4], across: -60, up: 38 });
  steering.slider("sigma_x", { label: "σ_X", values: members.map(m => m.sigma_x).sort((a, b) => a - b), text: number })
    .slider("across", { label: "turn it", low: -180, high: 180, step: 2, text: v => number(v) + "°" })
    .slider("up", { label: "tilt it", low: -90, high: 90, step: 2, text: v => number(v) + "°" });
  const ends = [[-Math.PI, "−π"], [0, "0"], [Math.PI, "π"]];
  const flat = panel(steering, { title: "flat: opposite edges are the same", x: [-Math.PI, Math.PI], y: [-Math.PI, Math.PI], ticks: [ends, ends], xlabel: "θ⁽¹⁾ (radians)", ylabel: "θ⁽²⁾ (radians)" });
  const LOOKS = ["first", "second dashed"];
  const drawn = LOOKS.map(look => even(4).slice(0, 4).map(() => flat.line(look)));
  flat.handle({
    label: "point on the torus", at: state => state.at, moved: point => ({ at: point }), step: turn / 60,
    keys: ({ at }, [x, y], far) => ({ at: [wrap(at[0] + x * far), wrap(at[1] + y * far)] }),
    text: ({ at: [a, b] }) => `θ = (${text(a / Math.PI)} π, ${text(b / Math.PI)} π)`,
  });

  // Stereographic projection makes it a torus of revolution, whose tube has the radius 1 around a circle of radius √2.
  const lift = ([a, b]) => [Math.cos(a), Math.sin(a), Math.cos(b)].map(v => v / (Math.SQRT2 - Math.sin(b)));
  const round = panel(steering, { title: "round: the same lines and the same point", x: [-2.6, 2.6], y: [-2.6, 2.6], ticks: [[], []] });
  const mesh = [0, 1].flatMap(fixed => even(12).slice(0, 12).map(value => even(72).map(v => lift(fixed ? [v, value] : [value, v]))));
  const back = mesh.map(() => round.line("faint far")), front = mesh.map(() => round.line("faint"));
  const lines = LOOKS.map(look => even(4).slice(0, 4).map(() => [round.line(look + " far"), round.line(look)]));
  const place = round.dot();
  const view = element("canvas", { width: side, height: side, role: "img" }), pen = view.getContext("2d");
  steering.panels.append(element("figure", { class: "object" }, element("figcaption", {}, "decoded"), view));
  const [sayAt, sayPhases, sayApart] = ["latent angles", "phases of the nearest picture", "distance to it"].map(label => steering.value(label));

  let before = "";
  steering.draws(state => {
    const which = members.findIndex(m => m.sigma_x === state.sigma_x), [p, q] = [state.across, state.up].map(v => v * Math.PI / 180);
    const eye = [Math.cos(q) * Math.cos(p), Math.cos(q) * Math.sin(p), Math.sin(q)];
    const right = [-Math.sin(p), Math.cos(p), 0], above = [-Math.sin(q) * Math.cos(p), -Math.sin(q) * Math.sin(p), Math.cos(q)];
    const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2], project = point => [dot(point, right), dot(point, above)];
    // What faces away from the eye is drawn faintly.
    const faces = point => {
      const axis = Math.hypot(point[0], point[1]);
      return dot([point[0] * (1 - core / axis), point[1] * (1 - core / axis), point[2]], eye) > 0;
    };
    const halves = (points, far, near) => [[far, false], [near, true]].forEach(([line, side]) =>
      line(points.map(point => point && faces(point) === side ? project(point) : null)));
    // Lines change with the view and the autoencoder, not with the point.
    if (before !== (before = [which, p, q].join())) {
      mesh.forEach((points, i) => halves(points, back[i], front[i]));
      loops[which].forEach((kind, k) => kind.forEach((loop, i) => {
        drawn[k][i](broken(loop));
        halves(loop.map(lift), ...lines[k][i]);
      }));
    }
    place(project(lift(state.at)));
    const x = [...members[which].decode(state.at)], phases = [Math.atan2(x[1], x[0]), Math.atan2(x[3], x[2])], best = seen(phases);
    const image = pen.createImageData(side, side);
    wave.forEach((row, i) => wave.forEach((column, j) => {
      const value = (x[0] * Math.sin(row) + x[1] * Math.cos(row) + x[2] * Math.sin(2 * column) + x[3] * Math.cos(2 * column)) / Math.SQRT2;
      const grey = 127.5 * (1 + Math.max(-1, Math.min(1, value / 2)));
      image.data.set([grey, grey, grey, 255], 4 * (i * side + j));
    }));
    pen.putImageData(image, 0, 0);
    const told = values => `(${values.map(v => text(v / Math.PI) + " π").join(", ")})`;
    view.setAttribute("aria-label", `a picture near the phases ${told(phases)}`);
    sayAt(told(state.at));
    sayPhases(told(phases));
    sayApart(text(length(x.map((v, k) => v - best[k])) * side / 2, 3));
  }).set({});
});
