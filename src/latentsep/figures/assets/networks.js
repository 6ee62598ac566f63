// Trained networks in the page: reads the format "latentsep-network 1" and evaluates dense networks and latent spaces.
"use strict";
latentsep.networks ||= (() => {
  const ACTIVATIONS = { tanh: Math.tanh, relu: v => Math.max(v, 0), softplus: v => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))) };
  const wrap = angle => angle - 2 * Math.PI * Math.floor((angle + Math.PI) / (2 * Math.PI));

  const checksum = bytes => {
    let sum = -1;
    for (const byte of bytes) {
      sum ^= byte;
      for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
    }
    return ~sum >>> 0;
  };

  const half = bits => {
    const exponent = (bits >> 10) & 31, fraction = bits & 1023, sign = bits >> 15 ? -1 : 1;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * fraction / 1024);
  };

  const decode = (bytes, dtype) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return dtype === "float32"
      ? Float64Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
      : Float64Array.from({ length: bytes.length / 2 }, (_, i) => half(view.getUint16(2 * i, true)));
  };

  const forward = (layers, activation, input) => layers.reduce((values, { weights, biases, inputs }, number) => {
    const next = new Float64Array(biases.length);
    for (let out = 0; out < biases.length; out++) {
      let sum = biases[out];
      for (let i = 0, w = out * inputs; i < inputs; i++, w++) sum += weights[w] * values[i];
      next[out] = number < layers.length - 1 ? activation(sum) : sum;
    }
    return next;
  }, input);

  // Each latent space: encoder outputs to location and spread, and a location to what the decoder sees.
  const circle = ({ head, family, corrected = [] }) => ({
    features: head === "projected" ? 3 : 2,
    apart: (a, b) => wrap(a - b),
    posterior: raw => {
      const [location, t] = head === "projected" ? [Math.atan2(raw[1], raw[0]), Math.exp(raw[2])] : [raw[0], Math.exp(raw[1])];
      const even = family === "heat kernel" || corrected.includes("sampling");
      return { location: [wrap(location)], spread: [even ? Math.sqrt(2 * t) : t], lifted: [location] };
    },
    embed: ([angle]) => [Math.cos(angle), Math.sin(angle)],
  });
  const SPACES = {
    Euclidean: ({ dimension }) => ({
      apart: (a, b) => a - b,
      posterior: raw => ({
        location: [...raw.slice(0, dimension)],
        spread: [...raw.slice(dimension)].map(v => Math.exp(v / 2)),
      }),
      embed: z => z,
    }),
    // A member uses the first numbers of a code; the decoder sees zeros in place of the others.
    Codes: ({ dimension }) => ({ embed: z => Array.from({ length: dimension }, (_, i) => z[i] ?? 0) }),
    Circle: circle,
    CliffordTorus: space => {
      const one = circle(space.circle), count = space.dimension;
      return {
        apart: one.apart,
        posterior: raw => {
          const each = Array.from({ length: count }, (_, i) => one.posterior(raw.slice(i * one.features, (i + 1) * one.features)));
          return { location: each.flatMap(p => p.location), spread: each.flatMap(p => p.spread) };
        },
        embed: z => z.flatMap(angle => one.embed([angle])).map(v => v / Math.sqrt(count)),
      };
    },
  };

  // base64 of the format: its head, and what each member's encoder and decoder do.
  return Object.assign(text => {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0)), end = bytes.indexOf(10);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))), payload = bytes.subarray(end + 1);
    if (head.format !== "latentsep-network 1") throw new Error(`no network: ${head.format}`);
    if (checksum(payload) !== head.checksum) throw new Error(`a network of ${head.record} is not whole`);
    const numbers = decode(payload, head.dtype), space = SPACES[head.space.type](head.space);
    const activation = ACTIVATIONS[head.activation];
    let at = 0;
    const take = count => numbers.subarray(at, at += count);
    const members = head.members.map(member => {
      const [encoder, decoder] = [head.encoder, head.decoder].map(widths => widths.slice(1).map((outputs, i) =>
        ({ inputs: widths[i], weights: take(outputs * widths[i]), biases: take(outputs) })));
      return {
        ...member,
        apart: space.apart,
        encode: x => space.posterior(forward(encoder, activation, x)),
        decode: z => forward(decoder, activation, space.embed(z)),
      };
    });
    return { head, members };
  }, {
    wrap,
    // The datapoint of the benchmark that has a phase (thesis, section 5.1).
    sine: dimension => phase =>
      Array.from({ length: dimension }, (_, j) => Math.sin(2 * Math.PI * (j + 1) / dimension + phase)),
    // The largest difference between what members make of a datapoint here, or of a code, and what the build wrote.
    against: (members, probes) => Math.max(...probes.flatMap(({ x, z, location, spread, mean }, i) => {
      if (z) return [...members[i].decode(z)].map((v, k) => Math.abs(v - mean[k]));
      const posterior = members[i].encode(x), decoded = members[i].decode(location);
      return [
        ...location.map((v, k) => members[i].apart(posterior.location[k], v)),
        ...spread.map((v, k) => posterior.spread[k] - v),
        ...mean.map((v, k) => decoded[k] - v),
      ].map(Math.abs);
    })),
  });
})();
