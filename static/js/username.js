// A new user's username is proposed from the name, a free one, as long as nobody has typed one.

let proposed = "";

async function propose(form) {
  const { username, first_name: first, last_name: last } = form.elements;
  if (username.value !== proposed || !(first.value || last.value)) {
    return;
  }
  const names = new URLSearchParams({ first_name: first.value, last_name: last.value });
  const response = await fetch(`${form.dataset.proposes}?${names}`, { headers: { Accept: "application/json" } });
  // Without a session it is the sign-in page.
  if (!response.ok || response.redirected) {
    return;
  }
  const answer = await response.json();
  // Meanwhile one may have begun to type, or changed the name once more.
  const isCurrent = names.get("first_name") === first.value && names.get("last_name") === last.value;
  if (username.value === proposed && isCurrent) {
    proposed = username.value = answer.username;
  }
}

document.addEventListener("change", ({ target }) => {
  const form = target.closest?.("form[data-proposes]");
  if (form && ["first_name", "last_name"].includes(target.name)) {
    // A proposal that can't be had is none.
    propose(form).catch(() => {});
  }
});
