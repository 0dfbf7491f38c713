// What the pages gain from JavaScript beside htmx. Everything works without it.

const progress = document.getElementById("progress");
let running = 0;

function showProgress(change) {
  running = Math.max(0, running + change);
  progress.hidden = running === 0;
}

function notify(text, kind) {
  const toast = document.createElement("p");
  toast.className = `notice notice-${kind}`;
  toast.textContent = text;
  document.getElementById("toasts").append(toast);
  return toast;
}

// What asks by itself, such as the live dashboard, shows neither progress nor errors as what a person asked for does.
const isQuiet = ({ target }) => target.matches?.("[data-quiet]") ?? false;

document.addEventListener("htmx:beforeRequest", (event) => isQuiet(event) || showProgress(1));
document.addEventListener("htmx:afterRequest", (event) => isQuiet(event) || showProgress(-1));

document.addEventListener("htmx:sendError", (event) =>
  isQuiet(event) || notify("The server can't be reached. What you typed is still here: try again in a moment.", "error"),
);

document.addEventListener("htmx:responseError", (event) => {
  const { detail } = event;
  if (isQuiet(event)) {
    return;
  }
  const known = {
    401: "Your session has ended. Sign in again in another tab; what you typed is still here.",
    403: "You may not do this. If you think you should, ask your administrator.",
    404: "This is not there any more. Reload the page.",
    409: "Someone changed this meanwhile. Reload the page.",
    429: "Too many requests. Wait a moment and try again.",
  };
  const isText = detail.xhr.getResponseHeader("Content-Type")?.startsWith("text/plain");
  notify((isText && detail.xhr.responseText) || known[detail.xhr.status] || "Something went wrong. Nothing was changed; try again in a moment.", "error");
});

// Signing in again in another tab makes a new token: what goes out has the one of now, not the one of the page's time.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  const token = document.cookie.match(/(?:^|; )reprotech_csrf=([^;]+)/)?.[1];
  if (token && detail.verb !== "get") {
    detail.headers["X-CSRFToken"] = token;
    detail.formData.delete("csrfmiddlewaretoken");
  }
});

// Toasts of success go by themselves; errors stay until the next visit.
function fadeToasts() {
  for (const toast of document.querySelectorAll("#toasts .notice-success")) {
    setTimeout(() => toast.remove(), 6000);
  }
}
fadeToasts();
document.addEventListener("htmx:oobAfterSwap", fadeToasts);

// Menus: one open at a time, closed by Escape and by a click elsewhere.
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) {
      menu.open = false;
    }
  }
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

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

// "Select all" of a table.
document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-selects]")) {
    for (const box of document.querySelectorAll(`input[name="${target.dataset.selects}"]`)) {
      box.checked = target.checked;
    }
  }
});

// The rules of a new password tick themselves off while one types; the server alone decides.
for (const rules of document.querySelectorAll("[data-rules-of]")) {
  const field = document.getElementById(rules.dataset.rulesOf);
  const items = [...rules.querySelectorAll("[data-pattern]")];
  const check = () => {
    for (const item of items) {
      const met = new RegExp(item.dataset.pattern, "u").test(field.value);
      item.dataset.met = String(met);
      item.querySelector("[data-rule-state]").textContent = met ? "(met)" : "(not yet)";
    }
    const met = items.filter((item) => item.dataset.met === "true").length;
    rules.querySelector("[data-rules-met]").textContent = `${met} of ${items.length} met`;
  };
  field.addEventListener("input", check);
}

// Users: how many are selected; filters without the empty ones in the address; a file's progress.
function countSelected() {
  for (const place of document.querySelectorAll("[data-counts]")) {
    const boxes = document.querySelectorAll(`input[name="${place.dataset.counts}"]:checked`);
    place.textContent = `${boxes.length} selected`;
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
