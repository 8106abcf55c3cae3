// The customer's phone: what is written goes to the sandbox's server, what comes arrives by server-sent events.

import { showMembers, turnTo } from "./agents.js";
import { at, body, make, post, replace } from "./page.js";
import { clock, language, words } from "./words.js";

const feed = at("feed");
const entries = new Map(); // id -> entry, in the order they came
const open = new Set(); // the numbers whose stored words are shown
const calendar = new Intl.DateTimeFormat(language, { timeZone: "Asia/Shanghai", month: "short", day: "numeric" });
const ASKS_FOR_NUMBER = /手机号|手機號|mobile number|phone number/i;
let cast = [];
let customer = null;
let way = "";
let answered = null; // the mail that is being answered
let cases = []; // newest first

// -- whose phone, and how they reach the bank

function choices(name, options, chosen, choose) {
  return options.map(({ value, label, hint }) => {
    const input = make("input", { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => choose(value));
    return make("label", {}, input, make("span", {}, label, hint ? make("small", { textContent: hint }) : null));
  });
}

function nameOf(one) {
  return language === "en" ? one.english : one.name;
}

function showCast() {
  const options = cast.map((one) => ({
    value: one.id, label: nameOf(one), hint: one.ways.map((each) => words.ways[each]).join(" · "),
  }));
  at("cast").replaceChildren(...choices("customer", options, customer.id, play));
}

function play(id) {
  customer = cast.find((one) => one.id === id);
  at("owner").textContent = nameOf(customer);
  at("reach").textContent = customer.reach || customer.ways.map((each) => words.ways[each]).join(" · ");
  at("which").hidden = customer.ways.length < 2;
  const options = customer.ways.map((value) => ({ value, label: words.ways[value] }));
  at("ways").replaceChildren(...choices("way", options, customer.ways[0], take));
  take(customer.ways[0]);
  feed.replaceChildren();
  [...entries.values()].forEach(show);
  nothingYet();
  showCases(cases);
  turnTo(cases.find((one) => isTheirs(one) && one.handler)?.handler);
}

function take(chosen) {
  way = chosen;
  answering(null);
  at("text-label").textContent = words.text[way];
  at("send").textContent = words.send[way];
  at("text").value = hasSpoken(way) ? "" : sample(way);
  at("subject").value = words.a_subject;
  at("format-line").hidden = way !== "call";
  at("drop").hidden = way !== "call";
  at("picture-line").hidden = way !== "wecom";
  showLimit();
  showQuick();
  if (way === "wecom") sending(() => post("/wecom/enter", JSON.stringify({ customer: customer.id })), true);
}

function sample(by) {
  return (language === "en" && customer.in_english[by]) || customer.samples[by];
}

/** Say whether the customer has said something in their own words: a line of a menu is none. */
function hasSpoken(by) {
  const there = [...entries.values()].filter((one) => one.customer === customer.id && one.way === by);
  const lines = there.flatMap((one) => one.choices.map(([, text]) => text));
  return there.some((one) => one.mine && one.text && !lines.includes(one.text));
}

/** Say how much more can be written, as soon as that is not much: a browser cuts off what is more without a word. */
function showLimit() {
  const { value, maxLength } = at("text");
  at("limit").hidden = value.length < maxLength * 0.9;
  at("limit").textContent = `${value.length} / ${maxLength}${value.length < maxLength ? "" : ` · ${words.full}`}`;
}

/** Offer the answers to an outcome while one of the customer's cases waits for them. */
function showQuick() {
  const told = cases.some((one) => isTheirs(one) && isTold(one));
  const answers = told ? [words.accept, words.object] : [];
  if (isAskedForNumber()) answers.push(ownNumber());
  at("quick").hidden = answers.length === 0 || way === "call";
  replace(at("quick"), ...answers.map(quick));
}

function quick(word) {
  const chip = make("button", { type: "button", textContent: word, data: { focus: `quick ${word}` } });
  chip.addEventListener("click", () => {
    if (way === "mail") answering(lastMail());
    at("text").value = word;
    at("send").focus();
  });
  return chip;
}

/** Say whether the bank has asked in the chat for a number, and the customer has not given theirs. */
function isAskedForNumber() {
  const chat = [...entries.values()].filter((one) => one.customer === customer.id && one.way === "wecom");
  const asked = chat.some((one) => !one.mine && ASKS_FOR_NUMBER.test(one.text));
  return way === "wecom" && customer.number !== "" && asked && !chat.some((one) => one.mine && one.text.includes(ownNumber()));
}

/** The customer's telephone number as they would write it. */
function ownNumber() {
  return customer.number.replace(/^\+86/, "");
}

/** Say whether the customer knows the outcome, and it is theirs to accept. */
function isTold(one) {
  return one.state === "replied" && one.knows;
}

function lastMail() {
  return [...entries.values()].filter((one) => one.customer === customer.id && !one.mine && one.way === "mail").at(-1) ?? null;
}

function answering(mail) {
  answered = mail;
  at("reply").hidden = mail === null;
  at("subject-line").hidden = way !== "mail" || mail !== null;
  if (mail) {
    at("reply").firstElementChild.textContent = words.replying + mail.subject;
    at("text").value = "";
    at("text").focus();
  }
}

// -- what stands on the phone

function show(entry) {
  if (entry.customer !== customer.id) return;
  const made = drawn(entry);
  const there = document.querySelector(`[data-entry="${CSS.escape(entry.id)}"]`);
  if (there) there.replaceWith(made);
  else feed.append(made);
  feed.scrollTop = made.offsetTop - 12; // its beginning, of a long mail as well
}

function drawn(entry) {
  const who = entry.mine ? words.mine : words.theirs;
  const item = make("div", { className: `${entry.way} ${entry.mine ? "mine" : "theirs"}`, data: { entry: entry.id } });
  const state = words.journeys[entry.state] ?? entry.state;
  const by = entry.way === "mail" || entry.way === "call" ? "" : words.ways[entry.way];
  const foot = make("p", { className: "foot", textContent: [by, clock.format(new Date(entry.at)), state].filter(Boolean).join(" · ") });
  item.append(make("span", { className: "hidden", textContent: `${who}: ` }));
  if (entry.way === "mail") item.append(...mail(entry));
  else if (entry.way === "call") item.append(make("p", { className: "head", textContent: `☎ ${entry.mine ? (entry.subject === "file" ? words.file : words.call) : (entry.subject === "rang" ? words.rang : words.called)}` }), body(entry.text));
  else if (entry.way === "wechat" && !entry.mine) item.append(...notice(entry));
  else item.append(...bubble(entry));
  item.append(foot);
  return item;
}

/** A bubble of a chat: words, a picture, or a menu whose lines can be tapped. */
function bubble(entry) {
  const picture = entry.picture ? make("img", { src: `/picture/${encodeURIComponent(entry.id)}`, alt: words.picture }) : null;
  const said = entry.text || (picture ? "" : `[${words.something}]`);
  return [picture, said ? body(said) : null, menu(entry), entry.below ? body(entry.below) : null].filter(Boolean);
}

function menu(entry) {
  if (entry.choices.length === 0) return null;
  const lines = entry.choices.map(([choice, text]) => {
    const line = make("button", { type: "button", textContent: text });
    line.addEventListener("click", () => sending(() => post("/wecom/choose", JSON.stringify({ customer: customer.id, entry: entry.id, choice })), true));
    return make("li", {}, line);
  });
  return make("ul", { className: "menu" }, ...lines);
}

/** A notice of the 公众号: a card with a title and lines "name: value". */
function notice(entry) {
  const lines = entry.text.split("\n").filter(Boolean).map((line) => line.match(/^([^:：]{1,12})[:：]\s*(.*)$/)?.slice(1) ?? ["", line]);
  return [
    make("p", { className: "from", textContent: words.account }),
    make("h3", { textContent: entry.subject }),
    make("dl", {}, ...lines.flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })])),
  ];
}

