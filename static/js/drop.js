// The field for a file takes one that is dropped onto it, without any script. This shows where, and keeps a file that
// misses the field from being opened in place of the page.

const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
const fieldAt = ({ target }) => target.closest?.(".drop-field");

function mark(field) {
  document.querySelectorAll(".drop-field").forEach((one) => one.classList.toggle("is-aimed-at", one === field));
}

document.addEventListener("dragover", (event) => {
  if (hasFiles(event)) {
    mark(fieldAt(event));
    if (!fieldAt(event)) {
      event.preventDefault();
      event.dataTransfer.dropEffect = "none";
    }
  }
});

document.addEventListener("drop", (event) => {
  mark(null);
  if (hasFiles(event) && !fieldAt(event)) {
    event.preventDefault();
  }
});

document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || mark(null));
