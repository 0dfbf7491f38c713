// Deciding lines by keyboard: j and k (reprotech.js) go from line to line, 1, 2 and 3 keep, change and remove.

const DECISIONS = { 1: "keep", 2: "change", 3: "remove" };
const lines = () => [...document.querySelectorAll("[data-line]")];
const lineOf = (element) => element?.closest?.("[data-line]");

function goTo(line) {
  line?.querySelector("a.row-link")?.focus();
  line?.scrollIntoView({ block: "nearest" });
}

function next(line) {
  const all = lines();
  return all[all.indexOf(line) + 1];
}

function decide(line, decision) {
  const choice = line.querySelector(`[type="radio"][value="${decision}"]`);
  if (!choice) {
    return;
  }
  choice.checked = true;
  choice.dispatchEvent(new Event("change", { bubbles: true }));
  if (decision === "keep") {
    goTo(next(line));
  } else {
    line.querySelector(".choice-reason input").focus();
  }
}

document.addEventListener("keydown", (event) => {
  const line = lineOf(document.activeElement);
  const isPlain = !(event.ctrlKey || event.metaKey || event.altKey || event.isComposing);
  if (!line || !isPlain || document.querySelector("dialog[open]")) {
    return;
  }
  const isReason = event.target.matches('input[type="text"]');
  if (isReason && event.key === "Enter") {
    // Not the whole form yet: the next line.
    event.preventDefault();
    goTo(next(line) ?? line);
  } else if (!isReason && DECISIONS[event.key] && (window.usesSingleKeys?.() ?? true)) {
    event.preventDefault();
    decide(line, DECISIONS[event.key]);
  }
});
