// A closed surface over two phases, drawn by plotly: turned by dragging or with arrow keys, coloured by either phase.
"use strict";
latentsep.kind("turnable", async (root, live, { first, second, surface, lines, scale, eye }) => {
  // The still picture stays where there is no WebGL.
  if (!document.createElement("canvas").getContext("webgl")) return false;
  await latentsep.load("plotly.min.js"); // several megabytes, for those who come so far
  const plot = root.querySelector(".turnable-plot"), buttons = [...root.querySelectorAll("[aria-pressed]")];
  root.querySelector("i").style.background = `linear-gradient(to right, ${scale.map(([, shade]) => shade).join(", ")})`;
  // Rows of the surface share their second phase, columns their first.
  const sheet = value => second.map(b => first.map(a => value(a, b)));
  const shades = [sheet(a => a), sheet((a, b) => b)];
  const multiple = phase => (phase / Math.PI).toFixed(2).replace("-", "−") + " π";
  const hidden = { visible: false, showspikes: false };
  const layout = {
    margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    scene: {
      xaxis: hidden, yaxis: hidden, zaxis: hidden, aspectmode: "data", dragmode: "turntable",
      bgcolor: "rgba(0,0,0,0)", camera: { eye },
    },
  };
  const traces = [
    {
      type: "surface", ...surface, surfacecolor: shades[0], colorscale: scale, cmin: -Math.PI, cmax: Math.PI,
      showscale: false, text: sheet((a, b) => `φ⁽¹⁾ = ${multiple(a)}<br>φ⁽²⁾ = ${multiple(b)}`),
      hoverinfo: "text", hoverlabel: { bgcolor: "white", bordercolor: "#444", font: { color: "black", size: 14 } },
      lighting: { ambient: 0.85, diffuse: 0.2, specular: 0, fresnel: 0 },
      contours: { x: { highlight: false }, y: { highlight: false }, z: { highlight: false } },
    },
    ...lines.map(line => ({ type: "scatter3d", mode: "lines", hoverinfo: "skip", ...line })),
  ];
  buttons.forEach((button, number) => button.addEventListener("click", () => {
    buttons.forEach(b => b.setAttribute("aria-pressed", b === button));
    Plotly.restyle(plot, { surfacecolor: [shades[number]] }, [0]);
  }));
  root.querySelector(".reset").addEventListener("click", () => Plotly.relayout(plot, { "scene.camera.eye": eye }));
  const turnBy = (acrossBy, upBy) => {
    const { x, y, z } = plot.layout.scene.camera.eye, far = Math.hypot(x, y, z);
    const across = Math.atan2(y, x) + acrossBy;
    const up = Math.max(-1.5, Math.min(1.5, Math.asin(z / far) + upBy));
    const turned = [Math.cos(up) * Math.cos(across), Math.cos(up) * Math.sin(across), Math.sin(up)].map(c => c * far);
    Plotly.relayout(plot, { "scene.camera.eye": { x: turned[0], y: turned[1], z: turned[2] } });
  };
  plot.addEventListener("keydown", event => {
    const turn = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!turn) return;
    event.preventDefault();
    turnBy(turn[0] * Math.PI / 18, turn[1] * Math.PI / 18);
  });
  // Plotly answers to the mouse; fingers are ours.
  let finger = null;
  plot.addEventListener("touchstart", event => { finger = event.touches[0]; }, { passive: true });
  plot.addEventListener("touchmove", event => {
    const now = event.touches[0], around = Math.PI / plot.clientWidth;
    if (event.touches.length > 1) return;
    event.preventDefault();
    turnBy((finger.clientX - now.clientX) * around, (now.clientY - finger.clientY) * around);
    finger = now;
  }, { passive: false });
  await Plotly.newPlot(plot, traces, layout, { displayModeBar: false, responsive: true, scrollZoom: false });
});
