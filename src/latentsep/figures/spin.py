"""An object on a turntable that a reader can turn, with a still strip for paper and for pages without scripts."""

import base64
import html
import io
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from latentsep.figures.base import Picture
from latentsep.figures.film import eight_bit
from latentsep.figures.pictures import views

_COLUMNS = 9  # pictures in a row of the sheet that the page carries
_TEMPLATE = """<div class="spin" id="@name">
<style>
.spin { text-align: center; }
.spin-view, .spin-turn, .spin.live .spin-still { display: none; }
.spin.live .spin-view { display: block; width: min(16rem, 80vw); aspect-ratio: @ratio; margin: 0 auto;
  cursor: ew-resize; background-size: calc(100% * @columns) auto; image-rendering: auto; touch-action: pan-y; }
.spin.live .spin-turn { display: flex; gap: 0.7em; justify-content: center; align-items: center; margin-top: 0.5em; }
.spin input { width: min(14rem, 60vw); }
.bd-content div.cell_output .text_html:has(.spin) { background: none !important; color: inherit !important; }
@media print { .spin-view, .spin-turn { display: none !important; } .spin.live .spin-still { display: inline; } }
</style>
<img class="spin-still" alt="@alt" src="data:image/png;base64,@still">
<div class="spin-view" role="img" aria-label="@alt"></div>
<label class="spin-turn">turn
<input type="range" min="0" max="@last" value="0" aria-label="pose, in degrees"><output>0°</output></label>
<script>
(() => {
  const root = document.getElementById("@name"), view = root.querySelector(".spin-view");
  const slider = root.querySelector("input"), output = root.querySelector("output");
  const count = @last + 1, columns = @columns, rows = Math.ceil(count / columns);
  view.style.backgroundImage = "url(data:image/png;base64,@sheet)";
  const show = frame => {
    const across = columns > 1 ? 100 * (frame % columns) / (columns - 1) : 0;
    const down = rows > 1 ? 100 * Math.floor(frame / columns) / (rows - 1) : 0;
    view.style.backgroundPosition = across + "% " + down + "%";
    output.textContent = Math.round(360 * frame / count) + "°";
    slider.value = frame;
  };
  slider.addEventListener("input", () => show(Number(slider.value)));
  let from = null;
  view.addEventListener("pointerdown", event => {
    from = {x: event.clientX, frame: Number(slider.value)};
    view.setPointerCapture(event.pointerId);
  });
  view.addEventListener("pointermove", event => {
    if (!from) return;
    const moved = Math.round((event.clientX - from.x) / view.clientWidth * count / 2);
    show((((from.frame + moved) % count) + count) % count);
  });
  for (const end of ["pointerup", "pointercancel"]) view.addEventListener(end, () => { from = null; });
  root.classList.add("live");
  show(0);
})();
</script>
</div>"""


@dataclass(frozen=True)
class Spin:
    """Pictures ``(frames, H, W)``, uint8, to be turned by a slider or by dragging; ``still`` shows some of them."""

    name: str
    alt: str
    pictures: np.ndarray = field(repr=False)
    still: Picture = field(repr=False)

    def sheet(self) -> np.ndarray:
        """All pictures in one, row by row, ``(rows·H, columns·W)``, uint8."""
        frames, high, wide = self.pictures.shape
        columns = min(_COLUMNS, frames)
        rows = -(-frames // columns)
        cells = np.zeros((rows * columns, high, wide), np.uint8)
        cells[:frames] = self.pictures
        return cells.reshape(rows, columns, high, wide).swapaxes(1, 2).reshape(rows * high, columns * wide)

    def _repr_mimebundle_(self, **_) -> dict[str, object]:
        buffer = io.BytesIO()
        Image.fromarray(self.sheet()).save(buffer, "PNG", optimize=True)
        frames, high, wide = self.pictures.shape
        parts = {
            "name": self.name,
            "alt": html.escape(self.alt),
            "still": base64.b64encode(self.still.bytes("png")).decode(),
            "sheet": base64.b64encode(buffer.getvalue()).decode(),
            "columns": str(min(_COLUMNS, frames)),
            "last": str(frames - 1),
            "ratio": f"{wide} / {high}",
        }
        return {"text/html": re.sub(f"@({'|'.join(parts)})", lambda match: parts[match[1]], _TEMPLATE)}


def spin(pictures: ArrayLike, alt: str, shown: int = 8, name: str = "spin") -> Spin:
    """A turntable of pictures ``(frames, H, W)``, uint8 or from 0 to 1, one whole turn (thesis Fig. 1.1).

    ``alt`` is the alternative text, ``shown`` the number of pictures of the still version, ``name`` the element's
    id in the page. Raises ``ValueError`` for fewer than 2 pictures.
    """
    pictures = np.asarray(pictures)
    if pictures.ndim != 3 or len(pictures) < 2:
        raise ValueError(f"pictures has shape {pictures.shape}; choose (frames, H, W) with 2 frames or more")
    return Spin(name, alt, eight_bit(pictures), views(pictures, shown))
