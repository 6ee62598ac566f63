// A code is moved, and a decoder draws it: in the plane among codes of pictures, along a line between two, number by number.
"use strict";
latentsep.kind("decoded", (root, live, data) => {
  const { text, panel, picture, networks } = latentsep, { side, way, labels = [] } = data, high = side;
  const [member] = networks(data.network).members, decode = member.decode;
  root.difference = networks.against([member], data.probes);
  const bytes = Uint8Array.from(atob(data.pixels ?? ""), letter => letter.charCodeAt(0));
  const pictures = labels.map((_, i) => Array.from(bytes.subarray(i * side ** 2, (i + 1) * side ** 2), byte => byte / 255));
  const sum = (values, by) => values.reduce((all, v, i) => all + by(v, i), 0);
  const apart = (a, b) => sum(a, (v, i) => (v - b[i]) ** 2), mix = (a, b, share) => a.map((v, i) => v + (b[i] - v) * share);
  const point = code => `(${[...code].map(v => text(v)).join(", ")})`;

  // Each way of moving a code makes its controls and panels, and returns what draws them.
  const ways = {
    plane(steering) {
      const plane = panel(steering, { title: "codes of digits", x: data.x, y: data.y, xlabel: "z₁", ylabel: "z₂" });
      const tell = plane.words(data.codes, labels), inside = ([low, high], v) => Math.min(high, Math.max(low, v));
      plane.handle({
        name: "code", label: "code in the plane", text: state => `z = ${point(state.code)}`,
        moved: ([x, y]) => ({ code: [inside(data.x, x), inside(data.y, y)] }),
      });
      const [made, near] = ["decoded", "nearest digit"].map(title => picture(steering, { title, high }));
      const [say, sayNear, sayCodes, sayPictures] = ["code", "nearest digit", "distance to its code", "squared distance of the pictures"]
        .map(label => steering.value(label));
      return ({ code }) => {
        const drawn = decode(code), far = data.codes.map(other => Math.sqrt(apart(code, other))), best = far.indexOf(Math.min(...far));
        tell(best);
        made.ink(drawn, `what the decoder draws of the code ${point(code)}`);
        near.ink(pictures[best], `a digit, ${labels[best]}`);
        say(point(code)), sayNear(labels[best]), sayCodes(text(far[best])), sayPictures(text(apart(drawn, pictures[best]), 1));
      };
    },
  }, steering = latentsep.steer(root, data.start);
  steering.draws(ways[way](steering)).set({});
});
