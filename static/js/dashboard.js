// The dashboard's charts, and its manners: it asks for news only while it is seen, and says so when there are none.

const LOOK = { line: "line", stacked: "bar", bars: "bar", doughnut: "doughnut" };
const LONGEST_NAME = 24;
const shown = new Map();

// Only on an element does a colour follow the scheme: the property alone says light-dark().
const swatch = document.head;

function color(name) {
  swatch.style.color = `var(${name})`;
  return getComputedStyle(swatch).color;
}

function dataset(kind, { label, data, colors }) {
  const paints = colors.map(color);
  const paint = paints.length > 1 ? paints : paints[0];
  if (kind === "line") {
    const ground = `color-mix(in srgb, ${paint} 12%, transparent)`;
    return { label, data, borderColor: paint, backgroundColor: ground, fill: true, borderWidth: 2, pointRadius: 0, pointHitRadius: 12, tension: 0 };
  }
  const border = kind === "doughnut" ? { borderColor: color("--surface"), borderWidth: 2 } : { borderRadius: 3, maxBarThickness: 28 };
  return { label, data, backgroundColor: paint, ...border };
}

function day(date) {
  return new Date(`${date}T00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}

function axes(kind) {
  if (kind === "doughnut") {
    return {};
  }
  const muted = color("--muted");
  const lines = { color: color("--border"), drawTicks: false };
  const names = { stacked: kind === "stacked", grid: { display: false }, border: { display: false }, ticks: { color: muted, maxRotation: 0, autoSkipPadding: 24 } };
  if (kind !== "bars") {
    names.ticks.callback = function label(index) {
      return day(this.getLabelForValue(index));
    };
  }
  const shortened = function shortened(index) {
    const name = this.getLabelForValue(index);
    return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name;
  };
  const numbers = { stacked: kind === "stacked", beginAtZero: kind !== "line", grid: lines, border: { display: false }, ticks: { color: muted, precision: 0, maxTicksLimit: 6, padding: 8 } };
  return kind === "bars" ? { x: numbers, y: { ...names, ticks: { color: muted, autoSkip: false, callback: shortened } } } : { x: names, y: numbers };
}

function options(kind) {
  const hasLegend = kind === "stacked" || kind === "doughnut";
  return {
    animation: false,
    maintainAspectRatio: false,
    indexAxis: kind === "bars" ? "y" : "x",
    interaction: kind === "doughnut" ? {} : { mode: "index", intersect: false, axis: kind === "bars" ? "y" : "x" },
    cutout: "68%",
    scales: axes(kind),
    plugins: {
      legend: { display: hasLegend, position: kind === "doughnut" ? "right" : "bottom", labels: { color: color("--text"), boxWidth: 10, boxHeight: 10, padding: 16 } },
    },
  };
}

// A chart whose data changed is updated where it stands, so that nothing flickers.
function draw(source) {
  const { kind, labels, series } = JSON.parse(source.dataset.drawing);
  const box = document.getElementById(source.dataset.draws);
  const canvas = box.querySelector("canvas");
  const data = { labels, datasets: series.map((one) => dataset(kind, one)) };
  const chart = shown.get(box.id);
  if (chart?.canvas === canvas) {
    if (chart.drawing !== source.dataset.drawing) {
      chart.data = data;
      chart.update("none");
    }
  } else {
    chart?.destroy();
    shown.set(box.id, new Chart(canvas, { type: LOOK[kind], data, options: options(kind) }));
  }
  shown.get(box.id).drawing = source.dataset.drawing;
}

function drawAll() {
  document.querySelectorAll("[data-draws]").forEach(draw);
}

function redraw() {
  for (const [name, chart] of shown) {
    chart.destroy();
    shown.delete(name);
  }
  drawAll();
}

function tell(text, isLive) {
  const line = document.getElementById("live");
  const sentence = line.querySelector("[data-live]");
  sentence.textContent = text ?? sentence.dataset.live;
  line.classList.toggle("is-live", isLive);
}

// After so many polls that brought nothing only each fifth is sent, until something is new or somebody is there.
const QUIET_POLLS = 15;
const POLLS_IN_ONE = 5;

let ended = false;
let open = [];
let quietPolls = 0;
let leftOut = 0;

Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
drawAll();
tell(null, true);

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

// An answer that brings a new dashboard is announced on the parent of the one that asked, which is gone by then.
const isPoll = ({ detail, target }) => (detail.requestConfig?.elt ?? target).id === "dashboard";

function isLeftOut() {
  leftOut = quietPolls >= QUIET_POLLS && leftOut < POLLS_IN_ONE - 1 ? leftOut + 1 : 0;
  return leftOut > 0;
}

for (const sign of ["pointermove", "pointerdown", "keydown", "visibilitychange"]) {
  document.addEventListener(sign, () => {
    quietPolls = 0;
  });
}

document.addEventListener("htmx:confirm", (event) => {
  if (isPoll(event) && (document.hidden || ended || isLeftOut())) {
    event.preventDefault();
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  if (isPoll(event)) {
    open = [...document.querySelectorAll("#dashboard details[open]")].map((details) => details.id);
  }
});

document.addEventListener("htmx:afterSwap", () => {
  quietPolls = 0;
  for (const id of open) {
    document.getElementById(id).open = true;
  }
  drawAll();
});

// Settling gives what is new the attributes that the server wrote, over those that were told before.
document.addEventListener("htmx:afterSettle", (event) => {
  if (isPoll(event)) {
    tell(null, true);
  }
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (!isPoll(event)) {
    return;
  }
  const { xhr } = event.detail;
  quietPolls = xhr.status === 304 ? quietPolls + 1 : 0;
  ended = xhr.status === 401 || xhr.status === 403;
  if (ended) {
    tell("Not live any more: your session has ended. Reload the page to sign in.", false);
  } else if (xhr.status >= 400 || xhr.status === 0) {
    tell("Not live: the server can't be reached. Trying again.", false);
  } else {
    tell(null, true);
  }
});
