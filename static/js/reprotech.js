// What the pages gain from JavaScript beside htmx. Everything works without it.

// Times: of the reader's zone, and how long ago; the title has the exact time, in UTC too. The server's clock decides
// what "ago" means: the reader's may be hours off.
const { now: SERVER_NOW, zone } = document.documentElement.dataset;
const ZONE = zone && knowsZone(zone) ? zone : undefined;
const CLOCK_DIFFERENCE = SERVER_NOW ? Date.parse(SERVER_NOW) - Date.now() : 0;
const inZone = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, ...options });
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const PARTS = inZone({ dateStyle: "short", timeStyle: "medium" });
const FULL_FORMAT = inZone({ dateStyle: "long", timeStyle: "long" });
const DAYS = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// Not every browser knows every zone that the server does; without this one the device's own is better than no page.
function knowsZone(name) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

// Units that are over, or those that are left: what ends in less than three days ends in three.
const count = (span, unit) => (span < 0 ? Math.floor(-span / unit) : Math.ceil(span / unit));

function distance(span) {
  const ago = (text) => (span < 0 ? `${text} ago` : `in ${text}`);
  const size = Math.abs(span);
  if (size < MINUTE) {
    return span <= 0 ? "just now" : "in a moment";
  }
  return size < HOUR ? ago(`${count(span, MINUTE)} min`) : ago(`${count(span, HOUR)} h`);
}

function momentText(moment, form) {
  const span = moment - (Date.now() + CLOCK_DIFFERENCE);
  if (form !== "exact" && form !== "time" && Math.abs(span) < DAY) {
    return distance(span);
  }
  if (form === "day" && Math.abs(span) < 7 * DAY) {
    return DAYS.format(Math.sign(span) * count(span, DAY), "day");
  }
  const { day, month, year, hour, minute, second } = Object.fromEntries(
    PARTS.formatToParts(moment).map(({ type, value }) => [type, value]),
  );
  if (form === "time") {
    return `${hour}:${minute}:${second}`;
  }
  const date = `${Number(day)} ${MONTHS[month - 1]} ${year}`;
  const time = { "": `, ${hour}:${minute}`, exact: `, ${hour}:${minute}:${second}`, day: "" };
  return date + time[form];
}

function showMoments() {
  for (const time of document.querySelectorAll("time[data-moment]")) {
    const moment = new Date(time.dateTime);
    time.dataset.utc ??= time.title;
    time.title = `${FULL_FORMAT.format(moment)} · ${time.dataset.utc}`;
    time.textContent = momentText(moment, time.dataset.moment);
  }
}
// Events stand under the days of the reader's zone; the server groups them by those of UTC.
const DAY_KEY = inZone({ dateStyle: "short" });
const DAY_NAME = inZone({ weekday: "long", day: "numeric", month: "long", year: "numeric" });

function dayHeading(moment) {
  const now = Date.now() + CLOCK_DIFFERENCE;
  const near = { [DAY_KEY.format(now)]: "Today", [DAY_KEY.format(now - DAY)]: "Yesterday" }[DAY_KEY.format(moment)];
  const { weekday, day, month, year } = Object.fromEntries(
    DAY_NAME.formatToParts(moment).map(({ type, value }) => [type, value]),
  );
  const thisYear = DAY_KEY.format(now).endsWith(year);
  return near ?? `${weekday} ${day} ${month}${thisYear ? "" : ` ${year}`}`;
}

function groupByDay(table) {
  const groups = [];
  for (const row of table.querySelectorAll("tbody tr:not(.day)")) {
    const heading = dayHeading(new Date(row.querySelector("time").dateTime));
    if (groups.at(-1)?.heading !== heading) {
      groups.push({ heading, rows: [] });
    }
    groups.at(-1).rows.push(row);
  }
  const bodies = [...table.tBodies];
  const isRight =
    bodies.length === groups.length && groups.every(({ rows }, n) => rows.length === bodies[n].rows.length - 1);
  if (!isRight) {
    const made = groups.map(({ rows }, n) => {
      const body = document.createElement("tbody");
      body.append((bodies[n] ?? bodies[0]).rows[0].cloneNode(true), ...rows);
      return body;
    });
    bodies.forEach((body) => body.remove());
    table.append(...made);
  }
  groups.forEach(({ heading }, n) => {
    table.tBodies[n].rows[0].cells[0].textContent = heading;
  });
}

