// Eldir: what pages do beyond links and forms; all of them work without it. htmx, beside it, swaps the parts that
// changed. Text of other origin is set as text, never as markup.
(() => {
"use strict";
const root = document.documentElement;
const all = (what, within = document) => [...within.querySelectorAll(what)];
const one = (what, within = document) => within.querySelector(what);
const on = (name, act, target = document) => target.addEventListener(name, act);
const made = (name, className, text) => {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
// For those who listen: a polite word about what just happened.
const tell = (text) => put(one("#told"), text);

// -- Times: as `ago` and `lasted` of the server say them, by the server's clock
let behind = Date.now() - Number(root.dataset.now || Date.now());
if (Math.abs(behind) < 5000) behind = 0;
const now = () => Date.now() - behind;
const local = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const [MINUTE, HOUR, DAY] = [60e3, 3600e3, 86400e3];
const ago = (at) => {
  const apart = now() - at, size = Math.abs(apart), days = Math.floor(size / DAY);
  if (size < 1000) return "now";
  if (days > 30) return new Date(at).toISOString().slice(0, 10);
  const text = size < DAY ? since(at).split(" ").slice(0, 2).join(" ") : days === 1 ? "1 day" : `${days} days`;
  return apart < 0 ? `in ${text}` : `${text} ago`;
};
const since = (at) => {
  const size = Math.abs(now() - at), whole = (unit, within = Infinity) => Math.floor(size % within / unit);
  return size < MINUTE ? `${whole(1000)} s` : size < HOUR ? `${whole(MINUTE)} min ${whole(1000, MINUTE)} s`
    : `${whole(HOUR)} h ${whole(MINUTE, HOUR)} min`;
};
const put = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };
const clocks = (within = document) => {
  for (const time of all("time[data-since]", within)) put(time, since(+time.dataset.since));
  for (const time of all("time[data-ms]", within)) put(time, ago(+time.dataset.ms));
};
const exact = (within = document) => {
  for (const time of all("time[data-exact]", within)) time.dataset.exact = local.format(+time.dataset.ms);
  for (const time of all("[data-local]", within)) put(time, local.format(+time.dataset.local));
};
setInterval(() => { if (!document.hidden) clocks(); }, 1000);

// -- Menus close when one looks elsewhere
const menus = (but) => all(".menu[open]").filter((menu) => menu !== but);
on("click", (event) => { for (const menu of menus(event.target.closest(".menu"))) menu.open = false; });

// -- Copying
on("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = one("pre", button.closest(".command")), said = one("[data-said]", button);
  try {
    await navigator.clipboard.writeText(source.textContent);
    said.textContent = "Copied";
    tell("Copied");
  } catch {
    // Not allowed here: it is selected, and the keys of the system do the rest.
    getSelection().selectAllChildren(source);
    said.textContent = "Selected";
    tell("Selected: copy it with the keyboard");
  }
  setTimeout(() => { said.textContent = "Copy"; }, 2000);
});

// -- Keys
const typing = (element) => element.matches?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const places = { o: "/", s: "/sites", p: "/platforms", v: "/servers", t: "/tasks", k: "/packages" };
let going = 0;
const step = (by) => {
  const rows = all("[data-row]"), at = rows.indexOf(document.activeElement?.closest("[data-row]"));
  const row = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  const link = row && (one("[data-open]", row) || one("a", row));
  link?.focus();
  link?.scrollIntoView({ block: "nearest" });
};
on("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const { key, target } = event;
  const took = () => event.preventDefault();
  if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "k" && palette) { took(); openPalette(); return; }
  if (event.ctrlKey || event.metaKey) return;
  if (key === "Escape") {
    const menu = menus().at(-1);
    if (menu) { menu.open = false; one("summary", menu).focus(); } else if (typing(target) && !target.closest("dialog")) target.blur();
    return;
  }
  if (typing(target) || one("dialog[open]")) return;
  const row = target.closest?.("[data-row]");
  if (row && (key === "ArrowDown" || key === "ArrowUp")) { took(); step(key === "ArrowDown" ? 1 : -1); return; }
  if (!("shortcuts" in root.dataset)) return;
  if (Date.now() - going < 1500) {
    going = 0;
    if (Object.hasOwn(places, key)) { took(); location.href = places[key]; return; }
  }
  const act = {
    g: () => { going = Date.now(); },
    "/": () => { const search = one("[data-search]"); if (search) { search.focus(); search.select(); } else openPalette(); },
    "?": () => one("#keys")?.showModal(),
    j: () => step(1),
    k: () => step(-1),
    x: () => row && one("[data-pick]", row)?.click(),
  };
  if (Object.hasOwn(act, key)) { took(); act[key](); }
});
on("click", (event) => {
  const keys = one("#keys");
  if (keys && event.target.closest("[data-help]")) { event.preventDefault(); keys.showModal(); }
  if (event.target.matches("dialog[open]")) event.target.close();
});

