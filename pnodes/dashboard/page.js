// The page's script: counts down, arranges the table, replaces parts that changed, shows logs, explains bars and cells.
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

// The table: searched, filtered and sorted here, so that a report can do it too.
const sorting = { column: -1, descending: false };
function arrange() {
  const table = document.querySelector("table.nodes");
  if (!table) return;
  const rows = [...table.tBodies[0].rows], words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const filters = [...document.querySelectorAll("[data-by]")];
  for (const filter of filters) offer(filter, new Set(rows.map((row) => row.dataset[filter.dataset.by])));
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word)) ||
      filters.some((filter) => filter.value && row.dataset[filter.dataset.by] !== filter.value);
  }
  const shown = rows.filter((row) => !row.hidden).length;
  const told = shown ? `${shown} of ${rows.length} nodes` : "No node matches the search and the filters.";
  if ($("count").textContent !== told) $("count").textContent = told;
  for (const [index, head] of [...table.tHead.rows[0].cells].entries()) {
    if (index === sorting.column) head.setAttribute("aria-sort", sorting.descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  const ordered = sorting.column < 0 ? rows : rows.toSorted(compare);
  if (ordered.some((row, index) => row !== table.tBodies[0].rows[index])) table.tBodies[0].append(...ordered);
}
const kinds = { bad: "failing", warn: "late, stopped or rescued", busy: "running", good: "submitted", none: "nothing to tell", disabled: "disabled" };
function offer(select, values) {
  for (const value of [...values].sort()) {
    if (![...select.options].some((option) => option.value === value)) select.add(new Option(kinds[value] || value, value));
  }
}
function compare(left, right) {
  const [a, b] = [left, right].map((row) => row.cells[sorting.column]).map((cell) => cell.dataset.value ?? cell.textContent.trim());
  if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1); // unknown values are last in both orders
  const order = isNaN(a) || isNaN(b) ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
  return sorting.descending ? -order : order;
}
function handleTable() {
  const tools = document.querySelector(".tools");
  if (!tools) return;
  tools.addEventListener("input", arrange);
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("reset", () => setTimeout(arrange));
  document.addEventListener("click", (event) => {
    const column = event.target.closest("[data-sort]")?.dataset.sort;
    if (column === undefined) return;
    sorting.descending = sorting.column === Number(column) && !sorting.descending;
    sorting.column = Number(column);
    arrange();
  });
  arrange();
}
// A node's details take the table's place; its address is the page's with the node's name.
let opened = null;
function follow() {
  const target = location.hash.length > 1 && $(decodeURIComponent(location.hash.slice(1)));
  const card = target && target.closest?.(".node");
  if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
  else if (card && card !== opened) { scrollTo(0, 0); card.querySelector("h2").focus({ preventScroll: true }); }
  else if (!card && opened) document.querySelector(`#row-${CSS.escape(opened.id.slice(5))} a`)?.focus();
  opened = card || null;
  if (live) refresh();
}
function handleDetails() {
  addEventListener("hashchange", follow);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && opened && !document.querySelector("dialog[open]")) location.hash = "nodes";
  });
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
  const main = $("nodes"), focused = document.activeElement;
  for (const part of parts) {
    let section = $(part.id);
    if (!section) {
      section = document.createElement("section");
      section.id = part.id;
      section.className = "part card node";
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
  for (const section of main.querySelectorAll(".part")) if (!kept.has(section.id)) section.remove();
  arrange();
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}
async function refresh() {
  if (document.hidden) return;
  const fresh = $("fresh"), have = [...document.querySelectorAll(".part")].map((part) => part.dataset.version || "").join(",");
  try {
    const answer = await fetch(`parts?open=${opened ? encodeURIComponent(opened.id.slice(5)) : ""}&have=${have}`);
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
// Tooltips, by mouse and by arrow keys. A chart has the tips of its bars in one attribute.
function handleTips() {
  const tip = $("tip");
  let chart = null, at = -1;
  const hide = () => { tip.hidden = true; chart?.querySelector(".at").setAttribute("width", 0); chart = null; at = -1; };
  const show = (text, left, width, top, bottom) => {
    tip.textContent = text;
    tip.hidden = false;
    const size = tip.getBoundingClientRect();
    tip.style.left = `${Math.min(Math.max(8, left + width / 2 - size.width / 2), innerWidth - size.width - 8)}px`;
    tip.style.top = `${top - size.height - 8 < 0 ? bottom + 8 : top - size.height - 8}px`;
  };
  const point = (plot, index) => {
    const tips = plot.dataset.tips.split("|"), slot = Number(plot.dataset.slot), box = plot.getBoundingClientRect();
    if (!(index in tips)) return hide();
    hide();
    chart = plot;
    at = index;
    const band = plot.querySelector(".at");
    band.setAttribute("x", `${slot * index}%`);
    band.setAttribute("width", `${slot}%`);
    show(tips[index], box.left + box.width * slot * index / 100, box.width * slot / 100, box.top, box.bottom);
  };
  document.addEventListener("mousemove", (event) => {
    const mark = event.target.closest("[data-tip]"), plot = event.target.closest("svg.bars");
    if (plot) {
      const box = plot.getBoundingClientRect();
      return point(plot, Math.floor((event.clientX - box.left) / box.width * 100 / plot.dataset.slot));
    }
    hide();
    if (!mark) return;
    const box = mark.getBoundingClientRect();
    show(mark.textContent, box.left, box.width, box.top, box.bottom);
  });
  document.addEventListener("scroll", hide, true);
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !tip.hidden) { hide(); event.stopImmediatePropagation(); }
    const plot = event.target.closest?.("svg.bars"), step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!plot || !step) return;
    event.preventDefault();
    const last = plot.dataset.tips.split("|").length - 1;
    point(plot, chart !== plot ? (step < 0 ? last : 0) : Math.min(Math.max(at + step, 0), last));
  });
}

handleTips();
handleTable();
handleDetails();
if (live) {
  handleLogs();
  tick();
  setInterval(tick, 1000);
  follow();
  keepRefreshing();
} else {
  follow();
}
