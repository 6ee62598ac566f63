// What all interactive figures share: they come to life near what is seen, answer to controls, and can be reset.
"use strict";
window.latentsep ||= (() => {
  const kinds = {}, place = document.currentScript.src.replace(/[^/]*$/, "");
  const load = name => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    Object.assign(script, { src: new URL(name, place), onload: resolve, onerror: reject });
    document.head.append(script);
  });

  // A figure that comes near asks for its data once; the data says for which figure it is.
  const near = new IntersectionObserver(entries => entries.filter(e => e.isIntersecting).forEach(({ target }) => {
    near.unobserve(target);
    load(target.dataset.of.replace(/.*\//, ""));
  }), { rootMargin: "100% 0px" });

  const live = (root, on) => {
    root.querySelector(".live-only").hidden = !on;
    root.classList.toggle("live", on);
  };

  const element = (tag, attributes = {}, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  };

  // The state of a figure, its controls, and the values it shows: each change draws all anew.
  class Steering {
    constructor(root, initial) {
      this.root = root, this.initial = initial, this.state = { ...initial }, this.shows = [];
      this.panels = element("div", { class: "panels" });
      this.controls = element("div", { class: "controls" });
      this.values = element("div", { class: "values" });
      const reset = element("button", { type: "button", class: "reset" }, "reset");
      reset.addEventListener("click", () => this.set(this.initial));
      this.controls.append(reset);
      root.querySelector(".live-only").append(this.controls, this.panels, this.values);
    }

    // Something to be done whenever the state has changed; what draws comes after the controls.
    draws(show) { this.shows.push(show); return this; }

    set(change) {
      Object.assign(this.state, change);
      const before = performance.now();
      for (const show of this.shows) show(this.state);
      this.root.dataset.milliseconds = (performance.now() - before).toFixed(2);
    }

    // A slider through a list of values, or from low to high.
    slider(name, { label, values, low, high, step, text = String }) {
      const range = values ? { min: 0, max: values.length - 1, step: 1 } : { min: low, max: high, step };
      const input = element("input", { type: "range", ...range, "aria-label": label });
      const output = element("output");
      const value = () => values ? values[Number(input.value)] : Number(input.value);
      input.addEventListener("input", () => this.set({ [name]: value() }));
      this.draws(state => {
        input.value = values ? values.indexOf(state[name]) : state[name];
        output.textContent = text(state[name]);
        input.setAttribute("aria-valuetext", output.textContent);
      });
      this.controls.lastChild.before(element("label", {}, label + " ", input, output));
      return this;
    }

    // One of a few.
    choice(name, { label, options, text = String }) {
      const box = element("fieldset", {}, element("legend", {}, label));
      const inputs = options.map(option => {
        const input = element("input", { type: "radio", name: this.root.id + "-" + name });
        input.addEventListener("change", () => this.set({ [name]: option }));
        box.append(element("label", {}, input, text(option)));
        return input;
      });
      this.draws(state => inputs.forEach((input, i) => { input.checked = options[i] === state[name]; }));
      this.controls.lastChild.before(box);
      return this;
    }

    // A new line of values, under a heading of its own.
    line(heading) {
      this.values = element("div", { class: "values" }, ...(heading ? [element("b", {}, heading)] : []));
      this.root.querySelector(".live-only").append(this.values);
    }

    // An exact value under a name; returns what changes it.
    value(label) {
      const output = element("output");
      this.values.append(element("span", {}, label + " ", output));
      return text => { output.textContent = text; };
    }
  }

  return {
    // Bring to life the figures of a kind: setUp(root, live part, data) may refuse by returning false.
    kind(name, setUp) {
      if (kinds[name]) return;
      kinds[name] = setUp;
      for (const root of document.querySelectorAll(".interactive." + name)) near.observe(root);
    },
    async deliver(name, data) {
      const root = document.getElementById(name), kind = [...root.classList].find(word => kinds[word]);
      if (root.classList.contains("live")) return;
      live(root, true);
      try {
        if (await kinds[kind](root, root.querySelector(".live-only"), data) === false) live(root, false);
      } catch (error) {
        live(root, false);
        throw error;
      }
    },
    steer: (root, initial) => new Steering(root, initial),
    element, load,
    // Numbers as pages write them.
    text: (value, digits = 2) => {
      const plain = value.toFixed(digits);
      return (Number(plain) === 0 ? plain.replace("-", "") : plain).replace("-", "−");
    },
    number: value => String(value).replace("-", "−"),
  };
})();