// -- The palette: objects from the server, and what this page's own links and buttons do
const palette = one("#palette");
const field = palette && one("input", palette), found = palette && one("[role=listbox]", palette);
let asking, waiting, chosen = -1, moved = false, offers = [];
const openPalette = () => {
  if (!palette || palette.open) return;
  for (const menu of menus()) menu.open = false;
  field.value = "";
  moved = false;
  palette.showModal();
  offer([]);
};
const verbs = (words) => {
  const seen = new Set();
  return all("[data-verb]").filter((element) => {
    const text = element.dataset.verb.toLowerCase();
    if (seen.has(text) || element.disabled || !words.every((word) => text.includes(word))) return false;
    return seen.add(text);
  }).sort((a, b) => Boolean(b.closest("main")) - Boolean(a.closest("main")))
    .map((element) => ({ text: element.dataset.verb, kind: element.closest("main") ? "on this page" : "", act: () => element.click() }));
};
const offer = (objects, told) => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean), was = moved ? offers[chosen] : undefined;
  const ours = ({ href }) => new URL(href, location).origin === location.origin;
  offers = [...objects.filter(ours).map(({ text, kind, href }) => ({ text, kind, act: () => { location.href = href; } })), ...verbs(words)].slice(0, 50);
  found.replaceChildren(...offers.map(({ text, kind }, n) => {
    const item = made("li");
    item.id = `found-${n}`;
    item.role = "option";
    item.append(made("span", "", text), made("span", "", kind));
    return item;
  }));
  found.hidden = !offers.length;
  field.ariaExpanded = String(!found.hidden);
  one("[role=status]", palette).textContent = told || (offers.length ? `${offers.length} found` : "Nothing has such a name.");
  found.ariaBusy = "false";
  // What was gone to by hand stays chosen when more is found. Enter does nothing before something was asked for.
  const again = was ? offers.findIndex(({ text, kind }) => text === was.text && kind === was.kind) : -1;
  choose(again >= 0 ? again : offers.length && words.length ? 0 : -1);
};
const choose = (n) => {
  chosen = n;
  for (const [at, item] of [...found.children].entries()) item.ariaSelected = String(at === n);
  field.setAttribute("aria-activedescendant", n < 0 ? "" : `found-${n}`);
  found.children[n]?.scrollIntoView({ block: "nearest" });
};
const ask = async () => {
  asking?.abort();
  asking = new AbortController();
  const q = field.value.trim();
  if (!q) { offer([]); return; }
  try {
    const answer = await fetch(`/fragments/find?${new URLSearchParams({ q })}`, { signal: asking.signal, headers: { accept: "application/json" } });
    if (!answer.ok || answer.redirected) throw answer;
    offer(await answer.json());
  } catch (fault) {
    if (fault.name !== "AbortError") offer([], "The front end does not answer; what this page can do is listed.");
  }
};
if (palette) {
  on("click", (event) => {
    if (!event.target.closest("[data-palette]") || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    openPalette();
  });
  on("input", () => { moved = false; found.ariaBusy = "true"; clearTimeout(waiting); waiting = setTimeout(ask, 120); }, field);
  on("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && offers.length) { event.preventDefault(); moved = true; choose((Math.max(chosen, by < 0 ? 0 : -1) + by + offers.length) % offers.length); }
  }, field);
  on("submit", (event) => {
    if (chosen < 0 && field.value.trim()) return;
    event.preventDefault();
    if (chosen < 0) return;
    const { act } = offers[chosen];
    palette.close();
    act();
  }, one("form", palette));
  on("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) { const { act } = offers[[...found.children].indexOf(item)]; palette.close(); act(); }
  }, found);
  if (/Mac|iPhone|iPad/.test(navigator.platform)) for (const key of all("[data-mod]")) key.textContent = "⌘ K";
}

