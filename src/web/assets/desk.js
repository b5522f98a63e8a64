"use strict";
// The desk works without this. It makes single keys work, and keeps the list of a day fresh.
(() => {
  const $ = (selector) => document.querySelector(selector);
  const keys = $("#keys");
  const typing = (target) => target.closest("input:not([type=checkbox]), select, textarea");
  const press = (button, event) => {
    if (!button) return;
    event.preventDefault();
    button.click();
  };

  // WCAG 2.1.4: single keys can be turned off; then only Tab, Enter and the like remain.
  if (keys && keys.dataset.keys === "on") {
    document.addEventListener("keydown", (event) => {
      const { key, target } = event;
      if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.isComposing || event.repeat) return;
      if (typing(target)) {
        if (key === "Escape") target.blur();
        return;
      }
      if (/^[1-9]$/.test(key)) return press($(`[data-digit="${key}"]`), event);
      if (key === "e") return press($("#extend"), event);
      if (key === "w") {
        event.preventDefault();
        $("#wrap")?.focus();
      }
      if (key === "Escape") {
        if (keys.open) {
          keys.open = false;
          return keys.querySelector("summary").focus();
        }
        return press($("#release"), event);
      }
      if (key === "/") {
        event.preventDefault();
        const box = $("#q");
        box.focus();
        box.select();
      }
      if (key === "?") {
        event.preventDefault();
        keys.open = !keys.open;
        keys.querySelector("summary").focus();
      }
      // On a button or link Enter does what it says there.
      if (key === "Enter" && !target.closest("a, button, summary")) press($("#confirm"), event);
    });
  }

  // The list of a day follows what happens; the focus stays where it is.
  const roster = $("#roster");
  if (roster) {
    const { office, date, changed } = roster.dataset;
    let waiting;
    const refresh = async () => {
      waiting = undefined;
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("#roster");
      const now = $("#roster");
      if (!fresh || fresh.innerHTML === now.innerHTML) return;
      const focused = now.contains(document.activeElement) && document.activeElement;
      const row = focused && focused.closest("tr");
      now.replaceWith(fresh);
      const same = focused && document.getElementById(focused.id);
      const next = same || (row && document.getElementById(row.id)?.querySelector("button"));
      if (next) next.focus();
      $("#said").textContent = changed;
    };
    const heard = (event) => {
      const { data } = JSON.parse(event.data);
      if (data.office === office && data.date === date) waiting ??= setTimeout(refresh, 300);
    };
    const kinds = ["booked", "moved", "cancelled", "checked_in", "served", "no_show", "displaced", "restored"];
    let stream;
    const open = () => {
      stream = new EventSource("/v1/events/stream");
      for (const kind of kinds) stream.addEventListener(`cupo.claim.${kind}`, heard);
      stream.addEventListener("resync", refresh);
    };
    open();
    addEventListener("pagehide", () => stream.close());
    addEventListener("pageshow", (event) => event.persisted && open());
  }
})();
