// Objects on a turntable, and where two autoencoders put their poses: turn by the camera's angle, or by a latent one.
"use strict";
latentsep.kind("poses", async (root, live, data) => {
  const { text, panel, element } = latentsep, { count, columns, step, objects, names } = data, turn = 2 * Math.PI;
  const sheet = new Image();
  sheet.src = "data:image/webp;base64," + data.sheet;
  await sheet.decode();
  const rows = Math.ceil(objects.length * count / step / columns), [wide, high] = [sheet.width / columns, sheet.height / rows];
  const poses = Array.from({ length: count }, (_, k) => k), phases = poses.map(k => -Math.PI + turn * k / count);
  const steering = latentsep.steer(root, { object: data.start, pose: 0 });
  if (objects.length > 1) steering.slider("object", { label: "object", values: objects.map((_, i) => i), text: i => i + 1 });
  steering.slider("pose", { label: "turn", values: poses, text: k => `${Math.round(360 * k / count)}°` });
  const view = element("canvas", { width: wide, height: high, role: "img" }), pen = view.getContext("2d");
  steering.panels.append(element("figure", { class: "object" }, element("figcaption", {}, "the object"), view));
  steering.draws(({ object, pose }) => {
    const place = object * count / step + Math.floor(pose / step);
    pen.drawImage(sheet, (place % columns) * wide, Math.floor(place / columns) * high, wide, high, 0, 0, wide, high);
    view.setAttribute("aria-label", `object ${object + 1}, turned by ${Math.round(360 * pose / count)} degrees`);
  });

  // Dragging the picture turns the object, half a turn for its width.
  let from = null;
  view.addEventListener("pointerdown", event => {
    from = { x: event.clientX, pose: steering.state.pose };
    view.setPointerCapture(event.pointerId);
  });
  view.addEventListener("pointermove", event => {
    if (!from) return;
    const moved = Math.round((event.clientX - from.x) / view.clientWidth * count / 2);
    steering.set({ pose: (((from.pose + moved) % count) + count) % count });
  });
  for (const end of ["pointerup", "pointercancel"]) view.addEventListener(end, () => { from = null; });

  const on = angle => [Math.cos(angle), Math.sin(angle)], wrap = angle => angle - turn * Math.round(angle / turn);
  names.forEach((name, which) => {
    const circle = panel(steering, { title: name, x: [-1.3, 1.3], y: [-1.3, 1.3], ticks: [[], []] });
    circle.line("faint")([...phases, Math.PI].map(on));
    const marks = circle.marks(phases, data.shades), hand = circle.line(which ? "first" : "second");
    const angles = state => objects[state.object][which];
    // A place on the circle stands for the pose whose code is nearest to it.
    const nearest = (state, angle) => poses.reduce((best, k) =>
      Math.abs(wrap(angles(state)[k] - angle)) < Math.abs(wrap(angles(state)[best] - angle)) ? k : best, 0);
    circle.handle({
      label: `latent angle, ${name}`, at: state => on(angles(state)[state.pose]),
      moved: ([x, y]) => ({ pose: nearest(steering.state, Math.atan2(y, x)) }),
      keys: ({ pose }, [x, y]) => ({ pose: (pose + x + y + count) % count }),
      text: state => `θ = ${text(angles(state)[state.pose] / Math.PI)} π`,
    });
    steering.line(name);
    const [say, sayStep] = ["latent angle", "to the next pose"].map(label => steering.value(label));
    steering.draws(state => {
      const found = angles(state), angle = found[state.pose];
      marks(found.map(on));
      hand([[0, 0], on(angle)]);
      say(text(angle / Math.PI) + " π");
      sayStep(text(Math.abs(wrap(found[(state.pose + 1) % count] - angle))) + " radians");
    });
  });
  steering.set({});
});