// -- Rows that are chosen
const selection = (form) => {
  const picks = all("[data-pick]", form), n = picks.filter((pick) => pick.checked).length;
  const head = one("[data-pick-all]", form), bar = one("[data-picked]", form);
  if (head) { head.checked = n > 0 && n === picks.length; head.indeterminate = n > 0 && n < picks.length; }
  if (!bar) return;
  const said = one("[data-picked-count]", bar), matching = one("[data-all-matching]", bar), total = +said.dataset.total;
  if (matching) {
    matching.checked &&= n === picks.length;
    matching.closest("label").hidden = n < picks.length || total <= n;
  }
  put(said, `${(matching?.checked ? total : n).toLocaleString("en")} of ${total.toLocaleString("en")} selected`);
  bar.hidden = n === 0;
};
let from;
on("click", (event) => {
  const pick = event.target.closest("[data-pick]");
  if (!pick) return;
  const picks = all("[data-pick]", pick.form), [a, b] = [picks.indexOf(from), picks.indexOf(pick)].sort((x, y) => x - y);
  if (event.shiftKey && a >= 0) for (const between of picks.slice(a, b + 1)) between.checked = pick.checked;
  from = pick;
});
on("change", ({ target }) => {
  const form = target.closest("[data-selection]");
  if (!form) return;
  if (target.matches("[data-pick-all]")) for (const pick of all("[data-pick]", form)) pick.checked = target.checked;
  selection(form);
});

// -- Forms: sent once; not left by accident; choices that narrow each other
const guarded = "form.form[method=post]";
// Not `form.method`: a field of that name would be meant.
const sentBy = (form) => form.getAttribute("method");
on("input", ({ target }) => {
  const form = target.closest(guarded);
  if (form) form.dataset.touched = "";
  const confirm = target.closest("[data-confirm]");
  if (confirm && target.name === "confirm") target.setCustomValidity(target.value.trim() === confirm.dataset.confirm ? "" : `Type ${confirm.dataset.confirm}`);
});
on("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || sentBy(form) !== "post") return;
  if ("sent" in form.dataset) { event.preventDefault(); return; }
  form.dataset.sent = "";
  // After the browser has gathered what is sent, of which the button is a part.
  setTimeout(() => { for (const button of all("button:not([type=button])", form)) button.disabled = true; });
});
on("formdata", ({ target, formData }) => {
  // An address names what was filled in, and nothing else.
  if (sentBy(target) === "get") for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});