function showTimes() {
  showMoments();
  document.querySelectorAll("table.events").forEach(groupByDay);
}
showTimes();
document.addEventListener("htmx:afterSwap", showTimes);
setInterval(showMoments, MINUTE);

const progress = document.getElementById("progress");
let running = 0;

function showProgress(change) {
  running = Math.max(0, running + change);
  progress.hidden = running === 0;
}

function notify(text, kind) {
  const toast = document.createElement("div");
  toast.className = `notice notice-${kind}`;
  toast.append(Object.assign(document.createElement("p"), { textContent: text }));
  // What lies under an open dialog can't be read.
  const dialog = document.querySelector("dialog[open]");
  if (dialog) {
    toast.setAttribute("role", "alert");
    dialog.prepend(toast);
  } else {
    document.getElementById("toasts").append(toast);
  }
}

// What asks by itself, such as the live dashboard, shows neither progress nor errors as what a person asked for does.
// An answer that takes the place of the element that asked is announced on that element's parent.
const asker = ({ detail, target }) => detail.requestConfig?.elt ?? target;
const isQuiet = (event) => asker(event).matches?.("[data-quiet]") ?? false;

document.addEventListener("htmx:beforeRequest", (event) => isQuiet(event) || showProgress(1));
document.addEventListener("htmx:afterRequest", (event) => isQuiet(event) || showProgress(-1));

document.addEventListener("htmx:sendError", (event) =>
  isQuiet(event) || notify("The server can't be reached. What you typed is still here: try again in a moment.", "error"),
);

document.addEventListener("htmx:responseError", (event) => {
  const { detail } = event;
  // 401 opens a dialog to sign in again: dialog.js.
  if (isQuiet(event) || detail.xhr.status === 401) {
    return;
  }
  const known = {
    403: "You may not do this. If you think you should, ask your administrator.",
    404: "This is not there any more. Reload the page.",
    409: "Someone changed this meanwhile. Reload the page.",
    429: "Too many requests. Wait a moment and try again.",
  };
  const isText = detail.xhr.getResponseHeader("Content-Type")?.startsWith("text/plain");
  notify((isText && detail.xhr.responseText) || known[detail.xhr.status] || "Something went wrong. Nothing was changed; try again in a moment.", "error");
});

// Longer than a loaded server takes. Without a limit one request that is never answered (a laptop that changed networks)
// would be the page's last: htmx sends no other before it.
const UNATTENDED_TIMEOUT = 15_000;

// What asks by itself is no use of the session, which would never end while a page stands open.
document.addEventListener("htmx:configRequest", (event) => {
  if (isQuiet(event)) {
    event.detail.headers["X-Unattended"] = "true";
    event.detail.timeout = UNATTENDED_TIMEOUT;
  }
});

// Signing in again makes a new token: what goes out has the one of now, not the one of the page's time.
const csrfToken = () => document.cookie.match(/(?:^|; )(?:__Host-)?reprotech_csrf=([^;]+)/)?.[1];

document.addEventListener("htmx:configRequest", ({ detail }) => {
  const token = csrfToken();
  if (token && detail.verb !== "get") {
    detail.headers["X-CSRFToken"] = token;
    detail.formData.delete("csrfmiddlewaretoken");
  }
});

// Toasts of success go by themselves, unless they are being read; errors stay until they are closed.
const TOAST_TIME = 8000;
// Long enough to notice a mistake.
const UNDO_TIME = 30_000;

function fadeToasts() {
  for (const toast of document.querySelectorAll("#toasts .notice-success")) {
    const time = toast.querySelector("form") ? UNDO_TIME : TOAST_TIME;
    setTimeout(function fade() {
      if (toast.matches(":hover, :focus-within")) {
        setTimeout(fade, time);
      } else {
        toast.remove();
      }
    }, time);
  }
}
fadeToasts();
document.addEventListener("htmx:oobAfterSwap", fadeToasts);
document.addEventListener("click", ({ target }) => target.closest("[data-dismisses]")?.parentElement.remove());

// Menus: one open at a time, closed by Escape and by a click elsewhere.
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) {
      menu.open = false;
    }
  }
});

// A menu that would end below the window opens upwards, if there is room.
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (target.matches("details.menu[open]")) {
      const items = target.querySelector(".menu-items");
      items.classList.remove("opens-up");
      const { bottom, height } = items.getBoundingClientRect();
      const roomAbove = target.getBoundingClientRect().top;
      items.classList.toggle("opens-up", bottom > innerHeight && height < roomAbove);
    }
  },
  true,
);