function mail(entry) {
  const parts = [entry.sender ? make("p", { className: "from", textContent: entry.sender }) : null, make("h3", { textContent: entry.subject }), body(entry.text)];
  if (entry.html) {
    const more = make("details", {}, make("summary", { textContent: words.html }));
    more.addEventListener("toggle", () => {
      if (!more.open || more.querySelector("iframe")) return;
      const frame = make("iframe", { title: `${words.mail_frame}: ${entry.subject}`, src: `/mail/${encodeURIComponent(entry.id)}` });
      frame.setAttribute("sandbox", "");
      more.append(frame);
    });
    parts.push(more);
  }
  if (!entry.mine) {
    const answer = make("button", { type: "button", className: "plain", textContent: words.answer });
    answer.setAttribute("aria-label", `${words.answer}: ${entry.subject}`);
    answer.addEventListener("click", () => answering(entry));
    parts.push(answer);
  }
  return parts.filter(Boolean);
}

function nothingYet() {
  if (feed.children.length === 0) feed.append(make("div", { className: "empty", textContent: words.empty }));
  else if (feed.children.length > 1) feed.querySelector(".empty")?.remove();
}

// -- what the bank's side did

/** Show the cases, those of whose phone it is before the others. */
function showCases(told) {
  cases = told;
  const shown = cases.filter(isTheirs).concat(cases.filter((one) => !isTheirs(one)));
  replace(at("cases"), ...(cases.length ? shown.map(oneCase) : [make("p", { className: "quiet", textContent: words.no_cases })]));
  showQuick();
}

