// Passkeys: forms with `data-passkey` ask the server what to ask the browser, and send its answer.
// They stay hidden where the browser, or the address the page was opened at, cannot do it.

const RENEW_MS = 4 * 60 * 1000; // a request is good for five minutes
// Given up, put off by another request, or nothing there to ask: people do that, it is no fault.
const EXPECTED = ["AbortError", "NotAllowedError", "InvalidStateError"];

let waiting = null; // the request offered among the user names, until another one takes its place

const able =
  "PublicKeyCredential" in window &&
  "parseRequestOptionsFromJSON" in PublicKeyCredential &&
  "parseCreationOptionsFromJSON" in PublicKeyCredential;

async function wanted(form) {
  const answer = await fetch(`${form.getAttribute("action")}/options`, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
  });
  if (!answer.ok || answer.redirected) throw new Error(`options: ${answer.status}`);
  return answer.json();
}

async function ask(form, more) {
  const options = await wanted(form);
  if (form.dataset.passkey === "create") {
    // People with accounts in several cities tell them apart in the browser's list by this.
    options.user.name = `${options.user.name} · ${form.dataset.city}`;
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey, ...more });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey, ...more });
}

function send(form, credential) {
  form.elements.answer.value = JSON.stringify(credential.toJSON());
  form.submit();
}

function say(error) {
  const known = error.name === "InvalidStateError" && document.querySelector("[data-passkey-known]");
  (known || document.querySelector("[data-passkey-failed]")).hidden = false;
  if (!EXPECTED.includes(error.name)) console.error(error);
}

/** Offer passkeys among the user names the browser suggests, with a fresh request now and then. */
async function offer(form) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  const controller = new AbortController();
  waiting = controller;
  const renew = setTimeout(() => {
    controller.abort();
    offer(form);
  }, RENEW_MS);
  try {
    const credential = await ask(form, { mediation: "conditional", signal: controller.signal });
    if (credential && waiting === controller) send(form, credential);
  } catch (error) {
    if (!EXPECTED.includes(error.name)) console.warn(error);
  } finally {
    clearTimeout(renew);
  }
}

async function answer(form) {
  const told = "[data-passkey-failed], [data-passkey-known]";
  for (const one of document.querySelectorAll(told)) one.hidden = true;
  waiting?.abort(); // a browser asks for one thing at a time
  waiting = null;
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    send(form, await ask(form, {}));
  } catch (error) {
    say(error);
    button.disabled = false;
    if ("conditional" in form.dataset) offer(form);
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!able || location.origin !== form.dataset.origin) continue;
  form.hidden = false;
  for (const one of document.querySelectorAll("[data-passkey-missing]")) one.hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(form);
  });
  if ("conditional" in form.dataset) offer(form);
}
