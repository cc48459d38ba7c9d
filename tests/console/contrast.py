"""Measures contrast as WCAG 2 does, of every text that a page shows."""

from __future__ import annotations

from playwright.sync_api import Page

_MEASURE = """
() => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const back = (one) => {
    for (; one; one = one.parentElement) {
      const color = numbers(getComputedStyle(one).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  let worst = [21, "nothing"];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const one = walker.currentNode.parentElement;
    if (!text || !one.checkVisibility()) continue;
    const a = light(numbers(getComputedStyle(one).color)) + 0.05;
    const b = light(back(one)) + 0.05;
    const ratio = Math.max(a, b) / Math.min(a, b);
    if (ratio < worst[0]) worst = [ratio, text];
  }
  return worst;
}
"""


def worst_contrast(page: Page) -> tuple[float, str]:
    """Returns the worst ratio of a text to its background, and that text."""
    ratio, text = page.evaluate(_MEASURE)
    return float(ratio), str(text)
