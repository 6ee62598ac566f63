// A point in one latent space and its image in another under a trained map, both decoded, and Δ here and on average.
"use strict";
latentsep.kind("mapped", (root, live, data) => {
  const { text, panel } = latentsep, { lift, angle } = latentsep.reductors, { reach } = data, turn = 2 * Math.PI;
  const even = count => Array.from({ length: count + 1 }, (_, i) => -Math.PI + turn * i / count);
  const phases = even(100).slice(0, 100);
  const { sets, difference } = latentsep.reductors(data, phases), names = Object.keys(sets), first = sets[names[0]];
  root.difference = difference;

  const steering = latentsep.steer(root, { set: names[0], pair: data.pair.join(" → "), point: data.point });
  if (names.length > 1) steering.choice("set", { label: "autoencoders", options: names });
  steering.choice("pair", { label: "map", options: Object.keys(first) });
  const inside = v => Math.max(-reach, Math.min(reach, v)), unit = ([x, y]) => lift([Math.atan2(y, x)]);
  const told = z => z.length > 1 ? `(${z.map(v => text(v)).join(", ")})` : text(z[0] / Math.PI) + " π";
  const grid = Array.from({ length: 40 }, (_, i) => ((i + 0.5) / 20 - 1) * reach);
  // In the plane a point can be anywhere, on a circle its direction counts.
  const PLANE = {
    label: "point of the plane", text: ({ point }) => "z = " + told(point),
    at: ({ point }) => point, moved: point => ({ point: point.map(inside) }),
  };
  const CIRCLE = {
    label: "point of the circle", text: ({ point }) => "z = " + told([angle(point)]),
    at: ({ point }) => unit(point), moved: point => ({ point: unit(point) }),
    keys: ({ point }, [x, y], step) => ({ point: lift([angle(point) + (x + y) * step]) }),
  };
  const views = ["R²", "S¹", "Φ"].map(space => {
    const flat = space === "R²", far = flat ? reach : 1.4, ends = flat ? [-2, 0, 2] : [];
    const view = panel(steering, { title: space, x: [-far, far], y: [-far, far], ticks: [ends, ends] });
    // Δ is shown as a shade, all over the plane or around the circle.
    const places = flat ? grid.flatMap(y => grid.map(x => [x, y])) : even(150).slice(0, 150).map(a => [a]);
    const shade = view.shade(flat ? places : places.map(z => lift(z).map(v => v * 1.22)), flat ? reach / 20 : 0.08);
    // Half and nine tenths of the plane's prior lie within these circles.
    for (const radius of flat ? [0.5, 0.9].map(share => Math.sqrt(-2 * Math.log(1 - share))) : [1])
      view.line(flat ? "faint dashed" : "faint")(even(100).map(a => lift([a]).map(v => v * radius)));
    const marks = view.marks(phases, data.shades), image = view.dot();
    view.handle(flat ? PLANE : CIRCLE);
    return { space, view, places, shade, marks, image, knob: view.svg.querySelector(".handle") };
  });
  const curves = panel(steering, {
    title: "decoded: from the point (line), from its image (dashed)", x: [1, data.dimension], y: [-1.6, 1.6], high: 290,
    xlabel: "index j", ticks: [[1, data.dimension], [-1, 0, 1]], wide: true,
  });
  const drawn = [curves.line("first"), curves.line("second dashed")];
  const lines = values => values.map((v, j) => [j + 1, Math.max(-1.6, Math.min(1.6, v))]);
  const [low, high] = [-2, 3.5], height = kl => Math.max(low, Math.min(high, Math.log10(kl)));
  const profile = (title, xlabel, x, ticks) => {
    const scale = [[-2, "0.01"], [0, "1"], [2, "100"]], label = { xlabel, ylabel: "Δ (nats)", ticks: [ticks, scale] };
    const view = panel(steering, { title: title + "; its mean dashed", x, y: [low, high], high: 290, wide: true, ...label });
    return { view, mean: view.line("faint dashed"), line: view.line("first"), here: view.dot() };
  };
  const outwards = profile("Δ outwards through the point", "distance from the centre", [0, reach], [0, 1, 2, 3]);
  const ends = [[-Math.PI, "−π"], [0, "0"], [Math.PI, "π"]];
  const around = profile("Δ around the circle", "angle (radians)", [-Math.PI, Math.PI], ends);
  const [say, sayImage, sayHere, sayMean, sayInside] = ["z", "its image", "Δ here", "mean Δ", "prior nearer to the centre"]
    .map(label => steering.value(label));
  const nats = value => text(value, value < 100 ? 2 : 0) + " nats";

  let before = "";
  steering.draws(({ set, pair, point }) => {
    const { from, into, mean, compare, codes } = sets[set][pair], flat = from === "R²", z = flat ? point : [angle(point)];
    const { image, first, second, kl } = compare(z), radius = Math.hypot(...point), changed = before !== (before = set + pair);
    for (const { space, view, places, shade, marks, image: dot, knob } of views) {
      const there = space === from, seen = there || space === into;
      dot(there ? null : lift(image));
      if (!changed) continue;
      view.figure.hidden = !seen;
      view.figure.style.order = there ? -2 : -1;
      const title = there ? "drag the point; Δ is large where there is shade" : "the image of the point";
      view.figure.firstChild.textContent = `${space}: ${title}`;
      view.svg.style.pointerEvents = there ? "" : "none";
      knob.style.display = there ? "" : "none";
      if (seen) marks(codes[space].map(lift));
      shade(there ? places.map(at => Math.max(0, Math.log10(compare(at).kl)) / 5) : null);
    }
    drawn[0](lines(first));
    drawn[1](lines(second));
    outwards.view.figure.hidden = !flat;
    around.view.figure.hidden = flat;
    const { view, mean: level, line, here } = flat ? outwards : around, [start, end] = view.x, direction = unit(point);
    line(Array.from({ length: 201 }, (_, i) => start + (end - start) * i / 200).map(at =>
      [at, height(compare(flat ? direction.map(v => v * at) : [at]).kl)]));
    level([[start, height(mean)], [end, height(mean)]]);
    here([flat ? Math.min(radius, reach) : z[0], height(kl)]);
    say(told(z));
    sayImage(told(image));
    sayHere(nats(kl));
    sayMean(nats(mean));
    sayInside(flat ? text(100 * (1 - Math.exp(-radius * radius / 2)), 0) + " %" : "even all around");
  }).set({});
});
