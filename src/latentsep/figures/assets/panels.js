// Panels to look at and to drag in: a plane with axes, curves, marks, points to drag, a pen; and pictures.
"use strict";
latentsep.panel ||= (() => {
  const svg = (tag, attributes = {}, ...inside) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  };
  const clamp = (value, [low, high]) => Math.min(high, Math.max(low, value));
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  // Four phases can be told without colour: −π, −π/2, 0 and π/2.
  const SHAPES = ["M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0", "M-4.5-4.5h9v9h-9z", "M0-6L5.5 4h-11z", "M0-6.5L5 0L0 6.5L-5 0z"];

  class Panel {
    // x and y are the ends of the axes; high is the height in pixels where the width is 300, or 390 of a wide one.
    constructor(steering, { title, x, y, high = 300, xlabel = "", ylabel = "", ticks = [x, y], wide = false }) {
      const sides = { left: ylabel ? 40 : 28, right: 8, top: 6, bottom: xlabel ? 36 : 20 };
      this.x = x, this.y = y, this.steering = steering;
      const all = wide ? 390 : 300;
      this.wide = all - sides.left - sides.right, this.high = high - sides.top - sides.bottom;
      this.area = svg("g", { transform: `translate(${sides.left} ${sides.top})` });
      this.area.append(svg("rect", { class: "frame", width: this.wide, height: this.high }));
      for (const [at, name] of ticks[0].map(tick => [].concat(tick)))
        this.area.append(svg("text", { x: this.across(at), y: this.high + 15, "text-anchor": "middle" }, name ?? latentsep.number(at)));
      for (const [at, name] of ticks[1].map(tick => [].concat(tick)))
        this.area.append(svg("text", { x: -5, y: this.down(at) + 4, "text-anchor": "end" }, name ?? latentsep.number(at)));
      this.area.append(svg("text", { x: this.wide / 2, y: this.high + 31, "text-anchor": "middle" }, xlabel));
      this.area.append(svg("text", { transform: `translate(-26 ${this.high / 2}) rotate(-90)`, "text-anchor": "middle" }, ylabel));
      this.svg = svg("svg", { viewBox: `0 0 ${all} ${high}` }, this.area);
      this.figure = latentsep.element("figure", wide ? { class: "wide" } : {}, this.svg);
      if (title) this.figure.prepend(latentsep.element("figcaption", {}, title));
      steering.panels.append(this.figure);
    }

    across(x) { return (x - this.x[0]) / (this.x[1] - this.x[0]) * this.wide; }
    down(y) { return (this.y[1] - y) / (this.y[1] - this.y[0]) * this.high; }
    place([x, y]) { return this.across(x).toFixed(1) + " " + this.down(y).toFixed(1); }

    // Where a pointer is, in units of the axes.
    at(event) {
      const box = this.area.firstChild.getBoundingClientRect();
      const share = [(event.clientX - box.left) / box.width, (box.bottom - event.clientY) / box.height];
      return [this.x, this.y].map(([low, high], i) => low + clamp(share[i], [0, 1]) * (high - low));
    }

    // A curve through points; null breaks it. Returns what moves it.
    line(look) {
      const path = svg("path", { class: "line " + look });
      this.area.append(path);
      return points => path.setAttribute("d", points.map((point, i) =>
        point ? (i && points[i - 1] ? "L" : "M") + this.place(point) : "").join(""));
    }

    // A point that cannot be dragged. Returns what moves it, or hides it where there is none.
    dot() {
      const dot = svg("circle", { class: "dot", r: 6 });
      this.area.append(dot);
      return point => {
        dot.style.display = point ? "" : "none";
        if (point) dot.setAttribute("transform", `translate(${this.place(point)})`);
      };
    }

    // A mark for each phase in its colour, four of them with shapes of their own, and an ellipse if there are widths.
    marks(phases, shades) {
      const shade = phase => shades[Math.round((phase / (2 * Math.PI) + 0.5) * (shades.length - 1))];
      const rings = phases.map(phase => svg("ellipse", { class: "line", style: `stroke: ${shade(phase)}; stroke-width: 0.7` }));
      const dots = phases.map(phase => svg("circle", { class: "mark", r: 3, fill: shade(phase) }));
      const large = SHAPES.map((d, quarter) => {
        const phase = (quarter - 2) * Math.PI / 2, gaps = phases.map(p => Math.abs(p - phase));
        const which = gaps.indexOf(Math.min(...gaps));
        return [which, svg("path", { class: "mark large", d, fill: shade(phase) })];
      });
      const all = svg("g", {}, ...rings, ...dots, ...large.map(([, mark]) => mark));
      this.area.append(all);
      return (points, widths) => (all.style.display = points.length ? "" : "none", points).forEach((point, i) => {
        const [cx, cy] = this.place(point).split(" ");
        for (const [name, value] of [["cx", cx], ["cy", cy]]) dots[i].setAttribute(name, value), rings[i].setAttribute(name, value);
        if (widths) ["rx", "ry"].forEach((name, k) => rings[i].setAttribute(name, widths[i][k] * (k ? this.high / (this.y[1] - this.y[0]) : this.wide / (this.x[1] - this.x[0]))));
        for (const [which, mark] of large) if (which === i) mark.setAttribute("transform", `translate(${cx} ${cy})`);
      });
    }

    // A shade at each of some places, as wide as size in units of x. Returns what makes each as strong as a number up to
    // 1, or hides them all.
    shade(places, size) {
      const side = size / (this.x[1] - this.x[0]) * this.wide + 1.5;  // shades that touch must overlap, or gaps are seen
      const all = svg("g", {}, ...places.map(place => svg("rect", {
        class: "shade", x: this.across(place[0]) - side / 2, y: this.down(place[1]) - side / 2, width: side, height: side,
      })));
      this.area.append(all);
      return strengths => {
        all.style.display = strengths ? "" : "none";
        strengths?.forEach((strength, i) => all.children[i].style.setProperty("--strength", 100 * strength + "%"));
      };
    }

    // Words at points, such as numerals of classes. Returns what tells one of them from the others.
    words(points, names) {
      const all = points.map((point, i) => svg("text", { class: "word", transform: `translate(${this.place(point)})` }, names[i]));
      this.area.append(svg("g", {}, ...all));
      return which => all.forEach((word, i) => word.classList.toggle("told", i === which));
    }

    // A point that is dragged, or moved with arrow keys. It is the state's own point under a name, unless it is said where
    // it is in a state (at), which change a new place means (moved), and which one an arrow key does (keys).
    handle({ name, label, text, step = (this.x[1] - this.x[0]) / 50, at = state => state[name],
      moved = point => ({ [name]: point }), keys = (state, [x, y], far) => moved([at(state)[0] + x * far, at(state)[1] + y * far]) }) {
      const grip = svg("circle", { class: "grip", r: 7 }), reach = svg("circle", { class: "reach", r: 20 });
      const knob = svg("g", { class: "handle", tabindex: 0, role: "slider", "aria-label": label, "aria-valuemin": this.x[0],
        "aria-valuemax": this.x[1], "aria-valuenow": 0 }, reach, grip);
      const move = event => this.steering.set(moved(this.at(event)));
      knob.addEventListener("pointerdown", event => {
        event.preventDefault();
        knob.setPointerCapture(event.pointerId);
        knob.focus();
      });
      knob.addEventListener("pointermove", event => { if (knob.hasPointerCapture(event.pointerId)) move(event); });
      // A click beside it brings it there.
      this.svg.addEventListener("click", event => { if (!event.target.closest(".handle, .pen")) move(event); });
      knob.addEventListener("keydown", event => {
        const way = ARROWS[event.key];
        if (!way) return;
        event.preventDefault();
        this.steering.set(keys(this.steering.state, way, step * (event.shiftKey ? 5 : 1)));
      });
      this.steering.draws(state => {
        const inside = at(state).map((v, i) => clamp(v, [this.x, this.y][i]));
        knob.setAttribute("transform", `translate(${this.place(inside)})`);
        knob.setAttribute("aria-valuenow", inside[0].toFixed(3));
        knob.setAttribute("aria-valuetext", text(state));
      });
      this.area.append(knob);
      return this;
    }

    // A list of numbers, one for each whole x, drawn with the pointer, or number by number with arrow keys.
    pen(name, { label, start }) {
      const area = svg("rect", { class: "pen", width: this.wide, height: this.high, tabindex: 0, role: "application", "aria-label": label });
      const first = Math.ceil(this.x[0]), count = Math.floor(this.x[1]) - first + 1;
      let before = null, chosen = 0;
      const write = (index, value) => {
        const list = [...(this.steering.state[name] ?? start())];
        const [from, to] = before === null ? [index, index] : [before.index, index];
        for (let i = Math.min(from, to); i <= Math.max(from, to); i++) {
          const share = from === to ? 1 : (i - from) / (to - from);
          list[i] = (before === null ? value : before.value) * (1 - share) + value * share;
        }
        this.steering.set({ [name]: list });
      };
      const draw = event => {
        if (!area.hasPointerCapture(event.pointerId)) return;
        const [x, value] = this.at(event), index = clamp(Math.round(x) - first, [0, count - 1]);
        write(index, value);
        before = { index, value };
      };
      area.addEventListener("pointerdown", event => { event.preventDefault(); area.setPointerCapture(event.pointerId); area.focus(); before = null; draw(event); });
      area.addEventListener("pointermove", draw);
      area.addEventListener("keydown", event => {
        const way = ARROWS[event.key];
        if (!way) return;
        event.preventDefault();
        before = null;
        chosen = clamp(chosen + way[0], [0, count - 1]);
        if (way[1]) write(chosen, clamp((this.steering.state[name] ?? start())[chosen] + way[1] * 0.1, this.y));
      });
      this.area.append(area);
      return this;
    }
  }
  // A picture, high × wide pixels. ink draws numbers from 0 (paper) to 1 (ink), cell one of many pictures on a sheet.
  latentsep.picture = (steering, { title, high, wide = high, large = false }) => {
    const view = latentsep.element("canvas", { width: wide, height: high, role: "img" }), pen = view.getContext("2d");
    steering.panels.append(latentsep.element("figure", { class: large ? "" : "object" }, latentsep.element("figcaption", {}, title), view));
    const image = pen.createImageData(wide, high), says = label => view.setAttribute("aria-label", label);
    return {
      ink(values, label) {
        values.forEach((value, i) => image.data.set([...Array(3).fill(255 * (1 - clamp(value, [0, 1]))), 255], 4 * i));
        pen.putImageData(image, 0, 0);
        says(label);
      },
      cell(sheet, place, label) {
        const columns = sheet.width / wide;
        pen.drawImage(sheet, (place % columns) * wide, Math.floor(place / columns) * high, wide, high, 0, 0, wide, high);
        says(label);
      },
    };
  };
  return (steering, options) => new Panel(steering, options);
})();
