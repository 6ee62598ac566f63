// Steps along directions of codes of photographs: choose one and where it begins, go along, see what it changes.
"use strict";
latentsep.kind("steps", async (root, live, data) => {
  const { text, picture } = latentsep, { names, starts, places, side, values, deviations } = data;
  const sheet = new Image();
  sheet.src = "data:image/webp;base64," + data.sheet;
  await sheet.decode();
  const numbers = list => list.map((_, i) => i), middle = (places.length - 1) / 2, signed = v => (v > 0 ? "+" : "") + text(v, 1);
  const steering = latentsep.steer(root, { name: 0, start: 0, place: middle });
  steering.choice("name", { label: "direction of", options: numbers(names), text: i => names[i] })
    .choice("start", { label: "from", options: numbers(starts), text: i => starts[i] })
    .slider("place", { label: "way, in deviations", values: numbers(places), text: i => signed(places[i]) });
  const [least, here, most] = ["at one end", "here", "at the other"].map((title, i) => picture(steering, { title, high: side, large: i === 1 }));
  const [say, sayStart, sayDeviation] = ["value here", "without a step", "deviation over photographs"].map(label => steering.value(label));
  steering.draws(({ name, start, place }) => {
    const cell = at => (name * starts.length + start) * places.length + at, along = values[name][start];
    [[least, 0], [here, place], [most, places.length - 1]].forEach(([view, at]) =>
      view.cell(sheet, cell(at), `what is decoded ${signed(places[at])} deviations along the direction of ${names[name]}`));
    say(`${text(along[place], 3)} (${names[name]})`);
    sayStart(text(along[middle], 3)), sayDeviation(text(deviations[name], 3));
  }).set({});
});
