// Keeps a page as it is now: whenever something has changed, the same page is fetched again, and
// its parts with data-live are brought up to date. Nothing moves under a pointer or the focus: what
// would be new in such a list waits behind a button.
"use strict";

const REFRESH_AT_MOST_EVERY_MS = 400;
const state = document.getElementById("link-state");
const notice = document.getElementById("notice");
const showNew = document.getElementById("show-new");
let refreshing = false;
let again = false;

function tell(text) {
  notice.textContent = text;
  notice.hidden = !text;
}

function tellSessionEnded() {
  tell("The session has ended. ");
  const link = document.createElement("a");
  link.href = "/login?next=" + encodeURIComponent(location.pathname + location.search);
  link.textContent = "Log in again";
  notice.append(link);
  state.textContent = "not live";
}

function isInUse(region) {
  return region.matches(":hover") || region.contains(document.activeElement) || window.scrollY > 100;
}

// Replaces what is in an element, and keeps what is open and where the focus is.
function fill(old, fresh) {
  if (old.className !== fresh.className) old.className = fresh.className;
  const opened = [...old.querySelectorAll("details")].map((one) => one.open);
  const copy = fresh.cloneNode(true);
  copy.querySelectorAll("details").forEach((one, n) => { one.open = Boolean(opened[n]); });
  if (old.innerHTML === copy.innerHTML) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const href = focused && focused.getAttribute("href");
  const isSummary = focused && focused.tagName === "SUMMARY";
  old.replaceChildren(...copy.childNodes);
  if (href) [...old.querySelectorAll("a")].find((a) => a.getAttribute("href") === href)?.focus();
  if (isSummary) old.querySelector("summary")?.focus();
}

function byKey(region) {
  return new Map([...region.querySelectorAll("[data-key]")].map((row) => [row.dataset.key, row]));
}

// Returns how many rows are held back.
function update(old, fresh, mayMove) {
  const before = byKey(old);
  const after = byKey(fresh);
  if (!before.size || !after.size || mayMove) {
    if (!mayMove && after.size) return after.size;
    moveAll(old, fresh, before, after);
    return 0;
  }
  let held = 0;
  for (const [key, row] of after) {
    if (before.has(key)) fill(before.get(key), row);
    else held += 1;
  }
  for (const [key, row] of before) row.classList.toggle("gone", !after.has(key));
  return held;
}

function moveAll(old, fresh, before, after) {
  const opened = new Set([...before].filter(([, row]) => row.querySelector("details[open]")).map(([key]) => key));
  for (const [key, row] of after) {
    if (opened.has(key)) row.querySelector("details").open = true;
  }
  fillWhole(old, fresh);
}

function fillWhole(old, fresh) {
  if (old.innerHTML !== fresh.innerHTML) old.replaceChildren(...fresh.cloneNode(true).childNodes);
}

async function refresh(mayMove) {
  if (refreshing) { again = true; return; }
  refreshing = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/login") { tellSessionEnded(); return; }
    if (!answer.ok) { tell("The page cannot be brought up to date: " + answer.status); return; }
    tell("");
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    let held = 0;
    for (const region of document.querySelectorAll("[data-live]")) {
      const match = fresh.querySelector(`[data-live="${CSS.escape(region.dataset.live)}"]`);
      if (!match) continue;
      const isList = Boolean(showNew) && Boolean(match.querySelector("[data-key]"));
      held += update(region, match, mayMove || !isList || !isInUse(region));
    }
    if (showNew) {
      showNew.hidden = !held;
      showNew.textContent = `Show ${held} new`;
    }
    document.title = fresh.title;
  } catch {
    state.textContent = "not live, trying again";
  } finally {
    setTimeout(() => {
      refreshing = false;
      if (again) { again = false; refresh(false); }
    }, REFRESH_AT_MOST_EVERY_MS);
  }
}

async function checkSession() {
  try {
    const answer = await fetch("/api/summary");
    if (answer.status === 401) tellSessionEnded();
  } catch { /* the console is away: the stream tries again by itself */ }
}

function follow() {
  const stream = new EventSource("/api/stream?after=" + document.body.dataset.after);
  stream.addEventListener("open", () => { state.textContent = "live"; });
  stream.addEventListener("change", () => refresh(false));
  stream.addEventListener("reset", () => refresh(false));
  stream.addEventListener("error", () => {
    state.textContent = "not live, trying again";
    checkSession();
  });
}

showNew?.addEventListener("click", () => { window.scrollTo(0, 0); refresh(true); });
if (document.querySelector("[data-live]")) follow();
else state.textContent = "";
