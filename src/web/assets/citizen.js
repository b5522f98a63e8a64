"use strict";
// The pages work without this. It only makes them quicker and kinder.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
const say = (text) => {
  const place = document.getElementById("said");
  if (place) place.textContent = text;
};

// A message that must not be missed takes the focus.
all("[data-focus]").slice(0, 1).forEach((message) => message.focus());

// A form is sent once; coming back to it makes it new.
for (const form of all("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    all("button", form).forEach((button) => button.setAttribute("aria-disabled", "true"));
  });
}
addEventListener("pageshow", () => {
  for (const form of all("form[data-sent]")) {
    delete form.dataset.sent;
    all("button", form).forEach((button) => button.removeAttribute("aria-disabled"));
  }
});

// A list narrows while one types.
for (const form of all("form[data-filter]")) {
  const rows = all("li[data-text]", document.getElementById(form.dataset.filter));
  const none = document.getElementById(form.dataset.none);
  const narrow = () => {
    const words = plain(form.elements.q.value).split(/\s+/);
    for (const row of rows) {
      const ticked = row.querySelector(":checked");
      row.hidden = !ticked && !words.every((word) => row.dataset.text.includes(word));
    }
    for (const list of all("ul.choices")) {
      const empty = !list.querySelector("li:not([hidden])");
      const title = list.previousElementSibling;
      if (title && title.matches("h2")) title.hidden = empty;
    }
    none.hidden = rows.some((row) => !row.hidden);
  };
  // A list that the server has narrowed already is narrowed further only by the server.
  if (form.elements.q.value) continue;
  form.querySelector("button").hidden = true;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.q.addEventListener("input", narrow);
}

// The clock goes by the server's time, and is spoken at 5, 2 and 1 minutes, or as the page says.
for (const box of all("[data-deadline]")) {
  const { deadline, now, left, one, over, spoken: at = "5 2 1" } = box.dataset;
  const shown = box.querySelector("[data-clock]");
  const started = performance.now();
  const remaining = () => Number(deadline) - Number(now) - (performance.now() - started);
  const words = (minutes) => (minutes > 1 ? left.replace("{n}", minutes) : one);
  const spoken = at.split(" ").filter((minutes) => minutes * 60000 < remaining());
  const tick = () => {
    const ms = Math.max(0, remaining());
    const seconds = Math.ceil(ms / 1000);
    if (ms === 0) {
      shown.textContent = over;
      say(over);
      return;
    }
    const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    shown.textContent = `${words(Math.ceil(seconds / 60))} (${clock})`;
    if (spoken.length && ms <= spoken[0] * 60000) say(words(spoken.shift()));
    setTimeout(tick, ms % 1000 || 1000);
  };
  tick();
}

for (const button of all("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// The code of a printed page comes after the hash, which no server sees.
for (const field of all("[data-from-fragment]")) {
  const code = location.hash.match(/^#(\d{9})$/);
  if (!code) continue;
  if (!field.value) field.value = code[1].replace(/(...)(?=.)/g, "$1 ").trim();
  history.replaceState(null, "", location.pathname + location.search);
}

// A time that somebody has taken turns into text; nothing moves.
for (const form of all("[data-live]")) {
  let tag = null;
  const gone = (place) => {
    const button = place.querySelector("button");
    if (!button) return false;
    const text = document.createElement("span");
    text.className = "gone";
    const time = place.matches(".offer") ? "" : button.textContent;
    text.textContent = `${time}\n${form.dataset.gone}`.trim();
    const focused = document.activeElement === button;
    if (focused) text.tabIndex = -1;
    button.replaceWith(text);
    if (focused) text.focus();
    return true;
  };
  const look = async () => {
    if (document.hidden) return;
    const answer = await fetch(form.dataset.live, { headers: tag ? { "If-None-Match": tag } : {} });
    if (answer.status !== 200) return;
    tag = answer.headers.get("ETag");
    const free = new Set((await answer.json()).days.flatMap((day) => day.slots.map((one) => one.slot)));
    const taken = all("[data-slot]", form).filter((place) => !free.has(place.dataset.slot));
    if (taken.filter(gone).length) say(form.dataset.goneSaid);
  };
  const every = 10000;
  const again = () => look().catch(() => {}).finally(() => setTimeout(again, every));
  setTimeout(again, every);
  // Coming back to the window: at once.
  document.addEventListener("visibilitychange", () => look().catch(() => {}));
}
