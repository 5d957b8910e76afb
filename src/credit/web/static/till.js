// The till's form: an offer with a price brings it along; one press sends one form.

const form = document.querySelector("[data-charge]");
if (form) {
  const offer = form.elements.namedItem("offer");
  const amount = form.elements.namedItem("amount");
  const bring = () => {
    const points = offer?.selectedOptions[0]?.dataset.points;
    amount.readOnly = points !== undefined;
    amount.required = true;
    if (points !== undefined) amount.value = points;
  };
  let brought = false;
  offer?.addEventListener("change", () => {
    if (amount.readOnly) amount.value = "";
    bring();
    (amount.readOnly ? form.querySelector("button") : amount).focus();
  });
  bring();
  form.addEventListener("submit", (event) => {
    if (brought) event.preventDefault();
    brought = true;
  });
  // Back from the next page the form may be used again.
  window.addEventListener("pageshow", () => { brought = false; });
}
