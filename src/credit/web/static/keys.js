// Making a signing key in the browser and announcing its public half with proof of possession.

import { approvalOf, tell } from "./approval.js";
import { digestOf, fromBase64, keepKey, keyOf, makeKey, sign, toBase64 } from "./signing.js";

async function announce(form) {
  const { privateKey, publicKey } = await makeKey();
  form.elements.public_key.value = toBase64(publicKey);
  const answer = await fetch(`${form.getAttribute("action")}/payload`, {
    method: "POST",
    body: new URLSearchParams({
      id: form.elements.id.value,
      public_key: form.elements.public_key.value,
    }),
  });
  if (!answer.ok) throw new Error(`payload: ${answer.status}`);
  const { kid, payload } = await answer.json();
  const { type, approval } = form.dataset;
  const digest = await digestOf(type, [fromBase64(payload)]);
  form.elements.kid.value = kid;
  form.elements.digest.value = digest;
  form.elements.signatures.value = await sign(privateKey, type, fromBase64(payload));
  form.elements.approval.value = await approvalOf(approval, digest);
  // Kept last: an announcement that is given up leaves the key of before in its place.
  await keepKey(form.dataset.person, { kid, privateKey });
  form.submit();
}

for (const form of document.querySelectorAll("form[data-make-key]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    announce(form).catch((error) => {
      tell(form, error);
      button.disabled = false;
    });
  });
  keyOf(form.dataset.person).then((key) => {
    for (const cell of document.querySelectorAll("[data-key-here]")) {
      cell.textContent = key?.kid === cell.dataset.keyHere ? "✓" : "—";
    }
  });
}
