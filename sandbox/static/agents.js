// The WeCom of the bank's people: the cards that lie there, and their buttons.

import { at, body, make, post, replace } from "./page.js";
import { clock, words } from "./words.js";

let members = [];
const seen = new Set(); // the cards this page knows
let member = ""; // whose WeCom is shown

/** Show everybody's cards; turn to who is newly asked to press something. */
export function showMembers(told) {
  members = told;
  const asked = members.find((one) => one.cards.some((card) => card.buttons.length && !seen.has(card.id)));
  const first = members.find((one) => one.cards.some((card) => card.replaced)) ?? members[0];
  choose(asked?.userid ?? (member || first?.userid));
  for (const card of members.flatMap((one) => one.cards)) seen.add(card.id);
  show();
}

/** Turn to somebody's WeCom, by staff number; stay where nobody has it. */
export function turnTo(staff) {
  const found = members.find((one) => one.staff === staff);
  if (!found) return;
  choose(found.userid);
  show();
}

/** Choose whose WeCom is shown; what came of a press is said only where it was pressed. */
function choose(userid) {
  if (userid !== member) at("press-status").textContent = "";
  member = userid;
}

function show() {
  const options = members.map((one) => {
    const count = one.cards.length ? ` (${one.cards.length})` : "";
    return make("option", { value: one.userid, textContent: `${one.name} ${one.staff}${count}`, selected: one.userid === member });
  });
  at("member").replaceChildren(...options);
  const cards = members.find((one) => one.userid === member)?.cards ?? [];
  replace(at("cards"), ...(cards.length ? cards.map(card) : [make("p", { className: "quiet", textContent: words.no_cards })]));
}

function card(one) {
  return make(
    "div", { className: "card", data: { card: one.id } },
    make("p", { className: "quiet", textContent: clock.format(new Date(one.at)) }),
    one.title ? make("h3", { textContent: one.title }) : null,
    one.text ? body(one.text) : null,
    make("div", { className: "choices" }, ...one.buttons.map((button) => choice(one, button)), ...replaced(one), ...opening(one)),
  );
}

function choice(one, button) {
  const made = make("button", { type: "button", textContent: button.text, data: { focus: `${button.key} ${one.id}` } });
  made.setAttribute("aria-label", `${button.text} ${one.number}`);
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      const { came } = await post("/press", JSON.stringify({ userid: member, task: one.task, key: button.key }));
      at("press-status").textContent = `${one.number} ${button.text}${words.colon}${came || words.pressed}`;
      document.querySelector(`[data-focus="open ${one.id}"]`)?.focus(); // the button it was on goes
    } catch (error) {
      at("press-status").textContent = words.not_pressed + error.message;
      made.disabled = false;
    }
  });
  return made;
}

function replaced(one) {
  return one.replaced ? [make("p", { className: "replaced", textContent: one.replaced })] : [];
}

/** Open the case: at a bank a page of its own, here its place on the bank's side. */
function opening({ id, number, opens }) {
  if (!opens || !number) return [];
  const made = make("a", { href: `#case-${number}`, textContent: words.open, data: { focus: `open ${id}` } });
  made.setAttribute("aria-label", `${words.open} ${number}`);
  return [made];
}

at("member").addEventListener("change", () => {
  choose(at("member").value);
  show();
});