on("beforeunload", (event) => {
  if (all(`${guarded}[data-touched]`).some((form) => !("sent" in form.dataset))) event.preventDefault();
}, window);
on("pageshow", () => {
  for (const form of all("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of all("button:not([type=button])", form)) button.disabled = false;
  }
  all("[data-selection]").forEach(selection);
}, window);
on("change", ({ target }) => {
  const into = target.dataset.narrows && target.form && one("[data-options]", target.form);
  if (!into || !window.htmx) return;
  const asked = new URLSearchParams(new FormData(target.form));
  // Addresses are written down in many places.
  for (const { name } of all("[type=hidden], [type=password], [type=file]", target.form)) asked.delete(name);
  window.htmx.ajax("GET", `${target.dataset.narrows}?${asked}`, { target: into, swap: "innerHTML" });
});

// -- Streams. A browser has six connections for all tabs, so a stream that nobody looks at is let go.
const listen = (address, names, hear) => {
  let source, again = 1000, timer;
  const stop = () => { clearTimeout(timer); source?.close(); source = undefined; };
  const start = () => {
    stop();
    source = new EventSource(address());
    source.onopen = () => { again = 1000; hear("open"); };
    source.onerror = () => {
      hear("lost");
      // The browser asks again by itself, but for an answer that it takes as final.
      if (source?.readyState === EventSource.CLOSED) later();
    };
    for (const name of names) source.addEventListener(name, (event) => hear(name, event));
  };
  const later = () => { stop(); timer = setTimeout(start, again); again = Math.min(again * 2, 30000); };
  return { start, stop, later, runs: () => Boolean(source || timer) };
};

// -- The log of a task, as it is said
const NEWEST = 5000;
const follow = (box) => {
  const lines = one("[data-lines]", box), state = one("[data-log-state]", box), end = one("[data-log-end]", box);
  let last = (box.dataset.last || "0.0").split(".").map(Number), following = !location.hash.startsWith("#line-"), ready = [], over = false;
  const atEnd = () => lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 32;
  const toEnd = () => { following = true; end.hidden = true; lines.scrollTop = lines.scrollHeight; };
  // As the page says it: `sentence` of the log.
  const words = (level) => (level || "").replaceAll("-", " ");
  const sentence = ({ kind, level, text }) => {
    const [name, took] = text.split(/ \((.*)/s);
    if (kind === "step") return `${name}: ${level || ""}${took ? ` (${took}` : ""}`;
    if (kind === "result") return text ? `${words(level)}: ${text}` : words(level);
    return kind === "started" ? `began: ${text}` : text;
  };
  const line = ({ attempt, n, at, kind, level, text, output }) => {
    const row = made("div", `line kind-${kind} level-${level || ""}`), link = made("a", "n", n);
    row.id = `line-${attempt}-${n}`;
    link.href = `?line=${attempt}.${n}#${row.id}`;
    link.ariaLabel = `Line ${n} of attempt ${attempt}`;
    row.append(link, made("time", "", new Date(at).toISOString().slice(11, 19)), made("span", "text", sentence({ kind, level, text })));
    if (output) row.append(made("pre", "", output));
    return row;
  };
  const flush = () => {
    if (!ready.length) return;
    const said = ready.splice(0), rows = lines.getElementsByClassName("line");
    const more = rows.length + said.length - NEWEST;
    if (more > 0) for (const older of all("[data-log-older]", box)) older.hidden = false;
    if (more > 0 && rows.length) {
      const range = document.createRange();
      range.setStartBefore(rows[0]);
      range.setEndAfter(rows[Math.min(more, rows.length) - 1]);
      range.deleteContents();
    }
    lines.append(...said.slice(-NEWEST).map(line));
    const [first, newest] = [rows[0], rows[rows.length - 1]].map((row) => row.id.split("-").slice(1));
    put(one("#log-range"), first[0] === newest[0] ? `lines ${first[1]} to ${newest[1]}` : `up to line ${newest[1]} of attempt ${newest[0]}`);
    if (following) toEnd();
  };
  const hear = (name, event) => {
    if (name === "open") put(state, "Following.");
    if (name === "lost") put(state, "The connection is lost; asking again. The task goes on.");
    if (name === "closing") { put(state, "The front end ends; asking again. The task goes on."); stream.later(); }
    if (name === "line") {
      const said = JSON.parse(event.data), { attempt, n } = said;
      if (attempt < last[0] || (attempt === last[0] && n <= last[1])) return;
      last = [attempt, n];
      if (!ready.length) setTimeout(flush, 80);
      ready.push(said);
      if (said.kind === "step") changed();
    }
    if (name === "ended" || name === "trouble") {
      over = true;
      stream.stop();
      flush();
      put(state, name === "ended" ? "It has ended; all of the log is here." : JSON.parse(event.data).detail);
      changed();
    }
  };
  const address = () => `${box.dataset.events}${box.dataset.events.includes("?") ? "&" : "?"}after=${last.join(".")}`;
  const stream = listen(address, ["line", "ended", "trouble", "closing"], hear);
  on("scroll", () => { following = atEnd(); end.hidden = following; }, lines);
  on("click", toEnd, end);
  let unseen;
  on("visibilitychange", () => {
    clearTimeout(unseen);
    if (over || !box.isConnected) return;
    if (document.hidden) unseen = setTimeout(stream.stop, 10000);
    else if (!stream.runs()) stream.start();
  });
  if (following) lines.scrollTop = lines.scrollHeight;
  stream.start();
};

// -- The log of a site is asked for again while somebody looks at it, and stays as it is for whoever reads further up
const readsOn = (tail) => tail.scrollTop + tail.clientHeight < tail.scrollHeight - 32;
setInterval(() => { if (!document.hidden && one("#site-log")) document.body.dispatchEvent(new CustomEvent("aegir:tail")); }, 5000);

// -- What changed: one stream for all tabs; the others are told by the one that has it
let due = 0, pending;
const changed = () => {
  if (document.hidden) { pending = "seen"; return; }
  if (pending && pending !== "seen") return;
  pending = setTimeout(() => {
    pending = undefined;
    due = Date.now() + 1000;
    document.body.dispatchEvent(new CustomEvent("aegir:changed", { bubbles: true }));
  }, Math.max(0, due - Date.now()));
};
on("visibilitychange", () => { if (!document.hidden && pending === "seen") { pending = undefined; changed(); } });
const news = () => {
  const tabs = new BroadcastChannel("aegir:changed");
  tabs.onmessage = changed;
  let lost = false;
  const hear = (name, event) => {
    if (name === "lost") { lost = true; return; }
    // What a task says is told by its log; nothing else follows from it.
    if ((name === "open" && !lost) || (name === "change" && /"what":\s*"lines"/.test(event.data))) return;
    if (name === "closing" || name === "trouble") { lost = true; stream.later(); return; }
    lost = false;
    changed();
    tabs.postMessage(0);
  };
  const stream = listen(() => root.dataset.events, ["change", "reset", "closing", "trouble"], hear);
  const held = () => { stream.start(); return new Promise(() => {}); };
  navigator.locks.request("aegir:changed", held);
};

// -- Parts that are swapped keep what one was doing in them
// Who pressed the button of a test is told when the question did not get there.
const untested = "The panel could not test it. What is in the form is kept: press the button again in a moment.";
on("htmx:sendError", ({ detail }) => { if (detail.target?.matches(".tried")) detail.target.textContent = untested; });

// Of each answer, what was being done in the part that it replaces.
const kept = new WeakMap();
const named = (details) => (one(".name", details) || one("summary", details))?.textContent;
on("htmx:beforeSwap", ({ detail }) => {
  const part = detail.target, active = document.activeElement, marked = getSelection();
  const path = (address) => new URL(address, location).pathname;
  // Led elsewhere: the session is over. What is here stays, as it does while one types or marks text in it.
  const elsewhere = path(detail.xhr.responseURL) !== path(detail.pathInfo.requestPath);
  if (part.matches(".tried") && (elsewhere || detail.isError)) {
    part.textContent = elsewhere ? "Your session is over: sign in again in another tab, then test again." : untested;
  }
  if (elsewhere || (part.contains(active) && typing(active))
    || all("[data-tail]", part).some(readsOn) || (!marked.isCollapsed && part.contains(marked.anchorNode))) { detail.shouldSwap = false; return; }
  kept.set(detail.xhr, {
    picks: new Set(all("[data-pick]:checked", part).map((pick) => pick.value)),
    matching: Boolean(one("[data-all-matching]:checked", part)),
    details: new Map(all("details", part).map((details) => [named(details), details.open])),
    focus: part.contains(active) && !active.id ? active.getAttribute("href") || active.value : undefined,
  });
});
on("htmx:afterSettle", ({ target, detail }) => {
  const was = kept.get(detail.xhr), part = detail.target.isConnected ? detail.target : target;
  if (was) {
    for (const pick of all("[data-pick]", part)) pick.checked = was.picks.has(pick.value);
    for (const matching of all("[data-all-matching]", part)) matching.checked = was.matching;
    for (const details of all("details", part)) if (was.details.has(named(details))) details.open = was.details.get(named(details));
    if (was.focus) all("a, button, input", part).find((element) => (element.getAttribute("href") || element.value) === was.focus)?.focus();
  }
  all("[data-selection]").forEach(selection);
  begin(part);
});

const begin = (within = document) => {
  exact(within);
  clocks(within);
  for (const tail of all("[data-tail]", within.parentElement || within)) tail.scrollTop = tail.scrollHeight;
  for (const box of all("[data-log][data-events]", within)) if (!("follows" in box.dataset)) { box.dataset.follows = ""; follow(box); }
};
begin();
all("[data-selection]").forEach(selection);
// Only the row moves: after scrollIntoView, Chromium has the first Tab go on from there, past the link that leads to the page.
for (const here of all(".sections [aria-current], .tabs [aria-current]")) {
  const row = here.closest(".sections, .tabs ul"), seen = row.getBoundingClientRect(), at = here.getBoundingClientRect();
  row.scrollLeft += Math.max(0, at.right - seen.right) || Math.min(0, at.left - seen.left);
}
one("[data-focus]")?.focus();
if (root.dataset.events) news();
})();