document.addEventListener("focusout", ({ target, relatedTarget }) => {
  const menu = target.closest("details.menu[open]");
  if (menu && relatedTarget && !menu.contains(relatedTarget)) {
    menu.open = false;
  }
});

const AFTER = {
  ArrowDown: (here, count) => (here + 1) % count,
  ArrowUp: (here, count) => (here > 0 ? here : count) - 1,
  Home: () => 0,
  End: (here, count) => count - 1,
};

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest("details.menu") ?? document.querySelector("details.menu[open]");
  if (menu?.open && event.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (menu?.contains(event.target) && event.key in AFTER && !event.target.matches("input:not([type=checkbox])")) {
    event.preventDefault();
    menu.open = true;
    const items = [...menu.querySelectorAll(".menu-items :is(a, button, input)")];
    items[AFTER[event.key](items.indexOf(event.target), items.length)].focus();
  }
});

// A list says what is wrong with its filters; each field repeats its own part.
document.addEventListener("htmx:afterSwap", () => {
  for (const place of document.querySelectorAll(".filters [data-error]")) {
    const field = document.getElementById(place.dataset.error);
    const said = document.querySelector(`[data-error-of="${field.name}"]`)?.dataset.said ?? "";
    place.textContent = said;
    field.setAttribute("aria-invalid", String(said !== ""));
  }
});

// The calendar beside a date. It goes first, so that the form's own request has the date already.
document.addEventListener(
  "change",
  ({ target }) => {
    if (target.matches("[data-picks]")) {
      document.getElementById(target.dataset.picks).value = target.value;
    }
  },
  true,
);

// Show or hide a password.
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-shows]");
  if (button) {
    const field = document.getElementById(button.dataset.shows);
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
  }
});

// "Select all" of a table, and what it offers then: all that match, beyond this page.
document.addEventListener("change", ({ target }) => {
  const head = target.form?.querySelector("[data-selects]");
  if (!head) {
    return;
  }
  const boxes = [...target.form.querySelectorAll(`input[type=checkbox][name="${head.dataset.selects}"]`)];
  const matching = target.form.querySelector("[name=matching]");
  if (target === head || target === matching) {
    for (const box of boxes) {
      box.checked = target.checked;
    }
  }
  const count = boxes.filter((box) => box.checked).length;
  head.checked = count === boxes.length;
  head.indeterminate = count > 0 && !head.checked;
  if (matching && !head.checked) {
    matching.checked = false;
  }
});
document.addEventListener("reset", ({ target }) => {
  const head = target.querySelector("[data-selects]");
  if (head) {
    head.indeterminate = false;
    head.focus({ preventScroll: true });
  }
});

// The rules of a new password tick themselves off while one types; the server alone decides.
document.addEventListener("input", ({ target: field }) => {
  const rules = field.id && document.querySelector(`[data-rules-of="${field.id}"]`);
  if (!rules) {
    return;
  }
  const items = [...rules.querySelectorAll("[data-pattern]")];
  for (const item of items) {
    const met = new RegExp(item.dataset.pattern, "u").test(field.value);
    item.dataset.met = String(met);
    item.querySelector("[data-rule-state]").textContent = met ? "(met)" : "(not yet)";
  }
  const met = items.filter((item) => item.dataset.met === "true").length;
  rules.querySelector("[data-rules-met]").textContent = `${met} of ${items.length} met`;
});

// How hard a new password is to guess: what tells is large, so it comes when somebody starts on one.
document.addEventListener("focusin", async ({ target: field }) => {
  const place = field.id && document.querySelector(`[data-strength-of="${field.id}"]`);
  if (place) {
    const { watch } = await import(place.dataset.script).catch(() => ({}));
    watch?.(field, place);
  }
});

// Users: how many are selected; filters without the empty ones in the address; a file's progress.
function countSelected() {
  for (const place of document.querySelectorAll("[data-counts]")) {
    const boxes = document.querySelectorAll(`input[name="${place.dataset.counts}"]:checked`);
    const all = document.querySelector("input[name=matching]:checked");
    place.textContent = `${Number(all ? place.dataset.total : boxes.length).toLocaleString("en")} selected`;
  }
}
document.addEventListener("change", countSelected);
document.addEventListener("htmx:afterSettle", countSelected);
countSelected();

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.matches("form.filters")) {
    for (const [name, value] of [...detail.formData]) {
      if (value === "") {
        detail.formData.delete(name);
      }
    }
  }
});

