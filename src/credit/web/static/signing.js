// Signing in the browser: a key that never leaves it, and signatures over exactly the bytes the
// server says it will keep. Used by every page with a form that has `data-sign`.

import { approvalOf, Stopped, tell } from "./approval.js";

const STORE = "keys";
const STEP = 50; // signatures between two signs of progress
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

/** The digest (hex) of all that an act signs: the type, and the list of the payloads. */
export async function digestOf(type, payloads) {
  const parts = payloads.flatMap((payload) => [",", payload]).slice(1);
  const list = new Uint8Array(await new Blob(["[", ...parts, "]"]).arrayBuffer());
  const hash = await crypto.subtle.digest("SHA-256", preAuthentication(type, list));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What is to be signed: in the page, or fetched where a batch is too large for it. */
async function wanted(form) {
  const path = form.dataset.payloads;
  if (!path) return JSON.parse(form.querySelector("[data-sign-payloads]").textContent);
  const answer = await fetch(path);
  if (answer.status === 409) throw new Stopped("changed");
  if (!answer.ok || answer.redirected) throw new Error(`payloads: ${answer.status}`);
  return answer.json();
}

async function signEach(form, key) {
  const state = form.querySelector("[data-sign-state]");
  const progress = form.querySelector("[data-sign-progress]");
  const { type, payloads: texts } = await wanted(form);
  const payloads = texts.map(fromBase64);
  if ((await digestOf(type, payloads)) !== form.elements.digest.value) throw new Stopped("changed");
  progress.hidden = payloads.length < STEP;
  const signatures = [];
  for (const payload of payloads) {
    signatures.push(await sign(key.privateKey, type, payload));
    if (signatures.length % STEP === 0) {
      progress.value = signatures.length;
      state.textContent = `${signatures.length} / ${payloads.length}`;
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  }
  progress.value = payloads.length;
  return signatures.join(" ");
}

async function signForm(form) {
  const key = await keyOf(form.dataset.person);
  if (!key) throw new Stopped("missing");
  // Signed once: whoever puts the passkey off is asked for it again, and for nothing else.
  if (!form.elements.signatures.value) {
    form.elements.signatures.value = await signEach(form, key);
    form.elements.kid.value = key.kid;
  }
  form.elements.approval.value = await approvalOf(form.dataset.approval, form.elements.digest.value);
  form.submit();
}

document.documentElement.classList.add("script");
for (const form of document.querySelectorAll("form[data-sign]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const buttons = form.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    signForm(form).catch((error) => {
      tell(form, error);
      for (const button of buttons) button.disabled = false;
    });
  });
}
