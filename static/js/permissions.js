// Permissions to tick, of a role or an API key: a row, a column or a group at once, presets, and reading along with
// writing. The server takes any combination, and says in its review which of them can change what they can't read.

const READ = "read";
const MAX_NAMED = 3;

const boxesOf = (form) => [...form.querySelectorAll("input[data-resource]")];
const changeable = (form) => boxesOf(form).filter((box) => !box.disabled);
const describe = (box) => box.closest("label").title;

function refresh(form) {
  const all = boxesOf(form);
  for (const toggle of form.querySelectorAll("[data-toggles]")) {
    const boxes = all.filter((box) => box.dataset[toggle.dataset.toggles] === toggle.value);
    const count = boxes.filter((box) => box.checked).length;
    toggle.checked = count > 0 && count === boxes.length;
    toggle.indeterminate = count > 0 && !toggle.checked;
    toggle.disabled = boxes.every((box) => box.disabled);
  }
  form.querySelector("[data-ticked]").textContent = all.filter((box) => box.checked).length;
}

function refreshAll() {
  for (const counter of document.querySelectorAll("[data-ticked]")) {
    refresh(counter.closest("form"));
  }
}

function named(boxes) {
  const names = boxes.slice(0, MAX_NAMED).map(describe);
  const more = boxes.length - names.length;
  return more > 0 ? `${names.join(", ")} and ${more} more` : names.join(", ");
}

function say(form, text, boxes) {
  const note = form.querySelector("[data-matrix-note]");
  note.replaceChildren(text);
  if (boxes.length > 0) {
    const undo = Object.assign(document.createElement("button"), { type: "button", className: "link-button", textContent: "Undo" });
    undo.addEventListener("click", () => {
      for (const box of boxes) {
        box.checked = !box.checked;
      }
      announce(undo);
      note.replaceChildren();
      note.closest("form").querySelector("[type=submit]").focus();
    });
    note.append(" ", undo);
  }
}

// What was set from here counts as typed: the summary follows, and leaving the page asks.
function announce(button) {
  button.dispatchEvent(new Event("input", { bubbles: true }));
  button.dispatchEvent(new Event("change", { bubbles: true }));
}

// Those who change something have to see it.
function followReading(form, changed) {
  const boxes = changeable(form);
  const touched = new Set(changed);
  const isRead = (box) => box.dataset.action === READ;
  const resources = (picked) => new Set(picked.map((box) => box.dataset.resource));
  const written = resources(changed.filter((box) => box.checked && !isRead(box)));
  const unread = resources(changed.filter((box) => !box.checked && isRead(box)));
  const added = boxes.filter((box) => isRead(box) && !box.checked && written.has(box.dataset.resource));
  const removed = boxes.filter(
    (box) => !isRead(box) && box.checked && !touched.has(box) && unread.has(box.dataset.resource),
  );
  for (const box of [...added, ...removed]) {
    box.checked = !box.checked;
  }
  if (added.length > 0) {
    say(form, `Also ticked: ${named(added)}. Changing something needs reading it.`, added);
  } else if (removed.length > 0) {
    say(form, `Also unticked: ${named(removed)}. Changing something needs reading it.`, removed);
  } else {
    say(form, "", []);
  }
}

document.addEventListener("change", ({ target }) => {
  const form = target.form;
  if (!form?.querySelector("[data-ticked]")) {
    return;
  }
  if (target.matches("[data-toggles]")) {
    const boxes = changeable(form).filter((box) => box.dataset[target.dataset.toggles] === target.value);
    // Not what the toggle says: it is never fully ticked where some of its boxes are locked.
    const wanted = boxes.some((box) => !box.checked);
    const changed = boxes.filter((box) => box.checked !== wanted);
    for (const box of changed) {
      box.checked = wanted;
    }
    followReading(form, changed);
  } else if (target.matches("[data-resource]")) {
    followReading(form, [target]);
  }
  refresh(form);
});

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-preset]");
  if (button) {
    const wanted = { all: () => true, none: () => false, read: (box) => box.dataset.action === READ }[button.dataset.preset];
    for (const box of changeable(button.form)) {
      box.checked = wanted(box);
    }
    say(button.form, "", []);
    announce(button);
  }
});

refreshAll();
document.addEventListener("htmx:afterSettle", refreshAll);
// What a browser puts back into a form when one returns to it comes after this script has run.
addEventListener("pageshow", refreshAll);

// Where the summary of changes has no room next to the matrix, the bar with the buttons says it in brief and leads there.
function showBrief() {
  const brief = document.querySelector("[data-change-brief]");
  if (brief) {
    const counts = [...document.querySelectorAll("#change h3")].map((heading) => heading.textContent.trim());
    brief.textContent = counts.join(", ");
    brief.hidden = counts.length === 0;
  }
}
showBrief();
document.addEventListener("htmx:afterSettle", showBrief);
