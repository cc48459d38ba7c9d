"""The curve can be read in both color schemes."""

from __future__ import annotations

import io
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from console.web import curve
from console.web.curve import SCHEMES, Scheme
from tests.console.browser import chromium
from tests.console.test_page import SCREENS, Center, shown

__all__ = ["shown"]

_CSS = Path(curve.__file__).parent / "static" / "console.css"
_OTHER: dict[str, Literal["light", "dark"]] = {"light": "dark", "dark": "light"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def contrast(one: str, other: str) -> float:
    """Returns the ratio of two colors, as WCAG 2 has it."""
    lights = sorted(_luminance(color) for color in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(p * w for p, w in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("name", SCHEMES)
def test_texts_and_lines_stand_out(name: str) -> None:
    scheme = SCHEMES[name]
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast(scheme.text, scheme.back) >= 4.5
    for color in (scheme.line, *scheme.directions.values()):
        assert contrast(color, scheme.back) >= 3


def test_the_curve_is_on_the_background_of_the_page() -> None:
    backs = re.findall(r"--back: (#\w+)", _CSS.read_text())
    assert backs == [SCHEMES["light"].back, SCHEMES["dark"].back]


@pytest.mark.parametrize("name", SCHEMES)
def test_it_is_drawn_in_the_scheme_of_the_browser_also_when_that_changes(
    browser: Browser, shown: Center, name: Literal["light", "dark"]
) -> None:
    page = browser.new_page(viewport={"width": 900, "height": 900}, color_scheme=name)
    page.goto(shown.url + SCREENS["alarm"])
    assert_drawn(page, name)
    page.emulate_media(color_scheme=_OTHER[name])
    assert_drawn(page, _OTHER[name])
    page.close()


def assert_drawn(page: Page, name: str) -> None:
    """Asserts that most of the curve is its background, and that both of its lines are there."""
    scheme = SCHEMES[name]
    expect(page.frame_locator("iframe").locator(".bk-Figure")).to_be_visible()
    end_s = time.monotonic() + 20
    while not is_drawn(colors_of(page), scheme):
        assert time.monotonic() < end_s, colors_of(page)


def is_drawn(colors: Counter[str], scheme: Scheme) -> bool:
    is_most = colors[scheme.back] > colors.total() / 2
    return is_most and all(colors[color] > 20 for color in scheme.directions.values())


def colors_of(page: Page) -> Counter[str]:
    picture = Image.open(io.BytesIO(page.locator("iframe").screenshot())).convert("RGB")
    pixels = picture.tobytes()
    return Counter(f"#{pixels[n : n + 3].hex()}" for n in range(0, len(pixels), 3))