document.addEventListener("htmx:xhr:progress", ({ target, detail }) => {
  const place = target.closest?.("[data-uploads]")?.querySelector("[data-upload-progress]");
  if (place && detail.lengthComputable) {
    place.hidden = false;
    const bar = place.querySelector("progress");
    // All is sent: how long the server takes is not known.
    if (detail.loaded < detail.total) {
      bar.value = (100 * detail.loaded) / detail.total;
    } else {
      bar.removeAttribute("value");
    }
  }
});

// A report's button to print it.
for (const button of document.querySelectorAll("[data-prints]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// Copy what a field or an element holds. A browser copies for a page over https alone: elsewhere it is selected, to copy
// by hand.
function offerCopying() {
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.hidden = false;
  }
}
offerCopying();
document.addEventListener("htmx:afterSettle", offerCopying);

function selectText(place) {
  if (place.select) {
    place.select();
  } else {
    getSelection().selectAllChildren(place);
  }
}

const COPIED_TIME = 2000;

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copies]");
  if (!button) {
    return;
  }
  const place = document.getElementById(button.dataset.copies);
  const copied = await navigator.clipboard?.writeText(button.dataset.text ?? place.value ?? place.textContent).then(() => true, () => false);
  if (!copied || place.select) {
    selectText(place);
  }
  const said = button.querySelector("[data-copy-state]");
  if (said) {
    const label = button.title;
    said.textContent = copied ? "Copied" : "Selected";
    button.classList.toggle("is-copied", Boolean(copied));
    setTimeout(() => {
      said.textContent = label;
      button.classList.remove("is-copied");
    }, COPIED_TIME);
  } else {
    button.textContent = copied ? "Copied" : "Selected";
  }
});

// Of tabs that are wider than the window, the open one is in sight.
function showOpenTab() {
  const tab = document.querySelector(".tabs [aria-current]");
  if (tab) {
    const tabs = tab.parentElement;
    tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - tab.clientWidth) / 2;
  }
}
showOpenTab();
document.addEventListener("htmx:afterSettle", showOpenTab);

// A refused form: its summary has the focus, and each of its links leads into the field.
let focusedSummary = null;

function focusErrors() {
  const summary = document.querySelector("dialog[open] .error-summary, #main .error-summary");
  if (summary && summary !== focusedSummary) {
    focusedSummary = summary;
    summary.focus();
  }
}
focusErrors();
document.addEventListener("htmx:afterSettle", focusErrors);
document.addEventListener("click", (event) => {
  const link = event.target.closest(".error-summary a");
  const place = link && document.getElementById(link.hash.slice(1));
  if (place) {
    event.preventDefault();
    const field = place.matches("input, select, textarea") ? place : place.querySelector("input:not(:disabled)");
    (field ?? place).focus();
    place.scrollIntoView({ block: "center" });
  }
});

// A changed record isn't left without a question. What was refused is as unsaved as what is being typed.
const ASKS = "form:is([data-asks], :has(.form-actions))";
let changedForm = null;

function keepRefused() {
  changedForm = document.querySelector(`#main ${ASKS}:has(.error-summary)`) ?? changedForm;
}
keepRefused();
document.addEventListener("htmx:afterSettle", keepRefused);

function isDifferent(field) {
  if (!field.name || field.matches("button, fieldset, output, [type=hidden]")) {
    return false;
  }
  if (field.matches("[type=checkbox], [type=radio]")) {
    return field.checked !== field.defaultChecked;
  }
  const options = field.options && [...field.options];
  return options
    ? field.selectedIndex !== Math.max(0, options.findIndex((option) => option.defaultSelected))
    : field.value !== field.defaultValue;
}

