// A turntable: one sheet of pictures, of which a window shows one; turned by a slider or by dragging.
"use strict";
latentsep.kind("spin", (root, live, { count, columns, ratio, sheet }) => {
  const view = root.querySelector(".spin-view"), slider = root.querySelector("input");
  const output = root.querySelector("output"), rows = Math.ceil(count / columns);
  view.style.backgroundImage = `url(data:image/webp;base64,${sheet})`;
  view.style.backgroundSize = `calc(100% * ${columns}) auto`;
  view.style.aspectRatio = ratio;
  const show = frame => {
    const across = columns > 1 ? 100 * (frame % columns) / (columns - 1) : 0;
    const down = rows > 1 ? 100 * Math.floor(frame / columns) / (rows - 1) : 0;
    view.style.backgroundPosition = `${across}% ${down}%`;
    output.textContent = Math.round(360 * frame / count) + "°";
    slider.value = frame;
  };
  slider.addEventListener("input", () => show(Number(slider.value)));
  root.querySelector(".reset").addEventListener("click", () => show(0));
  let from = null;
  view.addEventListener("pointerdown", event => {
    from = { x: event.clientX, frame: Number(slider.value) };
    view.setPointerCapture(event.pointerId);
  });
  view.addEventListener("pointermove", event => {
    if (!from) return;
    const moved = Math.round((event.clientX - from.x) / view.clientWidth * count / 2);
    show((((from.frame + moved) % count) + count) % count);
  });
  for (const end of ["pointerup", "pointercancel"]) view.addEventListener(end, () => { from = null; });
  show(0);
});
