// The dashboard's charts, and its manners: it asks for news only while it is seen, and says so when there are none.

const shown = new Map();

// Only on an element does a colour follow the scheme: the property alone says light-dark().
const swatch = document.head;

function color(name) {
  swatch.style.color = `var(${name})`;
  return getComputedStyle(swatch).color;
}

function dataset({ label, data, color: name, isLine }, hasTwoAxes) {
  const paint = color(name);
  if (isLine) {
    return { type: "line", label, data, borderColor: paint, backgroundColor: paint, borderWidth: 2, pointRadius: 0, pointHitRadius: 12, tension: 0, order: 0 };
  }
  return { type: "bar", label, data, backgroundColor: paint, borderRadius: 3, maxBarThickness: 28, yAxisID: hasTwoAxes ? "added" : "y", order: 1 };
}

function day(date) {
  return new Date(`${date}T00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}

// From zero, since a cut axis makes a small growth look like an explosion. The few who are new have an axis of their own
// at the right, of which they fill the lower third.
function axes({ series, hasTwoAxes }) {
  const muted = color("--muted");
  const isStacked = !hasTwoAxes;
  const ticks = { color: muted, precision: 0, maxTicksLimit: 6, padding: 8 };
  const x = {
    stacked: isStacked,
    grid: { display: false },
    border: { display: false },
    ticks: {
      color: muted,
      maxRotation: 0,
      autoSkipPadding: 24,
      callback(index) {
        return day(this.getLabelForValue(index));
      },
    },
  };
  const y = { stacked: isStacked, beginAtZero: true, suggestedMax: 4, grid: { color: color("--border"), drawTicks: false }, border: { display: false }, ticks };
  if (!hasTwoAxes) {
    return { x, y };
  }
  const most = Math.max(...series.filter((one) => !one.isLine).flatMap((one) => one.data), 1);
  const added = {
    position: "right",
    beginAtZero: true,
    max: most * 3,
    grid: { display: false },
    border: { display: false },
    ticks: { color: color("--chart-6"), precision: 0, padding: 8, callback: (value) => (value <= most ? value : "") },
  };
  return { x, y, added };
}

function options(drawing) {
  const { titles, urls } = drawing;
  return {
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    scales: axes(drawing),
    onClick(_event, [bar]) {
      if (bar && urls.length) {
        location.assign(urls[bar.index]);
      }
    },
    onHover({ native }, found) {
      native.target.style.cursor = found.length && urls.length ? "pointer" : "default";
    },
    plugins: {
      legend: { position: "bottom", labels: { color: color("--text"), boxWidth: 10, boxHeight: 10, padding: 16 } },
      tooltip: { callbacks: { title: ([bar]) => titles[bar.dataIndex] } },
    },
  };
}

// A chart whose data changed is updated where it stands, so that nothing flickers.
function draw(source) {
  const drawing = JSON.parse(source.dataset.drawing);
  const box = document.getElementById(source.dataset.draws);
  const canvas = box.querySelector("canvas");
  const data = { labels: drawing.labels, datasets: drawing.series.map((one) => dataset(one, drawing.hasTwoAxes)) };
  const chart = shown.get(box.id);
  if (chart?.canvas === canvas) {
    if (chart.drawing !== source.dataset.drawing) {
      chart.data = data;
      chart.options = options(drawing);
      chart.update("none");
    }
  } else {
    chart?.destroy();
    shown.set(box.id, new Chart(canvas, { type: "bar", data, options: options(drawing) }));
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
