// Recovery codes: copy, download and print them. The page can be left by its button once one of these is done or ticked.

const place = document.querySelector("[data-codes-of]");
const status = document.querySelector("[data-kept]");
const tick = document.querySelector(".codes-saved [type=checkbox]");
const proceed = document.querySelector(".codes-saved [type=submit]");
const codes = [...document.querySelectorAll(".recovery-codes code")];
const LINES = codes.map((code, index) => `${String(index + 1).padStart(2)}. ${code.textContent.trim()}`);

function asText() {
  const { codesOf: username } = place.dataset;
  const head = `Recovery codes of ${username} at ${location.host}`;
  return [head, "Each opens the account once in place of the second factor.", "", ...LINES, ""].join("\n");
}

// Browsers copy for pages over https (and localhost) alone: elsewhere the codes are selected, to copy by hand.
async function copy() {
  try {
    await navigator.clipboard.writeText(asText());
    return "Codes copied";
  } catch {
    getSelection().selectAllChildren(document.querySelector(".recovery-codes"));
    return "";
  }
}

function download() {
  const link = document.createElement("a");
  const address = URL.createObjectURL(new Blob([asText()], { type: "text/plain" }));
  link.href = address;
  link.download = `recovery-codes-${place.dataset.codesOf.replace(/[^\w.-]/g, "_")}.txt`;
  link.click();
  URL.revokeObjectURL(address);
  return "Codes downloaded";
}

function print() {
  window.print();
  return "Print dialog closed";
}

const WAYS = { copy, download, print };

function allow() {
  proceed.disabled = !tick.checked;
}

place.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-keeps]");
  if (!button) {
    return;
  }
  const done = await WAYS[button.dataset.keeps]();
  status.textContent = done || "The codes are selected: copy them with Ctrl+C.";
  button.querySelector("span").textContent = { copy: done ? "Copied" : "Selected", download: "Downloaded", print: "Print" }[button.dataset.keeps];
  // Selected is not copied.
  if (done) {
    tick.checked = true;
    allow();
  }
});
tick.addEventListener("change", allow);
allow();
