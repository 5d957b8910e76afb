// Signing in the browser: a key that never leaves it, and signatures over exactly the bytes the
// server says it will keep. Used by every page with a form that has `data-sign`.

const STORE = "keys";
const encoder = new TextEncoder();

function openKeys() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("credit", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function keyStore(mode, act) {
  const database = await openKeys();
  return new Promise((resolve, reject) => {
    const request = act(database.transaction(STORE, mode).objectStore(STORE));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** The key of a person on this browser: {kid, private}; undefined when there is none. */
export const keyOf = (person) => keyStore("readonly", (store) => store.get(person));
export const keepKey = (person, key) => keyStore("readwrite", (store) => store.put(key, person));
export const forgetKey = (person) => keyStore("readwrite", (store) => store.delete(person));

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

export function toBase64(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

/** DSSE's pre-authentication encoding: type and payload, each with its length in bytes. */
function preAuthentication(type, payload) {
  const kind = encoder.encode(type);
  const head = encoder.encode(`DSSEv1 ${kind.length} ${type} ${payload.length} `);
  const whole = new Uint8Array(head.length + payload.length);
  whole.set(head);
  whole.set(payload, head.length);
  return whole;
}

export async function sign(key, type, payload) {
  const signature = await crypto.subtle.sign("Ed25519", key, preAuthentication(type, payload));
  return toBase64(signature);
}

/** Make a key that can sign here and be taken out nowhere. */
export async function makeKey() {
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { privateKey: pair.privateKey, publicKey };
}

async function signForm(form) {
  const state = form.querySelector("[data-sign-state]");
  const key = await keyOf(form.dataset.person);
  if (!key) {
    form.querySelector("[data-sign-missing]").hidden = false;
    return;
  }
  const wanted = JSON.parse(form.querySelector("[data-sign-payloads]").textContent);
  const signatures = [];
  for (const [position, payload] of wanted.payloads.entries()) {
    signatures.push(await sign(key.privateKey, wanted.type, fromBase64(payload)));
    if (state && position % 50 === 49) {
      state.textContent = `${position + 1} / ${wanted.payloads.length}`;
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  }
  form.elements.kid.value = key.kid;
  form.elements.signatures.value = signatures.join(" ");
  form.submit();
}

document.documentElement.classList.add("script");
for (const form of document.querySelectorAll("form[data-sign]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    signForm(form).catch((error) => {
      form.querySelector("[data-sign-failed]").hidden = false;
      console.error(error);
    });
  });
}
