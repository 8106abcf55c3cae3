// What every part of the page needs: elements, and what is sent to the sandbox's server.

import { words } from "./words.js";

export const at = (id) => document.getElementById(id);

/** Make an element; text never becomes markup. */
export function make(tag, options = {}, ...inside) {
  const { data, ...properties } = options;
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, data ?? {});
  made.append(...inside.filter((one) => one !== null));
  return made;
}

/** Replace what stands in an element, and keep the focus where it was by `data-focus`. */
export function replace(element, ...inside) {
  const focused = document.activeElement?.dataset?.focus;
  element.replaceChildren(...inside);
  if (focused) document.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

/** Send it and return what came of it; an error says why not, in the page's language where the page has words for it. */
export async function post(path, body, type = "application/json") {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": type }, body });
  const came = await answer.json().catch(() => ({}));
  const problem = came.problem ?? String(answer.status);
  if (!answer.ok) throw new Error(words.problems[problem] ?? problem);
  return came;
}

const NUMBER = /(TS-\d{6}-\d{6}-\w|\d{3}-\d{8})/;

/** A paragraph of somebody's words; no line ends within the number of a complaint or of a telephone. */
export function body(text) {
  const parts = text.trim().split(NUMBER).filter(Boolean);
  return make("p", { className: "body" }, ...parts.map((one) => (NUMBER.test(one) ? make("span", { className: "number", textContent: one }) : one)));
}