/** Say whether a case is of whose phone it is. */
function isTheirs(one) {
  return one.customer === customer.id;
}

function oneCase(one) {
  const line = (name, value) => [make("dt", { textContent: name }), make("dd", { textContent: value })];
  const day = (moment) => (moment ? calendar.format(new Date(moment)) : "—");
  const doubtful = one.said.some((each) => each.doubtful);
  return make(
    "article", { id: `case-${one.number}`, tabIndex: -1, className: isTheirs(one) ? "theirs" : "", data: { case: one.number } },
    make("h3", {}, make("span", { className: "number", textContent: one.number }), make("span", { className: "state", textContent: words.states[one.state] ?? one.state }),
      doubtful ? make("span", { className: "doubtful", textContent: words.doubtful }) : null),
    make("dl", {},
      ...line(words.came, `${nameOf(cast.find((each) => each.id === one.customer))} · ${words.channels[one.channel] ?? one.channel}`),
      ...line(words.contacts, one.contacts.map(contact).join(words.semicolon) || "—"),
      ...line(words.promised, day(one.promised_at)),
      ...line(words.legal, day(one.legal_at)),
      ...(one.unit ? line(words.handler, `${words.units[one.unit] ?? one.unit} ${one.handler}`) : []),
      make("dt", { textContent: words.told }),
      make("dd", {}, make("ul", {}, ...one.told.map(told))),
    ),
    stored(one),
    next(one),
  );
}

function contact(one) {
  const name = [words.contact_types[one.type] ?? one.type, one.shown].filter(Boolean).join(" ");
  return one.verified ? name : name + words.unverified;
}

function told(notice) {
  const ways = notice.ways.map((each) => `${words.by[each.call ? "telephone" : each.type] ?? each.type}${each.in_full ? words.in_full : ""} ${journey(each, notice)}`);
  const how = ways.length ? [...new Set(ways)].join(words.semicolon) : words.journeys[notice.state] ?? notice.state;
  return make("li", { textContent: `${clock.format(new Date(notice.at))} ${words.kinds[notice.kind] ?? notice.kind}${words.colon}${how}` });
}

function journey(each, notice) {
  if (each.call) return each.state === "sent" ? words.rung : words.journeys[notice.state];
  return words.journeys[each.state] ?? each.state;
}

function stored(one) {
  const more = make("details", { open: open.has(one.number) }, make("summary", { textContent: words.stored, data: { focus: `stored ${one.number}` } }));
  more.addEventListener("toggle", () => (more.open ? open.add(one.number) : open.delete(one.number)));
  for (const said of one.said) {
    const marks = [words.outcomes[said.outcome], said.removed ? `${said.removed} ${words.removed}` : "", said.attachments ? `${said.attachments} ${words.attachments}` : ""].filter(Boolean).join(" · ");
    more.append(make("blockquote", {}, ...(said.turns.length ? said.turns.map(turn) : said.text ? [make("p", { textContent: said.text })] : []),
      marks ? make("p", { className: "quiet", textContent: marks }) : null));
  }
  return more;
}

