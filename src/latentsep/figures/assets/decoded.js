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
    line(steering) {
      // Each class is there twice, so that a line may also go from a digit to another of the same class.
      const half = labels.length / 2, values = labels.slice(half).map((_, i) => i), word = i => labels[i];
      steering.slider("first", { label: "from", values, text: word }).slider("second", { label: "to", values, text: word })
        .slider("share", { label: "way", low: 0, high: 1, step: 0.01, text: v => text(100 * v, 0) + " %" });
      const [start, made, mixed, end] = ["from", "decoded", "pixels mixed", "to"].map(title => picture(steering, { title, high }));
      const sayLength = steering.value("length of the code");
      steering.line("squared distance of the decoded picture");
      const [sayFirst, saySecond, sayMixed] = ["from the first", "from the second", "from the mixture"].map(label => steering.value(label));
      return ({ first, second, share }) => {
        const ends = [first, half + second], [one, other] = ends.map(i => pictures[i]), code = mix(...ends.map(i => data.codes[i]), share);
        const drawn = decode(code), mixture = mix(one, other, share), told = `${text(100 * share, 0)} % of the way`;
        start.ink(one, `a digit, ${labels[first]}`), end.ink(other, `a digit, ${labels[second]}`);
        made.ink(drawn, `what the decoder draws, ${told}`), mixed.ink(mixture, `both digits on top of each other, ${told}`);
        sayLength(text(Math.sqrt(sum(code, v => v * v))));
        [[sayFirst, one], [saySecond, other], [sayMixed, mixture]].forEach(([say, there]) => say(text(apart(drawn, there), 1)));
      };
    },
    numbers(steering) {
      data.ranges.forEach(([low, high, step], i) => steering.slider(i, { label: "z" + "₁₂₃₄₅₆₇₈₉"[i], low, high, step, text: v => text(v) }));
      const made = picture(steering, { title: "decoded", high, large: true });
      const [sayCentre, saySize] = ["centre of the ink", "size, the root of the ink"].map(label => steering.value(label));
      return state => {
        const code = data.ranges.map((_, i) => state[i]), drawn = decode(code), ink = drawn.map(v => Math.min(1, Math.max(0, v)));
        // The middle of a pixel is half a pixel from its edges.
        const all = sum(ink, v => v), centre = [i => i % side, i => Math.floor(i / side)].map(at => sum(ink, (v, i) => v * (at(i) + 0.5)) / all);
        made.ink(drawn, `what the decoder draws of the code ${point(code)}`);
        sayCentre(all > 0 ? `${point(centre)} pixels` : "none"), saySize(text(Math.sqrt(all)) + " pixels");
      };
    },
  }, steering = latentsep.steer(root, data.start);
  steering.draws(ways[way](steering)).set({});
});
