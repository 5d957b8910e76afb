// Keys for people who work here all day: single keys act on the page's list and lead around. They do
// nothing while somebody types, and can be switched off (WCAG 2.1.4). Without this script everything
// is reached by links and buttons.

const KEPT = "credit.shortcuts";
const LEAD_MS = 1500;
const dialog = document.querySelector("#shortcuts");
const table = document.querySelector("main table[data-rows]");
const rows = [...(table?.tBodies[0]?.rows ?? [])];
const boxes = rows.flatMap((row) => [...row.querySelectorAll("input[type=checkbox]")]);
const all = table?.querySelector("[data-all]");
const chosen = document.querySelector("[data-chosen]");
let leading = -Infinity; // since when a letter is awaited after g

function isOn() {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    return true; // a browser that keeps nothing keeps no switch either
  }
}

function keep(on) {
  try {
    localStorage.setItem(KEPT, on ? "on" : "off");
  } catch {}
}

const isTyping = (element) =>
  element.isContentEditable ||
  element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=submit])");

/** The one row that Tab reaches; the others are reached from it. */
function rove(row) {
  for (const one of rows) one.tabIndex = one === row ? 0 : -1;
}

const focused = () => rows.find((row) => row.contains(document.activeElement));

function step(by) {
  const here = rows.indexOf(focused());
  const next = here < 0 ? rows.find((row) => row.tabIndex === 0) : rows[here + by];
  if (!next) return;
  rove(next);
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function count() {
  const ticked = boxes.filter((box) => box.checked).length;
  if (chosen) chosen.textContent = ticked ? chosen.dataset.words.replace("{}", ticked) : "";
  if (!all) return;
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
}

function tickAll(on) {
  for (const box of boxes) box.checked = on;
  count();
}

function search() {
  const field = document.querySelector("main input[type=search]") ?? document.querySelector("#search");
  field?.focus();
  field?.select();
}

function explain() {
  dialog.showModal();
  dialog.querySelector("form button").focus(); // not on the switch, which comes first
}

const follow = (selector) => document.querySelector(selector)?.click();

const acts = {
  "/": search,
  "?": explain,
  a: () => tickAll(boxes.some((box) => !box.checked)),
  g: () => (leading = performance.now()),
  j: () => step(1),
  k: () => step(-1),
  n: () => follow("[data-new]"),
  x: () => focused()?.querySelector("input[type=checkbox]")?.click(),
};
// Only while a row itself has the focus: its links and boxes keep what these keys do elsewhere.
const rowActs = {
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Enter: () => focused()?.querySelector("a[href]")?.click(),
};

function actOf(event) {
  if (rows.includes(document.activeElement) && event.key in rowActs) return rowActs[event.key];
  const key = event.key.toLowerCase();
  const led = performance.now() - leading < LEAD_MS;
  leading = -Infinity;
  if (led && /^[a-z]$/.test(key)) return () => follow(`.menu [data-key="${key}"]`);
  return Object.hasOwn(acts, key) ? acts[key] : undefined;
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || dialog?.open) return;
  if (event.shiftKey && event.key !== "?" && event.key !== "/") return;
  if (event.defaultPrevented || !isOn() || isTyping(event.target)) return;
  const act = actOf(event);
  if (!act) return;
  event.preventDefault();
  act();
});

document.documentElement.classList.add("script");
rove(rows[0]);
for (const row of rows) row.addEventListener("focusin", () => rove(row));
for (const box of boxes) box.addEventListener("change", count);
all?.addEventListener("change", () => tickAll(all.checked));
addEventListener("pageshow", count); // a browser that goes back restores what was ticked
if (dialog) {
  const on = dialog.querySelector("[data-shortcuts-on]");
  on.checked = isOn();
  on.addEventListener("change", () => keep(on.checked));
  for (const button of document.querySelectorAll("[data-shortcuts]")) {
    button.addEventListener("click", explain);
  }
}
