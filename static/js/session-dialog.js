// Signing in again and confirming the password over a page: what is typed there stays, and what was interrupted is sent
// again by itself. Only for the user who opened the page: the server sees to that.

const dialog = document.getElementById("session-dialog");
// The form or button whose request was refused.
let interrupted = null;

function load(method, url, source) {
  const select = "#session-content";
  // The page says what went wrong: reprotech.js listens.
  htmx.ajax(method, url, { source, target: dialog, swap: "innerHTML", select }).catch(() => {
    interrupted = dialog.open ? interrupted : null;
  });
}

// Only what a person sent is sent again, not what a page asks for while one types or ticks.
function remember({ requestConfig: { elt, triggeringEvent } }) {
  // The dialog's own form may have been replaced since.
  if (dialog.contains(elt) || !elt.isConnected) {
    return;
  }
  const isSent = ["submit", "click"].includes(triggeringEvent?.type) || elt.matches("#dialog form");
  // What a page asked for by itself at the same time changes nothing.
  if (isSent && elt.matches("form, button")) {
    interrupted = elt;
  }
}

export function signInAgain(detail) {
  remember(detail);
  load("GET", dialog.dataset.login, dialog);
}

export async function show(detail) {
  remember(detail);
  dialog.open || dialog.showModal();
  const username = dialog.querySelector("[name=username]");
  if (username && !username.value) {
    username.value = dialog.dataset.username;
  }
  const wanted = ["[aria-invalid=true]", "[type=password]", "[autofocus]", "button"];
  wanted.map((one) => dialog.querySelector(one)).find((found) => found)?.focus();
  const passkeys = dialog.querySelectorAll("form[data-passkey]");
  if (passkeys.length) {
    const { offer } = await import(dialog.dataset.passkeys);
    passkeys.forEach(offer);
  }
}

function proceed() {
  const element = interrupted;
  const token = csrfToken();
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) {
    field.value = token;
  }
  dialog.close();
  if (element?.isConnected) {
    element.matches("form") ? element.requestSubmit() : element.click();
  } else {
    notify("You are signed in again.", "success");
  }
}

dialog.addEventListener("submit", (event) => {
  // A passkey's form asks the browser first.
  if (!event.defaultPrevented) {
    event.preventDefault();
    load("POST", event.target.action, event.target);
  }
});
dialog.addEventListener("passkey-answered", ({ target }) => load("POST", target.action, target));
dialog.addEventListener("session-ready", proceed);
dialog.addEventListener("click", ({ target }) => target.closest("[data-cancels]") && dialog.close());
dialog.addEventListener("close", () => {
  interrupted = null;
  dialog.replaceChildren();
});
