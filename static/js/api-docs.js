// Swagger UI has dark colours of its own, under a class: it follows what the person chose, or else the device.

const root = document.documentElement;
const device = matchMedia("(prefers-color-scheme: dark)");

function followScheme() {
  const chosen = root.dataset.bsTheme;
  root.classList.toggle("dark-mode", chosen ? chosen === "dark" : device.matches);
}

followScheme();
device.addEventListener("change", followScheme);
