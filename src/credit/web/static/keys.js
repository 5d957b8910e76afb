// Making a signing key in the browser and announcing its public half with proof of possession.

import { fromBase64, keepKey, keyOf, makeKey, sign, toBase64 } from "./signing.js";

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
  form.elements.kid.value = kid;
  form.elements.signatures.value = await sign(privateKey, form.dataset.type, fromBase64(payload));
  await keepKey(form.dataset.person, { kid, privateKey });
  form.submit();
}

for (const form of document.querySelectorAll("form[data-make-key]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    form.querySelector("button").disabled = true;
    announce(form).catch((error) => {
      form.querySelector("[data-key-failed]").hidden = false;
      console.error(error);
    });
  });
  keyOf(form.dataset.person).then((key) => {
    for (const cell of document.querySelectorAll("[data-key-here]")) {
      cell.textContent = key?.kid === cell.dataset.keyHere ? "✓" : "—";
    }
  });
}
