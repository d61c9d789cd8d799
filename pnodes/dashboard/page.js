// What the open page does: counts down, exchanges parts that changed, shows logs, tells what a bar or a cell means.
// Everything that comes from elsewhere goes in as text, or as HTML that the server made and escaped.
"use strict";
const $ = (id) => document.getElementById(id);
const live = document.body.hasAttribute("data-live");

// Counting down. Words as the server has them.
function words(seconds) {
  const s = Math.max(0, Math.round(seconds)), two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s}\u00a0s`;
  if (s < 3600) return `${Math.floor(s / 60)}\u00a0min` + (s % 60 ? ` ${s % 60}\u00a0s` : "");
  const minutes = Math.floor(s / 60);
  if (s < 172800) return `${Math.floor(minutes / 60)}\u00a0h` + (minutes % 60 ? ` ${two(minutes % 60)}\u00a0min` : "");
  return `${Math.floor(s / 86400)}\u00a0days`;
}
function tick() {
  const now = Date.now();
  for (const each of document.querySelectorAll("time[data-until]")) {
    each.textContent = words((Date.parse(each.dataset.until) - now) / 1000);
  }
  for (const each of document.querySelectorAll("circle[data-until]")) {
    const from = Date.parse(each.dataset.from), until = Date.parse(each.dataset.until);
    const left = Math.min(1, Math.max(0, (until - now) / (until - from)));
    each.setAttribute("stroke-dasharray", `${(left * 100).toFixed(1)} 100`);
  }
}

// Exchanging parts: what is the same stays as it is, with its focus, its selection and whether it is open.
function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.id !== fresh.id) return old.replaceWith(fresh);
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open" && name !== "data-version") old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const coming = [...fresh.childNodes];
  const named = new Map([...old.children].map((each) => [key(each), each]).filter(([id]) => id));
  let at = old.firstChild;
  for (const child of coming) {
    const known = named.get(key(child));
    if (known && known !== at) old.insertBefore(known, at);
    else if (!at || (key(child) && !known)) { old.insertBefore(child, at); continue; }
    const here = known || at;
    at = here.nextSibling;
    morph(here, child);
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
}
// An entry of the timeline is known by its details: a new one above it must not look like all of them changed.
function key(node) {
  return node.id || (node.matches?.("li.entry") ? node.querySelector("details")?.id : "");
}
function take(parts) {
  const main = $("nodes");
  for (const part of parts) {
    let section = $(part.id);
    if (!section) {
      section = document.createElement("section");
      section.id = part.id;
      section.className = "part card";
      main.append(section);
    }
    if (part.html === undefined) continue;
    const fresh = document.createElement("section");
    fresh.id = section.id;
    fresh.className = section.className;
    fresh.append(...new DOMParser().parseFromString(part.html, "text/html").body.childNodes);
    morph(section, document.adoptNode(fresh));
    section.dataset.version = part.version;
  }
  const kept = new Set(parts.map((part) => part.id));
  for (const section of [...main.children]) if (!kept.has(section.id)) section.remove();
}
async function look() {
  if (document.hidden) return;
  const fresh = $("fresh"), have = [...$("nodes").children].map((each) => each.dataset.version || "").join(",");
  try {
    const answer = await fetch(`parts?have=${have}`);
    if (!answer.ok) throw new Error(await answer.text());
    const told = await answer.json();
    take(told.parts);
    tick();
    fresh.textContent = `live, as of ${told.as_of}`;
    fresh.classList.remove("lost");
  } catch (error) {
    fresh.textContent = "no answer: is pnodes dashboard still running? What is shown is as of then.";
    fresh.classList.add("lost");
  }
}
async function looking() {
  for (;;) {
    await look();
    await new Promise((done) => setTimeout(done, 3000));
  }
}

// Logs.
const most = 10000;
let reading = null;
async function read(address, title) {
  reading?.abort();
  const mine = reading = new AbortController();
  const lines = $("log-lines"), said = $("log-said");
  const tell = (text, level) => { said.textContent = text; said.className = level || ""; };
  lines.replaceChildren();
  $("log-title").textContent = title;
  tell("asking its cloud");
  if (!$("log").open) $("log").showModal();
  const line = (told) => {
    const below = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    const item = document.createElement("li"), time = document.createElement("time"), text = document.createElement("span");
    time.textContent = told.at;
    text.textContent = told.text;
    item.append(time, text);
    lines.append(item);
    while (lines.childElementCount > most) lines.firstChild.remove();
    if (below) lines.scrollTop = lines.scrollHeight;
  };
  try {
    const answer = await fetch(address, { signal: mine.signal });
    if (!answer.ok) return tell(await answer.text(), "bad");
    const stream = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await stream.read();
      if (done) break;
      const whole = (rest + value).split("\n");
      rest = whole.pop();
      for (const told of whole.filter(Boolean).map((each) => JSON.parse(each))) {
        if ("text" in told) line(told);
        else tell(told.said, told.level);
      }
    }
  } catch (error) {
    if (error.name !== "AbortError") tell("The connection to pnodes dashboard ended.", "bad");
  }
}
function logs() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-log]");
    if (button) read(button.dataset.log, button.dataset.title);
  });
  const dialog = $("log");
  dialog.addEventListener("close", () => reading?.abort());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  $("log-close").addEventListener("click", () => dialog.close());
  $("log-copy").addEventListener("click", async () => {
    const text = [...$("log-lines").children].map((each) => each.lastChild.textContent).join("\n");
    await navigator.clipboard.writeText(text);
    $("log-copy").textContent = "Copied";
    setTimeout(() => { $("log-copy").textContent = "Copy"; }, 1500);
  });
}
// In a report a link to a log opens it.
function unfold() {
  const target = location.hash && $(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
}

// Tips, by mouse and by arrow keys.
function tips() {
  const tip = $("tip");
  const hide = () => { tip.hidden = true; for (const each of document.querySelectorAll("rect.at")) each.classList.remove("at"); };
  const show = (mark) => {
    hide();
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const box = mark.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - own.width / 2), innerWidth - own.width - 8);
    tip.style.left = `${left}px`;
    tip.style.top = `${box.top - own.height - 8 < 0 ? box.bottom + 8 : box.top - own.height - 8}px`;
  };
  document.addEventListener("mouseover", (event) => {
    const mark = event.target.closest("[data-tip]");
    if (mark) show(mark); else hide();
  });
  document.addEventListener("scroll", hide, true);
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const plot = event.target.closest?.("svg.bars");
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!plot || !way) return;
    event.preventDefault();
    const marks = [...plot.querySelectorAll("rect[data-tip]")], at = marks.findIndex((each) => each.classList.contains("at"));
    const next = marks[at < 0 ? (way < 0 ? marks.length - 1 : 0) : Math.min(Math.max(at + way, 0), marks.length - 1)];
    show(next);
    next.classList.add("at");
  });
}

tips();
if (live) {
  logs();
  tick();
  setInterval(tick, 1000);
  looking();
} else {
  addEventListener("hashchange", unfold);
  unfold();
}
