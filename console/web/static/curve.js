// Draws the curve of an alarm with Bokeh: zoom, values under the pointer.
"use strict";

async function draw() {
  const place = document.getElementById("curve");
  const tell = (text) => { place.querySelector(".empty").textContent = text; };
  try {
    const answer = await fetch(place.dataset.url);
    const curve = await answer.json();
    if (!answer.ok) { tell(curve.detail); return; }
    if (curve.empty) { tell(curve.empty); return; }
    place.replaceChildren();
    await Bokeh.embed.embed_item(curve, place.id);
  } catch (error) {
    place.textContent = `The curve cannot be drawn: ${error.message}`;
  }
}

draw();
