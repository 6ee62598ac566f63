"""What a page looks like: nothing sticks out, no markup is left."""

from playwright.sync_api import Page

# An element may be wider than the article inside a box that scrolls or clips, and what nobody sees may be anywhere.
_STICKS_OUT = """() => {
  const found = [], root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`the page is ${root.scrollWidth} wide, not ${root.clientWidth}`);
  const article = document.querySelector("article") ?? document.querySelector("main") ?? document.body;
  const edge = Math.min(root.clientWidth, article.getBoundingClientRect().right) + 1;
  const walk = element => {
    for (const child of element.children) {
      const { left, right, width, height } = child.getBoundingClientRect();
      if (width && height && (right > edge || left < -1) && child.checkVisibility({ visibilityProperty: true })) {
        const name = child.id ? "#" + child.id : child.className || child.tagName;
        found.push(`<${child.localName}> ${name} reaches from ${Math.round(left)} to ${Math.round(right)}, `
          + `beyond ${Math.round(edge)}: ${child.textContent.trim().slice(0, 40)}`);
      } else if (getComputedStyle(child).overflowX === "visible" && child.localName !== "svg") walk(child);
    }
  };
  walk(article);
  return found;
}"""

_RAW = """() => {
  const found = [...document.querySelectorAll("mjx-merror")].map(e => `MathJax: ${e.textContent}`);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const raw = /\\\\(?:frac|[a-zA-Z]+\\{|mathbb|mathcal|left|right|sum|tag)|\\$\\$|\\\\[([]/;
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    const prose = !parentElement.closest("pre, code, script, style, noscript") && parentElement.checkVisibility();
    if (prose && raw.test(data)) found.push(`raw TeX: ${data.trim().slice(0, 80)}`);
  }
  return found;
}"""


def sticks_out(page: Page) -> list[str]:
    """Elements of the article that leave it to the side, the page if it scrolls sideways."""
    return page.evaluate(_STICKS_OUT)


def raw(page: Page) -> list[str]:
    """What MathJax did not set, in what a reader sees."""
    return page.evaluate(_RAW)


# Paper does not scroll: what a box would show by scrolling is cut off. Formulas in lines break, and seem wider than
# they are, since MathJax keeps a copy for screen readers inside.
_CUT_OFF = """() => [...document.querySelectorAll("article, article *")]
  .filter(e => !e.matches("span.math, mjx-container *"))
  .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 && e.checkVisibility()
    && ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(e).overflowX))
  .map(e => `<${e.localName}> ${e.id || e.className} holds ${e.scrollWidth}, shows ${e.clientWidth}: `
    + e.textContent.trim().slice(0, 40))"""


def cut_off(page: Page) -> list[str]:
    """Boxes of the article whose content is wider than they are."""
    return page.evaluate(_CUT_OFF)
