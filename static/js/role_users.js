// Users to tick for a role: Enter in the search ticks the only one found, and all of a list of names; Shift with a click
// ticks all between two.

const boxesOf = (form) => [...form.querySelectorAll("input[type=checkbox][name=user]")];
let last = null;
let isAwaited = false;

// Of several it ticks none: the role must not go to the wrong one of two Annas.
function pickOnly(field) {
  const found = boxesOf(field.form).filter((box) => !box.checked);
  const list = document.getElementById("candidates");
  isAwaited = list.dataset.term !== field.value.trim();
  if (isAwaited || found.length === 0 || !field.value.trim()) {
    return;
  }
  if (found.length > 1 && !("list" in list.dataset)) {
    found[0].focus();
    return;
  }
  for (const box of found) {
    box.checked = true;
  }
  found[0].dispatchEvent(new Event("change", { bubbles: true }));
  field.select();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing && event.target.matches("[data-picks-only]")) {
    event.preventDefault(); // otherwise the form would be sent
    pickOnly(event.target);
  }
});

// Of a pasted column a browser would make one word.
document.addEventListener("paste", (event) => {
  const text = event.clipboardData?.getData("text/plain").trim() ?? "";
  if (event.target.matches("[data-picks-only]") && /[\r\n]/.test(text)) {
    event.preventDefault();
    event.target.setRangeText(text.split(/[\r\n]+/).join(", "), event.target.selectionStart, event.target.selectionEnd, "end");
    event.target.dispatchEvent(new Event("input", { bubbles: true }));
  }
});

document.addEventListener("input", ({ target }) => {
  if (target.matches("[data-picks-only]")) {
    isAwaited = false;
  }
});

document.addEventListener("htmx:afterSettle", () => {
  const field = document.querySelector("[data-picks-only]");
  if (isAwaited && field) {
    pickOnly(field);
  }
});

// Shift with a click would select the text of a label, and not tick it.
document.addEventListener("mousedown", (event) => {
  if (event.shiftKey && event.target.closest(".candidate")) {
    event.preventDefault();
  }
});

// A click on a label comes first, and the one that the browser makes of it on the box has no Shift.
let hadShift = false;

document.addEventListener("click", (event) => {
  const box = event.target;
  if (!box.matches("input[type=checkbox][name=user]")) {
    hadShift = event.shiftKey;
    return;
  }
  const boxes = boxesOf(box.form);
  if ((event.shiftKey || hadShift) && boxes.includes(last)) {
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
    for (const between of boxes.slice(from, to + 1)) {
      between.checked = box.checked;
    }
  }
  hadShift = false;
  last = box;
});
