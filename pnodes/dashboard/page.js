// The page's script: counts down, replaces parts that changed, shows logs and explains bars and cells.
// Foreign text is inserted as text only, or as HTML that the server has rendered and escaped.
"use strict";
const $ = (id) => document.getElementById(id);
const live = document.body.hasAttribute("data-live");

// Countdowns, in the format of pnodes/wording.py.
function duration(seconds) {
  const s = Math.max(0, Math.round(seconds)), two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s}\u00a0s`;
  if (s < 3600) return `${Math.floor(s / 60)}\u00a0min` + (s % 60 ? ` ${s % 60}\u00a0s` : "");
  const minutes = Math.floor(s / 60);
  if (s < 172800) return `${Math.floor(minutes / 60)}\u00a0h` + (minutes % 60 ? ` ${two(minutes % 60)}\u00a0min` : "");
  return `${Math.floor(s / 86400)}\u00a0days`;
}
function tick() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-until]")) {
    time.textContent = duration((Date.parse(time.dataset.until) - now) / 1000);
  }
  for (const dial of document.querySelectorAll("circle[data-until]")) {
    const from = Date.parse(dial.dataset.from), until = Date.parse(dial.dataset.until);
    const remaining = Math.min(1, Math.max(0, (until - now) / (until - from)));
    dial.setAttribute("stroke-dasharray", `${(remaining * 100).toFixed(1)} 100`);
  }
}

// Replacing parts: unchanged elements stay in place and keep their focus, selection and open state.
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
  const named = new Map([...old.children].map((child) => [key(child), child]).filter(([id]) => id));
  let at = old.firstChild;
  for (const child of coming) {
    const existing = named.get(key(child));
    if (existing && existing !== at) old.insertBefore(existing, at);
    else if (!at || (key(child) && !existing)) { old.insertBefore(child, at); continue; }
    const target = existing || at;
    at = target.nextSibling;
    morph(target, child);
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
}
// The id of an entry's <details> identifies it, so that a new entry at the top does not change all entries below it.
function key(node) {
  return node.id || (node.matches?.("li.entry") ? node.querySelector("details")?.id : "");
}
function replaceParts(parts) {
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
async function refresh() {
  if (document.hidden) return;
  const fresh = $("fresh"), have = [...$("nodes").children].map((part) => part.dataset.version || "").join(",");
  try {
    const answer = await fetch(`parts?have=${have}`);
    if (!answer.ok) throw new Error(await answer.text());
    const update = await answer.json();
    replaceParts(update.parts);
    tick();
    fresh.textContent = `live, as of ${update.as_of}`;
    fresh.classList.remove("lost");
  } catch (error) {
    fresh.textContent = "no answer: is pnodes dashboard still running? The page shows its last answer.";
    fresh.classList.add("lost");
  }
}
async function keepRefreshing() {
  for (;;) {
    await refresh();
    await new Promise((done) => setTimeout(done, 3000));
  }
}

// Logs.
const maxLines = 10000;
let reading = null;
async function read(address, title) {
  reading?.abort();
  const controller = reading = new AbortController();
  const lines = $("log-lines"), status = $("log-status");
  const show = (text, level) => { status.textContent = text; status.className = level || ""; };
  lines.replaceChildren();
  $("log-title").textContent = title;
  show("asking the cloud");
  if (!$("log").open) $("log").showModal();
  const append = (line) => {
    const below = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    const item = document.createElement("li"), time = document.createElement("time"), text = document.createElement("span");
    time.textContent = line.at;
    text.textContent = line.text;
    item.append(time, text);
    lines.append(item);
    while (lines.childElementCount > maxLines) lines.firstChild.remove();
    if (below) lines.scrollTop = lines.scrollHeight;
  };
  try {
    const answer = await fetch(address, { signal: controller.signal });
    if (!answer.ok) return show(await answer.text(), "bad");
    const stream = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await stream.read();
      if (done) break;
      const whole = (rest + value).split("\n");
      rest = whole.pop();
      for (const message of whole.filter(Boolean).map((text) => JSON.parse(text))) {
        if ("text" in message) append(message);
        else show(message.status, message.level);
      }
    }
  } catch (error) {
    if (error.name !== "AbortError") show("The connection to pnodes dashboard was lost.", "bad");
  }
}
function handleLogs() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-log]");
    if (button) read(button.dataset.log, button.dataset.title);
  });
  const dialog = $("log");
  dialog.addEventListener("close", () => reading?.abort());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  $("log-close").addEventListener("click", () => dialog.close());
  $("log-copy").addEventListener("click", async () => {
    const text = [...$("log-lines").children].map((line) => line.lastChild.textContent).join("\n");
    await navigator.clipboard.writeText(text);
    $("log-copy").textContent = "Copied";
    setTimeout(() => { $("log-copy").textContent = "Copy"; }, 1500);
  });
}
// In a report, a link to a log opens it.
function unfold() {
  const target = location.hash && $(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
}

// Tooltips, by mouse and by arrow keys.
function handleTips() {
  const tip = $("tip");
  const hide = () => { tip.hidden = true; for (const bar of document.querySelectorAll("rect.at")) bar.classList.remove("at"); };
  const show = (mark) => {
    hide();
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const box = mark.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - size.width / 2), innerWidth - size.width - 8);
    tip.style.left = `${left}px`;
    tip.style.top = `${box.top - size.height - 8 < 0 ? box.bottom + 8 : box.top - size.height - 8}px`;
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
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!plot || !step) return;
    event.preventDefault();
    const marks = [...plot.querySelectorAll("rect[data-tip]")], at = marks.findIndex((mark) => mark.classList.contains("at"));
    const next = marks[at < 0 ? (step < 0 ? marks.length - 1 : 0) : Math.min(Math.max(at + step, 0), marks.length - 1)];
    show(next);
    next.classList.add("at");
  });
}

handleTips();
if (live) {
  handleLogs();
  tick();
  setInterval(tick, 1000);
  keepRefreshing();
} else {
  addEventListener("hashchange", unfold);
  unfold();
}
