// How hard a new password is to guess: advice while one types, in words and as a meter. The estimate (zxcvbn) is made in
// the browser, so that nothing half typed leaves it. What the server demands is told and checked elsewhere.

const LABELS = ["Very weak", "Weak", "Rather weak", "Good", "Strong"];
const GOOD = 3;
// Longer ones are not looked at to their end: they are strong, and looking takes time.
const LONGEST = 100;
const PAUSE = 200;
const SHORTEST_NAME = 3;
// [seconds, in words]: how long a stranger's computer takes with a stolen database, at 10,000 guesses a second.
const TIMES = [
  [1, "in less than a second"],
  [60, "in seconds"],
  [3_600, "in minutes"],
  [86_400, "in hours"],
  [2_592_000, "in days"],
  [31_536_000, "in months"],
  [3_153_600_000, "in years"],
  [Infinity, ""],
];
const CAUSES = [
  ["spatial", "Keys in a row are tried early."],
  ["repeat", "Repeating something adds little."],
  ["sequence", "Sequences such as abc or 6543 are tried early."],
  ["date", "Dates are tried early."],
  ["regex", "Years are tried early."],
];

const watched = new WeakSet();
let estimator;

function load(address) {
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", done);
    script.addEventListener("error", failed);
    document.head.append(script);
  });
}

function prepare({ core, words }) {
  estimator ??= Promise.all([load(core), load(words)]).then(() => {
    const { dictionary, adjacencyGraphs } = window.zxcvbnts["language-common"];
    return new window.zxcvbnts.core.ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });
  });
  return estimator;
}

// What the account is called: as the page knows it, or as it is typed into the same form.
function ownWords(field, place) {
  const typed = (place.dataset.reads?.split(" ") ?? []).map((name) => field.form?.elements[name]?.value ?? "");
  const names = [place.dataset.own ?? "", ...typed].join(" ").toLowerCase().split(/\s+/);
  // Of an address what stands before the @: the rest is everybody's.
  const parts = names.flatMap((name) => [name, ...name.split("@")[0].split(/[^\p{L}\p{N}]+/u)]);
  return [...new Set(parts)].filter((part) => part.length >= SHORTEST_NAME);
}

function reason(found, password, own) {
  const folded = password.toLowerCase();
  if (own.some((name) => folded.includes(name))) {
    return "It contains a name of the account, which is tried first.";
  }
  if (found.score < GOOD && found.sequence.some(({ dictionaryName }) => dictionaryName?.startsWith("passwords"))) {
    return "It is close to a password that many people have.";
  }
  const cause = CAUSES.find(([pattern]) => found.sequence.some((part) => part.pattern === pattern));
  return (found.score < GOOD && cause?.[1]) || "";
}

function sentence(found, password, own) {
  const [, time] = TIMES.find(([limit]) => found.crackTimes.offlineSlowHashingXPerSecond.seconds < limit) ?? TIMES.at(-1);
  const verb = found.score >= GOOD ? "would guess it" : "guesses it";
  const says = time ? `a stranger's computer ${verb} ${time}.` : "no stranger's computer guesses it within a century.";
  const advice = found.score < GOOD ? "Add a word or two that have nothing to do with it." : "";
  return [`${LABELS[found.score]}: ${says}`, reason(found, password, own), advice].filter(Boolean).join(" ");
}

// The text's place is never hidden: what appears together with its text is not read out.
function show(place, text, score) {
  const meter = place.querySelector("[role=meter]");
  meter.hidden = text === "";
  meter.setAttribute("aria-valuenow", score);
  meter.setAttribute("aria-valuetext", LABELS[score]);
  place.dataset.score = score;
  place.querySelector("[data-strength-text]").textContent = text;
}

export function watch(field, place) {
  if (watched.has(field)) {
    return;
  }
  watched.add(field);
  let waiting;
  const look = async () => {
    const password = field.value;
    if (!password) {
      show(place, "", 0);
      return;
    }
    const estimate = await prepare(place.dataset);
    const own = ownWords(field, place);
    const found = estimate.check(password.slice(0, LONGEST), own);
    if (field.value === password) {
      show(place, sentence(found, password, own), found.score);
    }
  };
  const soon = () => {
    // Room for the text, from the first letter on and until the field is left empty: nothing moves under a pointer.
    place.classList.toggle("strength-awaited", field.value !== "" || field === document.activeElement && place.matches(".strength-awaited"));
    clearTimeout(waiting);
    waiting = setTimeout(() => look().catch(giveUp), PAUSE);
  };
  // Without the estimate the page is as it is without JavaScript.
  const giveUp = () => {
    show(place, "", 0);
    place.classList.remove("strength-awaited");
  };
  field.addEventListener("input", soon);
  field.addEventListener("blur", soon);
  prepare(place.dataset).catch(() => (estimator = undefined));
  soon();
}
