// Passkeys and security keys: forms with data-passkey="create" or "get" ask the browser for an answer when they are
// sent, and send it. They are hidden from browsers that can't, and at addresses that passkeys don't belong to.

const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const withBytes = (credentials) => credentials?.map((one) => ({ ...one, id: toBytes(one.id) }));

async function fetchOptions(form) {
  const fields = new FormData(form);
  const body = new URLSearchParams({ step: fields.get("step") ?? "" });
  const headers = { "X-CSRFToken": fields.get("csrfmiddlewaretoken") };
  const response = await fetch(form.dataset.options, { method: "POST", body, headers });
  if (!response.ok || response.redirected) {
    throw new Error(`The server answered ${response.status}.`);
  }
  const { publicKey } = await response.json();
  publicKey.challenge = toBytes(publicKey.challenge);
  publicKey.allowCredentials = withBytes(publicKey.allowCredentials);
  publicKey.excludeCredentials = withBytes(publicKey.excludeCredentials);
  if (publicKey.user) {
    publicKey.user.id = toBytes(publicKey.user.id);
  }
  return { publicKey };
}

function toJSON(credential) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) {
      response[part] = toText(credential.response[part]);
    }
  }
  const { id, type } = credential;
  return JSON.stringify({ id, rawId: toText(credential.rawId), type, response, clientExtensionResults: {} });
}

function sentenceFor(error) {
  const known = {
    NotAllowedError: "That was cancelled, or took too long. Try again.",
    InvalidStateError: "This passkey is set up already.",
    NotSupportedError: "This passkey is of a kind that isn't supported.",
    SecurityError: "Passkeys don't work at this address.",
  };
  return known[error.name] ?? "That did not work. Reload the page and try again.";
}

let pending = null;

async function answer(form, isQuiet = false) {
  const button = form.querySelector("[type=submit]");
  // Pressed again while the browser waits, as after a start by itself: the earlier question is taken back.
  pending?.abort();
  const { signal } = (pending = new AbortController());
  const failure = form.querySelector("[data-passkey-error]");
  failure.hidden = true;
  try {
    const credential = await navigator.credentials[form.dataset.passkey]({ ...(await fetchOptions(form)), signal });
    form.elements.answer.value = toJSON(credential);
    takeRemember(form);
    // Over a page the dialog sends it, and the page stays.
    form.closest("dialog") ? form.dispatchEvent(new CustomEvent("passkey-answered", { bubbles: true })) : form.submit();
  } catch (error) {
    if (signal.aborted) {
      return;
    }
    // What began by itself and was cancelled, or needs a press of the button, is no failure.
    failure.textContent = isQuiet ? "" : sentenceFor(error);
    failure.hidden = isQuiet;
    button.focus();
  }
}

// The box beside the password counts for a sign-in without one too.
function takeRemember(form) {
  const box = document.querySelector("input[type=checkbox][name=remember]");
  if (box && form.elements.remember) {
    form.elements.remember.value = box.checked ? "on" : "";
  }
}

const offered = new WeakSet();

export function offer(form) {
  if (!offered.has(form) && window.PublicKeyCredential && location.origin === form.dataset.origin) {
    offered.add(form);
    form.hidden = false;
    document.querySelectorAll("[data-passkey-missing]").forEach((notice) => notice.remove());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer(form);
    });
    if (form.matches("[data-leads]") && !document.querySelector(".error-summary, .notice-error")) {
      form.querySelector("[type=submit]").focus();
    }
    if (form.matches("[data-starts]") && document.visibilityState === "visible" && document.hasFocus()) {
      answer(form, true);
    }
  }
}

document.querySelectorAll("form[data-passkey]").forEach(offer);
