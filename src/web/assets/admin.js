"use strict";
// Makes pages that work without it a little livelier: the load of the last minutes, appointments
// per hour while typing, a catalog taken from a file.
(() => {
  // The load graph, every two seconds while somebody looks.
  const load = document.querySelector("[data-load]");
  const show = {
    p99_us: (us) => `${Math.floor(us / 1000)}.${String(Math.floor((us % 1000) / 10)).padStart(2, "0")} ms`,
  };
  const draw = (figure, values, text) => {
    const most = Math.max(1, ...values);
    const step = 300 / (Math.max(values.length, 2) - 1);
    const points = values.map((value, at) =>
      `${at ? "L" : "M"}${(at * step).toFixed(1)} ${(58 - (56 * value) / most).toFixed(1)}`);
    figure.querySelector(".line").setAttribute("d", points.join(""));
    figure.querySelector("[data-now]").textContent = text(values.at(-1) ?? 0);
    figure.querySelector("[data-most]").textContent = text(Math.max(0, ...values));
  };
  const refresh = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(load.dataset.load, { headers: { accept: "application/json" } });
        if (answer.ok) {
          const { seconds } = await answer.json();
          for (const figure of load.querySelectorAll("[data-line]")) {
            const name = figure.dataset.line;
            draw(figure, seconds.map((second) => second[name]), show[name] ?? String);
          }
        }
      } catch {
        // The next one may come through.
      }
    }
    setTimeout(refresh, 2000);
  };
  if (load) setTimeout(refresh, 2000);

  // Appointments per hour.
  for (const form of document.querySelectorAll("[data-preview]")) {
    const unit = Number(form.dataset.unit);
    const field = (name) => form.querySelector(`[data-${name}]`);
    const share = (text, desks) => {
      const value = parseFloat(text);
      if (Number.isNaN(value)) return null;
      return text.includes("%") ? Math.floor((desks * value) / 100) : value;
    };
    const hourly = (desks) => String(Math.round((desks * 600) / unit) / 10);
    const preview = () => {
      const desks = Number(field("desks").value);
      field("hour").textContent = Number.isFinite(desks) ? hourly(desks) : "";
      if (!field("split")) return;
      const web = share(field("web").value, desks);
      const phone = share(field("phone").value, desks);
      field("split").hidden = web === null && phone === null;
      field("hour-web").textContent = `≤ ${hourly(web ?? desks)}`;
      field("hour-phone").textContent = `≥ ${hourly(phone ?? 0)}`;
    };
    form.addEventListener("input", preview);
    preview();
  }

  // A catalog from a file.
  const file = document.querySelector("[data-file]");
  if (file) {
    file.hidden = false;
    file.querySelector("input").addEventListener("change", async (event) => {
      const [chosen] = event.target.files;
      if (chosen) document.getElementById("catalog").value = await chosen.text();
    });
  }
})();