function turn(one) {
  const sure = one.confidence === null || one.confidence === undefined || one.confidence >= 0.5;
  return make("p", { className: sure ? "" : "unsure" }, make("b", { textContent: (words.speakers[one.role] ?? one.role) + words.colon }), one.text,
    sure ? null : make("span", { className: "doubtful", textContent: `${words.doubtful} ${Math.round(one.confidence * 100)}%` }));
}

function next(one) {
  if (one.steps.length === 0) return make("p", { className: "quiet", textContent: words.nothing });
  const buttons = one.steps.map((step) => {
    const button = make("button", { type: "button", textContent: words.steps[step], data: { focus: `${step} ${one.number}`, step } });
    button.setAttribute("aria-label", `${words.steps[step]} ${one.number}`);
    button.addEventListener("click", () => work(button, one.number, step));
    return button;
  });
  const waits = isTold(one) ? make("p", { className: "quiet", textContent: words.waits }) : null;
  return make("div", { className: "steps" }, ...buttons, waits);
}

async function work(button, number, step) {
  const status = at("desk-status");
  button.disabled = true;
  status.textContent = words.doing;
  try {
    await post("/desk", JSON.stringify({ number, step }));
    status.textContent = `${number} ${words.steps[step]}${words.colon}${words.done}`;
  } catch (error) {
    status.textContent = words.refused + error.message;
    button.disabled = false;
  }
}

// -- sending

at("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = at("text").value;
  const common = { customer: customer.id, text };
  const bodies = {
    sms: common,
    wecom: common,
    wechat: common,
    mail: { ...common, subject: at("subject").value, reply_to: answered?.id ?? "" },
    call: { ...common, format: at("format").value },
  };
  await sending(() => post(`/${way}`, JSON.stringify(bodies[way])));
});

/** Do it and say how it went; `beside` what stands in the field, which stays there. */
async function sending(work, beside = false) {
  const status = at("status");
  at("send").disabled = true;
  try {
    await work();
    status.textContent = beside ? "" : words.sent;
    if (!beside) at("text").value = "";
    showLimit();
    if (!beside) answering(null);
  } catch (error) {
    status.textContent = words.failed + error.message;
  }
  at("send").disabled = false;
}

/** Send a picture, as far as a browser can show it. */
async function picture(query, file) {
  const seen = await createImageBitmap(file).catch(() => null);
  if (!seen) throw new Error(words.problems.no_picture);
  await post(`/wecom/picture?${query}`, file, file.type);
}

function push(file) {
  const query = new URLSearchParams({ customer: customer.id, name: file.name });
  return sending(() => post(`/transcript?${query}`, file, "application/octet-stream"));
}

at("file").addEventListener("change", async () => {
  for (const file of at("file").files) await push(file);
  at("file").value = "";
});
at("picture").addEventListener("change", async () => {
  const query = new URLSearchParams({ customer: customer.id });
  for (const file of at("picture").files) await sending(() => picture(query, file), true);
  at("picture").value = "";
});
at("text").addEventListener("input", showLimit);
at("no-reply").addEventListener("click", () => answering(null));
const drop = at("drop");
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop") for (const file of event.dataTransfer.files) push(file);
  });
}

// -- the page

function speak() {
  document.documentElement.lang = language;
  document.title = words.title;
  for (const one of document.querySelectorAll("[data-say]")) one.textContent = words[one.dataset.say];
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", words[one.dataset.label]);
  for (const one of document.querySelectorAll("nav a")) {
    if (one.lang === language) one.setAttribute("aria-current", "true");
  }
}

speak();
const known = await (await fetch("/cast")).json();
cast = known.customers;
at("form-link").href = `${known.form}?lang=${language}`;
at("format").replaceChildren(...known.formats.map((one) => make("option", { value: one, textContent: one })));
customer = cast[0];
showCast();
play(customer.id);
const source = new EventSource("/events");
source.addEventListener("entry", (event) => {
  const entry = JSON.parse(event.data);
  entries.set(entry.id, entry);
  show(entry);
  nothingYet();
  showQuick();
  if (at("text").value === sample(way) && hasSpoken(way)) at("text").value = ""; // it was said already
  showLimit();
});
source.addEventListener("cases", (event) => showCases(JSON.parse(event.data)));
source.addEventListener("members", (event) => showMembers(JSON.parse(event.data)));
