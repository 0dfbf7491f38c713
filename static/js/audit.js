// The audit log: the event next to the list, a range by dragging over the histogram, and new events as they happen.
// Without it rows lead to pages, bars are links, and a reload shows what is new.

const panel = document.getElementById("event-panel");
const hasRoom = matchMedia("(min-width: 1024px)");
const WALK_PAUSE = 120; // milliseconds
let shownLink = null;
let walking = null;

// The event of a row, next to the list.

async function showEvent(link, takesFocus) {
  shownLink = link;
  for (const row of document.querySelectorAll("#events tr.is-open")) {
    row.classList.remove("is-open");
  }
  link.closest("tr").classList.add("is-open");
  await htmx.ajax("GET", link.href, { source: panel, target: panel, swap: "innerHTML" }).catch(() => {});
  if (!panel.childElementCount) {
    return;
  }
  panel.hidden = false;
  document.body.classList.add("with-event-panel");
  panel.scrollTop = 0;
  if (takesFocus) {
    document.getElementById("event-panel-title").focus();
  }
}

function closePanel() {
  panel.hidden = true;
  panel.replaceChildren();
  document.body.classList.remove("with-event-panel");
  shownLink?.closest("tr")?.classList.remove("is-open");
  (shownLink?.isConnected ? shownLink : document.querySelector("#events a.row-link"))?.focus();
  shownLink = null;
}

if (panel) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#events a.row-link");
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) && event.button === 0;
    if (link && isPlain && hasRoom.matches && window.htmx) {
      event.preventDefault();
      showEvent(link, true);
    } else if (event.target.closest("[data-closes-panel]")) {
      closePanel();
    }
  });

  document.addEventListener(
    "keydown",
    (event) => {
      if (panel.hidden || document.querySelector("dialog[open], details.menu[open]")) {
        return;
      }
      if (event.key === "Escape") {
        closePanel();
      } else if (["j", "k"].includes(event.key) && panel.contains(event.target)) {
        // reprotech.js moves on from the row that has the focus.
        shownLink?.focus({ preventScroll: true });
      }
    },
    true,
  );

  document.addEventListener("focusin", ({ target }) => {
    const link = target.closest("#events a.row-link");
    if (link && link !== shownLink && !panel.hidden) {
      clearTimeout(walking);
      walking = setTimeout(() => showEvent(link, false), WALK_PAUSE);
    }
  });
}

// What a page shows as text, on the clipboard; selected where the browser has none for an unencrypted page.

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copies-text]");
  if (button) {
    const text = document.getElementById(button.dataset.copiesText);
    getSelection().selectAllChildren(text);
    await navigator.clipboard?.writeText(text.textContent);
    button.textContent = navigator.clipboard ? "Copied" : "Selected";
  }
});

// A range of the histogram.

let firstBar = null;
let lastBar = null;

const barAt = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest(".histogram-bars a");

function chosenBars() {
  const bars = [...document.querySelectorAll(".histogram-bars a")];
  const [from, to] = [bars.indexOf(firstBar), bars.indexOf(lastBar)].sort((a, b) => a - b);
  return bars.slice(from, to + 1);
}

function markBars(chosen) {
  for (const bar of document.querySelectorAll(".histogram-bars a")) {
    bar.classList.toggle("is-chosen", chosen.includes(bar));
  }
}

document.addEventListener("pointerdown", (event) => {
  firstBar = lastBar = event.button === 0 ? barAt(event) : null;
});
document.addEventListener("dragstart", (event) => {
  if (event.target.closest?.(".histogram-bars")) {
    event.preventDefault();
  }
});
document.addEventListener("pointermove", (event) => {
  const bar = firstBar && barAt(event);
  if (bar && bar !== lastBar) {
    lastBar = bar;
    markBars(chosenBars());
  }
});
document.addEventListener("pointerup", () => {
  const chosen = firstBar && firstBar !== lastBar ? chosenBars() : [];
  firstBar = null;
  if (chosen.length) {
    const range = new URL(chosen[0].getAttribute("href"), location.href);
    const end = new URL(chosen.at(-1).getAttribute("href"), location.href);
    range.searchParams.set("to", end.searchParams.get("to"));
    location.assign(range);
  }
});

// New events, as they happen.

const LIVE_PAUSE = 5000; // milliseconds
const live = document.querySelector("[data-live]");
let liveTimer = null;

function looksAtPast() {
  const given = new URLSearchParams(location.search);
  return Boolean(given.get("to")) || Number(given.get("page") ?? 1) > 1;
}

function say(text) {
  document.querySelector("[data-live-status]").textContent = text;
}

function stopLive(reason = "") {
  clearInterval(liveTimer);
  liveTimer = null;
  live.setAttribute("aria-pressed", "false");
  say(reason);
}

function offerLive() {
  const isPast = looksAtPast();
  live.disabled = isPast;
  live.title = isPast ? "New events are on the first page of a range without an end" : "New events appear at the top";
  if (isPast && liveTimer) {
    stopLive("Not live any more: these filters look at the past.");
  }
}

function put(events, selector) {
  const [shown, found] = [document.getElementById("events"), events].map((list) => list.querySelector(selector));
  if (shown && found && !shown.querySelector("details[open]")) {
    shown.replaceWith(found);
  }
}

async function refresh() {
  if (document.hidden || document.querySelector("#events.htmx-request")) {
    return;
  }
  const address = location.href;
  // Asked for by nobody: no use of the session.
  const headers = { "HX-Request": "true", "X-Unattended": "true" };
  const answer = await fetch(address, { headers, redirect: "error" }).catch(() => null);
  if (!answer || answer.headers.has("HX-Redirect") || !answer.ok) {
    stopLive("Not live any more: reload the page.");
    return;
  }
  const events = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("events");
  const hrefs = [...document.querySelectorAll("#events a.row-link")].map((link) => link.getAttribute("href"));
  const added = [...events.querySelectorAll("a.row-link")].filter((link) => !hrefs.includes(link.getAttribute("href")));
  if (!added.length || address !== location.href || !liveTimer) {
    return;
  }
  if (!hrefs.length) {
    document.getElementById("events").replaceWith(events);
    htmx.process(events);
  } else {
    const focused = document.activeElement.closest?.("#events a.row-link")?.getAttribute("href");
    const opened = shownLink?.getAttribute("href");
    added.forEach((link) => link.closest("tr").classList.add("is-new"));
    for (const selector of ["table.events", ".list-head p", ".histogram", ".pagination-bar > p"]) {
      put(events, selector);
    }
    const linkTo = (href) => href && document.querySelector(`#events a.row-link[href="${CSS.escape(href)}"]`);
    shownLink = linkTo(opened) ?? shownLink;
    shownLink?.closest("tr")?.classList.add("is-open");
    linkTo(focused)?.focus({ preventScroll: true });
  }
  window.showTimes();
  say(`${added.length} new ${added.length === 1 ? "event" : "events"}`);
}

if (live) {
  offerLive();
  document.addEventListener("htmx:afterSettle", offerLive);
  document.addEventListener("htmx:pushedIntoHistory", offerLive);
  live.addEventListener("click", () => {
    if (liveTimer) {
      stopLive();
    } else {
      live.setAttribute("aria-pressed", "true");
      liveTimer = setInterval(refresh, LIVE_PAUSE);
      refresh();
    }
  });
}

// A date that is typed goes before a period that was chosen.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.matches("form.event-filters") && (detail.formData.get("from") || detail.formData.get("to"))) {
    detail.formData.delete("last");
  }
});
