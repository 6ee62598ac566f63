// Trained maps between latent spaces in the page: where they send a point, and how far apart both decode.
"use strict";
latentsep.reductors ||= (() => {
  const { wrap } = latentsep.networks;
  // Points of the plane have two numbers, those of circles an angle.
  const lift = z => z.length > 1 ? z : [Math.cos(z[0]), Math.sin(z[0])];
  const angle = z => z.length > 1 ? Math.atan2(z[1], z[0]) : z[0];

  // Table 9.1: a matrix, or an angle turned; its sense is -1 where it is reflected first.
  const mapping = ({ matrix, turn: by, sense }) => z => matrix
    ? matrix.map(row => row.reduce((sum, weight, k) => sum + weight * lift(z)[k], 0))
    : [wrap(by + sense * angle(z))];

  // An image, what a point and its image decode to, and the divergence of the two distributions in nats (8.11).
  const comparing = (source, target, move) => z => {
    const image = move(z), first = [...source.decode(z)], second = [...target.decode(image)];
    const square = first.reduce((sum, v, k) => sum + (v - second[k]) ** 2, 0), ratio = (source.sigma_x / target.sigma_x) ** 2;
    return { image, first, second, kl: square / (2 * target.sigma_x ** 2) + first.length / 2 * (ratio - Math.log(ratio) - 1) };
  };

  // The maps of each set by their names, with codes of data at some phases, and the largest difference from the build.
  return Object.assign(({ dimension, sigma, sets }, phases) => {
    const sine = latentsep.networks.sine(dimension);
    // Φ decodes as the data was made, and an angle is its own code.
    const known = { sigma_x: sigma, decode: ([phase]) => sine(phase), codes: phases.map(phase => [phase]) };
    const gaps = [], found = {};
    for (const { name, networks, maps } of sets) {
      const spaces = { "Φ": known };
      for (const [space, { network, probes }] of Object.entries(networks)) {
        const { members } = latentsep.networks(network), [member] = members;
        gaps.push(latentsep.networks.against(members, probes));
        spaces[space] = { ...member, codes: phases.map(phase => member.encode(sine(phase)).location) };
      }
      found[name] = {};
      for (const { from, into, mean, probes, ...told } of maps) {
        const compare = comparing(spaces[from], spaces[into], mapping(told));
        const codes = { [from]: spaces[from].codes, [into]: spaces[into].codes };
        found[name][`${from} → ${into}`] = { from, into, mean, compare, codes };
        // The build computes divergences in single precision, which leaves so many digits and no more.
        probes.forEach(({ z, image, kl }) => {
          const here = compare(z), apart = into === "R²" ? (a, b) => a - b : (a, b) => wrap(a - b);
          gaps.push((here.kl - kl) / Math.max(1, kl), ...here.image.map((v, k) => apart(v, image[k])));
        });
      }
    }
    return { sets: found, difference: Math.max(...gaps.map(Math.abs)) };
  }, { lift, angle });
})();
