// Pages that ask before something is done open in a dialog: the link or button has data-dialog. In a tab of their own,
// and without JavaScript, they are whole pages.

const dialog = document.getElementById("dialog");
let opener = null;

function open(url, source) {
  const menu = source.closest("details.menu");
  if (menu) {
    menu.open = false;
  }
  opener = menu ? menu.querySelector("summary") : source;
  // The browser gives the focus back to what has it now, once the dialog closes.
  opener.focus();
  load("GET", url, dialog);
}

function load(method, url, source) {
  // The page says what went wrong: reprotech.js listens.
  htmx.ajax(method, url, { source, target: dialog, swap: "innerHTML" }).catch(() => {});
}

function focusInside() {
  const wanted = ["[aria-invalid=true]", "input:checked", "input:not([type=hidden], [type=checkbox])", "select", "[data-closes]"];
  // What is folded away can't have it.
  const shown = (one) => [...dialog.querySelectorAll(one)].find((found) => found.checkVisibility());
  wanted.map(shown).find((found) => found)?.focus();
}

// What was done changed the page below: fetch it anew and leave the reader where they were.
async function refresh(url) {
  const place = opener.closest("[id]").id;
  const headers = { "HX-Boosted": "true" };
  await htmx.ajax("GET", url, { target: "#main", select: "#main", swap: "outerHTML show:none", headers });
  const main = document.getElementById("main");
  const there = place === "main" ? main : document.getElementById(place);
  (there?.querySelector("summary, a[href], button") ?? main).focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (link?.matches("[data-dialog]") && isPlain && window.htmx) {
    event.preventDefault();
    open(link.href, link);
  } else if (link?.matches("[data-closes]") && dialog.contains(link)) {
    event.preventDefault();
    dialog.close();
  }
});

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (dialog.contains(form)) {
    event.preventDefault();
    load("POST", form.action, form);
  } else if (submitter?.matches("[data-dialog]") && window.htmx) {
    event.preventDefault();
    open(`${submitter.formAction}?${new URLSearchParams(new FormData(form))}`, submitter);
  }
});

dialog.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target === dialog) {
    dialog.open || dialog.showModal();
    focusInside();
  }
});

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { target, xhr } = event.detail;
  const next = target === dialog && xhr.getResponseHeader("HX-Redirect");
  if (!next) {
    return;
  }
  dialog.close();
  if (new URL(next, location.href).pathname === location.pathname) {
    event.preventDefault();
    refresh(next);
  }
});

dialog.addEventListener("close", () => dialog.replaceChildren());

// The session ended, or was begun too long ago for what is being done: a dialog over the page sees to that first.
const sessionDialog = document.getElementById("session-dialog");
const sessionScript = () => import(sessionDialog.dataset.script);

document.addEventListener("htmx:responseError", async (event) => {
  if (event.detail.xhr.status === 401 && !isQuiet(event)) {
    try {
      (await sessionScript()).signInAgain(event.detail);
    } catch {
      notify("Your session has ended. Sign in again in another tab; what you typed is still here.", "error");
    }
  }
});

document.addEventListener("htmx:afterSwap", async ({ detail }) => {
  if (detail.target === sessionDialog) {
    (await sessionScript()).show(detail);
  }
});

// A form that is sent as a whole page would lose what was typed to the sign-in page, if the session has ended meanwhile.
// So the server is asked first; whatever else goes wrong with that, the form is sent as ever.
const CHECK_TIMEOUT = 3000;
const TYPED = "input:not([type=hidden], [type=submit], [type=radio]), textarea, select";
const checking = new WeakSet();
const checked = new WeakSet();

function checkSession() {
  const headers = { "HX-Request": "true", ...JSON.parse(document.body.getAttribute("hx-headers")) };
  const signal = AbortSignal.timeout(CHECK_TIMEOUT);
  return fetch(sessionDialog.dataset.check, { headers, signal, redirect: "manual" }).catch(() => null);
}

async function sendIfSignedIn(form, submitter, event) {
  checking.add(form);
  const answer = await checkSession();
  checking.delete(form);
  if (answer?.status === 401) {
    changedForm = form;
    (await sessionScript()).signInAgain({ requestConfig: { elt: submitter ?? form, triggeringEvent: event } });
  } else if (answer?.status === 409) {
    changedForm = form;
    notify(await answer.text(), "error");
  } else {
    checked.add(form);
    form.requestSubmit(submitter);
  }
}

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  const method = submitter?.getAttribute("formmethod") ?? form.method;
  const isPlain = !form.matches("[hx-post]:not([hx-trigger]), [data-passkey]") && method === "post";
  if (event.defaultPrevented || !isPlain || !form.closest("#main") || !form.querySelector(TYPED) || checked.delete(form)) {
    return;
  }
  event.preventDefault();
  if (!checking.has(form)) {
    sendIfSignedIn(form, submitter, event);
  }
});
