"""A visit to a page: offline, in a theme, at a width; what it asked for and what went wrong."""

from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Playwright, Request

from browser import needs

#: Widths of a phone, a tablet and a laptop, in CSS pixels.
WIDTHS = (390, 768, 1300)
_HEIGHT = 900
# In containers there is neither a sandbox for root nor much shared memory, and WebGL is computed by the processor.
_FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--enable-unsafe-swiftshader")
_PATIENCE = 120_000  # milliseconds, so that a busy machine fails nothing
_LOCAL = ("file", "data", "blob")

_BEFORE = """
localStorage.setItem("mode", THEME); localStorage.setItem("theme", THEME);
window.shifts = [];
new PerformanceObserver(list => window.shifts.push(...list.getEntries().map(e => [e.startTime, e.value])))
  .observe({ type: "layout-shift", buffered: true });
"""
# Formulas are set, fonts and pictures are there, and what follows from them has been drawn.
_SETTLED = """async () => {
  if (window.MathJax?.startup) await MathJax.startup.promise;
  await document.fonts.ready;
  await Promise.all([...document.images].filter(i => i.loading !== "lazy").map(i => i.decode().catch(() => {})));
  for (let k = 0; k < 2; k++) await new Promise(requestAnimationFrame);
  // The theme slides its contents in and out.
  await Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().endTime < 1e4)
    .map(a => a.finished.catch(() => {})));
}"""


def start(playwright: Playwright) -> AbstractContextManager[Browser]:
    """The machine's own Chromium, without a window."""
    return playwright.chromium.launch(executable_path=needs.browser(), args=list(_FLAGS))


class Visit:
    """One page in a context of its own; ``problems`` are errors of its scripts and requests that leave the machine."""

    def __init__(self, browser: Browser, theme: str = "light", width: int = 1300, before: str = "", **options) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": _HEIGHT}, offline=True, **options)
        self.context.set_default_timeout(_PATIENCE)
        self.context.add_init_script(_BEFORE.replace("THEME", repr(theme)) + before)
        self.problems: list[str] = []
        self.files: set[Path] = set()
        self.context.on("request", self._requested)
        self.page = self.context.new_page()
        self.page.on("console", self._logged)
        self.page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        self._scripts = options.get("java_script_enabled", True)

    def open(self, path: Path, query: str = "", settle: bool = True) -> None:
        self.page.goto(path.as_uri() + query)
        if settle and self._scripts:
            self.page.evaluate(_SETTLED)

    def resize(self, width: int) -> None:
        """Another width, drawn."""
        self.page.set_viewport_size({"width": width, "height": _HEIGHT})
        self.page.evaluate(_SETTLED)

    def shift(self) -> float:
        """How much has moved so far without being asked to: the largest burst, as the web vitals define it."""
        largest, bursts = 0.0, []
        for start_, value in self.page.evaluate("window.shifts"):
            if not bursts or start_ - bursts[-1][1] > 1000 or start_ - bursts[-1][0] > 5000:
                bursts.append([start_, start_, 0.0])
            bursts[-1][1:] = [start_, bursts[-1][2] + value]
            largest = max(largest, bursts[-1][2])
        return largest

    def close(self) -> None:
        self.context.close()

    def _requested(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in _LOCAL:
            self.problems.append(f"asks for {request.url}")
        elif address.scheme == "file":
            self.files.add(Path(unquote(address.path)))

    def _logged(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            self.problems.append(f"console: {message.text}")