document.addEventListener("input", ({ target: { form } }) => {
  if (form?.matches(ASKS)) {
    const isChanged = form.querySelector(".error-summary") || [...form.elements].some(isDifferent);
    // What was taken back is nothing to lose.
    changedForm = isChanged ? form : changedForm === form ? null : changedForm;
  }
});
// A tab, or another part that takes the form's place: the browser itself asks only when the whole page is left.
document.addEventListener("htmx:confirm", (event) => {
  const { elt, target } = event.detail;
  if (!changedForm?.isConnected || changedForm.contains(elt) || !target?.contains(changedForm)) {
    return;
  }
  if (confirm("Leave without saving? What you changed here isn't saved yet.")) {
    changedForm = null;
  } else {
    event.preventDefault();
  }
});
document.addEventListener("submit", ({ target }) => {
  // Another one, such as a search, would lose it.
  if (target === changedForm) {
    changedForm = null;
  }
});
document.addEventListener("htmx:beforeOnLoad", ({ detail }) => {
  if (detail.xhr.getResponseHeader("HX-Redirect")) {
    changedForm = null;
  }
});
// What didn't arrive is as unsaved as before.
for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, ({ detail }) => {
    changedForm = detail.elt.closest(ASKS) ?? changedForm;
  });
}
addEventListener("beforeunload", (event) => {
  if (changedForm?.isConnected) {
    event.preventDefault();
  }
});

// A click anywhere on a row goes where its first link goes; with Ctrl, or the middle button, in a tab of its own.
function followRow(event) {
  const row = event.target.closest("tr[data-row]");
  const isControl = event.target.closest("a, button, input, label, select, summary, .menu-items");
  if (!row || isControl || getSelection().toString()) {
    return;
  }
  const link = row.querySelector("a.row-link");
  if (event.button === 1 || event.ctrlKey || event.metaKey) {
    window.open(link.href, "_blank", "noopener");
  } else if (event.button === 0) {
    link.click();
  }
}
document.addEventListener("click", followRow);
document.addEventListener("auxclick", followRow);

// Another page of a list starts at its head. The list was replaced, so that the event's target is the one before.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.requestConfig?.elt.closest("[data-scrolls-up]")) {
    document.getElementById(detail.target.id)?.scrollIntoView({ block: "start" });
  }
});

// The palette, and keys. Single keys can be turned off (WCAG 2.1.4): speech input and screen readers press them.
const keysDialog = document.getElementById("shortcuts");
const SINGLE_KEYS = "reprotech-single-keys";
const FIRST_KEY_TIME = 1500; // milliseconds in which the second key of two is awaited
let firstKey = "";

function usesSingleKeys() {
  try {
    return localStorage.getItem(SINGLE_KEYS) !== "off";
  } catch {
    return true;
  }
}

async function openPalette() {
  const { open } = await import(document.documentElement.dataset.paletteScript);
  open();
}

function showKeys() {
  keysDialog.querySelector("[data-single-keys]").checked = usesSingleKeys();
  keysDialog.showModal();
}

function moveRow(step) {
  const links = [...document.querySelectorAll("main .list tbody a.row-link")];
  const here = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  links[Math.min(Math.max(here + step, 0), links.length - 1)]?.focus();
}

const SINGLE_KEY_ACTIONS = {
  "/": openPalette,
  "?": showKeys,
  j: () => moveRow(1),
  k: () => moveRow(-1),
};

function pressSingleKey(event) {
  const pressed = `${firstKey}${event.key}`;
  firstKey = "";
  const target = document.querySelector(`[data-keys="${CSS.escape(pressed)}"]`);
  // What the page itself has for a key goes before what every page has.
  if (target) {
    event.preventDefault();
    target.click();
  } else if (SINGLE_KEY_ACTIONS[pressed]) {
    event.preventDefault();
    SINGLE_KEY_ACTIONS[pressed]();
  } else if (event.key === "g") {
    firstKey = "g ";
    setTimeout(() => {
      firstKey = "";
    }, FIRST_KEY_TIME);
  }
}

if (keysDialog) {
  document.addEventListener("keydown", (event) => {
    const isPaletteKey = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
    const isTyped = event.target.closest("input, select, textarea, [contenteditable]");
    const isPlain = !(event.ctrlKey || event.metaKey || event.altKey || event.isComposing);
    if (isPaletteKey) {
      event.preventDefault();
      openPalette();
    } else if (isPlain && !isTyped && !document.querySelector("dialog[open]") && usesSingleKeys()) {
      pressSingleKey(event);
    }
  });

  document.addEventListener("click", (event) => {
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (event.target.closest("[data-palette]") && isPlain) {
      event.preventDefault();
      openPalette();
    } else if (event.target.closest("[data-shows-keys]")) {
      showKeys();
    }
  });

  keysDialog.querySelector("[data-single-keys]").addEventListener("change", ({ target }) => {
    try {
      localStorage.setItem(SINGLE_KEYS, target.checked ? "on" : "off");
    } catch {
      // A browser that keeps nothing forgets this with the page.
    }
  });
}
