// Draws the curve of an alarm with Bokeh: zoom, values under the pointer; in the colors that the
// browser prefers, and again when these change.
"use strict";

let shown = null;
const dark = window.matchMedia("(prefers-color-scheme: dark)");

async function draw() {
  const place = document.getElementById("curve");
  const tell = (text) => {
    const told = document.createElement("p");
    told.className = "empty";
    told.textContent = text;
    place.replaceChildren(told);
  };
  try {
    const url = new URL(place.dataset.url, location.href);
    url.searchParams.set("scheme", dark.matches ? "dark" : "light");
    const answer = await fetch(url);
    const curve = await answer.json();
    if (!answer.ok) { tell(curve.detail); return; }
    if (curve.empty) { tell(curve.empty); return; }
    shown?.clear();
    place.replaceChildren();
    shown = await Bokeh.embed.embed_item(curve, place.id);
  } catch (error) {
    tell(`The curve cannot be drawn: ${error.message}`);
  }
}

dark.addEventListener("change", draw);
draw();
