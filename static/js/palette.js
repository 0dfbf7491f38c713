// The palette: search for everything, and go there or do it, without the mouse. reprotech.js loads it when it is first
// asked for. Without JavaScript the same search is the page /search.

const dialog = document.getElementById("palette");
const field = dialog.querySelector("input");
const list = dialog.querySelector("[role=listbox]");
const status = dialog.querySelector("[role=status]");
const RECENT_KEY = `reprotech-recent-${dialog.dataset.user}`;
const MAX_RECENT = 5;
const TYPING_PAUSE = 80; // milliseconds

let waiting = null;
let request = null;

export function open() {
  if (!dialog.open) {
    dialog.showModal();
    field.select();
    find();
  }
}

function recent() {
  try {
    return JSON.parse(localStorage.getItem(RECENT_KEY)) ?? [];
  } catch {
    return [];
  }
}

function remember(option) {
  const { title, subtitle, url, initials, tint } = option.dataset;
  const others = recent().filter((one) => one.url !== url);
  try {
    localStorage.setItem(RECENT_KEY, JSON.stringify([{ title, subtitle, url, initials, tint }, ...others].slice(0, MAX_RECENT)));
  } catch {
    // A browser that keeps nothing has no recent items.
  }
}

async function find() {
  request?.abort();
  request = new AbortController();
  const text = field.value.trim();
  try {
    const answer = await fetch(`${dialog.dataset.url}?q=${encodeURIComponent(text)}`, {
      headers: { Accept: "application/json" },
      redirect: "error", // an ended session leads to the sign-in page
      signal: request.signal,
    });
    if (!answer.ok) {
      throw new Error(answer.status);
    }
    const { groups } = await answer.json();
    const visited = text ? [] : recent();
    show(visited.length ? [{ label: "Recent", results: visited }, ...groups] : groups, text);
  } catch (error) {
    if (error.name !== "AbortError") {
      list.replaceChildren();
      status.textContent = "The search can't be reached. Reload the page and try again.";
    }
  }
}

function show(groups, text) {
  list.replaceChildren(...groups.map(groupOf));
  const count = list.querySelectorAll("[role=option]").length;
  status.textContent = count ? "" : `Nothing matches “${text}”.`;
  choose(list.querySelector("[role=option]"));
}

function groupOf({ label, results }, number) {
  const group = document.createElement("div");
  const heading = Object.assign(document.createElement("p"), { id: `palette-group-${number}`, textContent: label });
  group.setAttribute("role", "group");
  group.setAttribute("aria-labelledby", heading.id);
  group.append(heading, ...results.map((result, position) => optionOf(result, `${number}-${position}`)));
  return group;
}

function optionOf({ title, subtitle, url, initials, tint }, number) {
  const option = document.createElement("div");
  option.id = `palette-option-${number}`;
  option.setAttribute("role", "option");
  Object.assign(option.dataset, { title, subtitle, url, ...(initials && { initials, tint }) });
  if (initials) {
    option.append(Object.assign(document.createElement("span"), {
      className: `avatar avatar-small tint-${tint}`,
      textContent: initials,
      ariaHidden: "true",
    }));
  }
  option.append(
    Object.assign(document.createElement("span"), { className: "palette-title", textContent: title }),
    Object.assign(document.createElement("span"), { className: "palette-subtitle", textContent: subtitle }),
  );
  return option;
}

function choose(option) {
  list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", option?.id ?? "");
}

function go(option, inNewTab) {
  remember(option);
  if (inNewTab) {
    window.open(option.dataset.url, "_blank", "noopener");
  } else {
    dialog.close();
    location.assign(option.dataset.url);
  }
}

field.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(find, TYPING_PAUSE);
});

dialog.addEventListener("keydown", (event) => {
  const options = [...list.querySelectorAll("[role=option]")];
  const here = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && options.length) {
    event.preventDefault();
    choose(options[(here + step + options.length) % options.length]);
  } else if (event.key === "Enter" && here >= 0 && !event.isComposing) {
    event.preventDefault();
    go(options[here], event.ctrlKey || event.metaKey);
  }
});

list.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) {
    go(option, event.ctrlKey || event.metaKey);
  }
});

// A click outside the palette closes it.
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) {
    dialog.close();
  }
});
