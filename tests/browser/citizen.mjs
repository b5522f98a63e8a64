// The citizen's way in a real browser: book, change, cancel, lose a race, run out of time; in both
// languages, with and without scripts, narrow and wide, and by keyboard alone.
import { readFileSync } from "node:fs";
import { browser, check, counts, fault, finish, serve, visitor } from "./lib/stage.mjs";

const WORDS = {
  es: { start: "Hacer una cita", passport: "Pasaporte", goOn: "Continuar", any: "Cualquiera de estas", choose: "Elegir", confirm: "Confirmar la cita" },
  en: { start: "Make an appointment", passport: "Passport", goOn: "Continue", any: "Any of these", choose: "Choose", confirm: "Confirm the appointment" },
};
let people = 0;
const somebody = () => {
  people += 1;
  return { name: "Ana Ruiz Ñúñez", telephone: `202 555 ${String(1000 + people)}`, day: "31", month: "1", year: "1990" };
};

async function fillDetails(page, who, words) {
  for (const [field, value] of Object.entries(who)) await page.fill(`#${field}`, value);
  await page.click(`button:has-text("${words.goOn}")`);
}

// From the first page to the list of times.
async function toTimes(page, language, who, { office, look = async () => {} } = {}) {
  const words = WORDS[language];
  await page.goto(`/?lang=${language}`);
  await look("1-start");
  await page.click(`main a:has-text("${words.start}")`);
  await look("2-service");
  await page.click(`label:has-text("${words.passport}")`);
  await page.click(`button:has-text("${words.goOn}")`);
  await look("3-office");
  if (office) {
    await page.click(`label:has-text("${office}")`);
    await page.click(`button:has-text("${words.goOn}")`);
  } else {
    await page.click(`button:has-text("${words.any}")`);
  }
  await look("4-details");
  await fillDetails(page, who, words);
  await look("5-when");
}

async function book(page, language, who, options = {}) {
  const words = WORDS[language];
  await toTimes(page, language, who, options);
  await page.locator("button[name=slot]").last().click();
  await page.waitForURL("**/book/check");
  if (options.look) await options.look("6-check");
  await page.click(`button:has-text("${words.confirm}")`);
  await page.waitForURL("**/booked");
  if (options.look) await options.look("7-booked");
  return (await page.textContent("#code")).trim();
}

async function whole(chrome, base, options) {
  const { page, context, look, name } = await visitor(chrome, base, options);
  const who = somebody();
  const code = await book(page, options.language, who, { look });
  check(/^\d{3} \d{3} \d{3}$/.test(code), `${name}: the code is ${code}`);
  check(!/ana|ruiz|555|1990/i.test(page.url()), `${name}: personal data in ${page.url()}`);
  await context.close();
  return { who, code };
}

async function changeAndCancel(chrome, base, { who, code }) {
  const { page, context, look, name, expectRefusals } = await visitor(chrome, base);
  await page.goto("/manage");
  await look("8-manage");
  const prove = async (text, year) => {
    await page.fill("#code", text);
    for (const [field, value] of [["day", who.day], ["month", who.month], ["year", year]]) await page.fill(`#${field}`, value);
    await page.click("main form button");
  };
  await prove("12", "90");
  await look("8-manage-wrong");
  await prove(code, "1991");
  await look("8-manage-unknown");
  await prove(code, who.year);
  await page.waitForURL("**/manage/appointment");
  await look("9-managed");
  const before = await page.textContent(".facts dd");
  await page.click("button:has-text('Cambiar la hora')");
  await look("10-move");
  await page.locator("button[name=slot]").last().click();
  await page.waitForURL("**/book/check");
  await look("11-move-check");
  await page.click("button:has-text('Confirmar el cambio')");
  await page.waitForURL("**/booked");
  await look("12-moved");
  check((await page.textContent(".facts dd")) !== before, `${name}: the booking did not move`);
  await page.goto("/manage/appointment");
  await page.click("a:has-text('Cancelar la cita')");
  await look("13-cancel");
  await page.click("button:has-text('Sí, cancelarla')");
  await page.waitForURL("**/manage/appointment");
  await look("14-cancelled");
  check((await page.textContent(".tag")) === "Cancelada", `${name}: not cancelled`);
  await page.click("button:has-text('Terminar')");
  await page.goto("/manage/appointment");
  check(page.url().endsWith("/manage"), `${name}: still signed in after leaving`);
  expectRefusals();
  await page.goto("/no/such/page");
  await look("15-missing");
  await context.close();
}

// A partner takes a place at Dallas, which has one desk.
async function partnerTakes(base, slot) {
  const answer = await fetch(`${base}/v1/holds`, {
    method: "POST",
    headers: {
      authorization: "Bearer demo-partner",
      "content-type": "application/json",
      "idempotency-key": `take-${slot}`,
    },
    body: JSON.stringify({ slot, services: ["consular-id"], party: slot.split("").reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 2 ** 32, 7).toString(16).padStart(32, "0") }),
  });
  check(answer.status === 201, `the partner got ${answer.status}: ${await answer.text()}`);
}

async function lost(chrome, base, scripts) {
  const { page, context, look } = await visitor(chrome, base, { scripts });
  await toTimes(page, "es", somebody(), { office: "Dallas" });
  const button = page.locator("button[name=slot]").first();
  await partnerTakes(base, await button.getAttribute("value"));
  await button.click();
  await page.waitForURL("**/book/taken");
  await look("16-taken");
  if (scripts) {
    const focused = await page.evaluate(() => document.activeElement.className);
    check(focused.includes("note"), `taken: the focus is on ${focused}`);
  }
  const offers = await page.locator("button[name=slot]").count();
  check(offers === 3, `taken: ${offers} alternatives`);
  await page.locator("button[name=slot]").first().click();
  await page.waitForURL("**/book/check");
  check((await page.textContent("main")).includes("Ana Ruiz"), "taken: the details are gone");
  await context.close();
}

// A time that is taken while one looks turns into text, and nothing moves.
async function vanishing(chrome, base) {
  const { page, context, look } = await visitor(chrome, base);
  await toTimes(page, "es", somebody(), { office: "Dallas" });
  const last = page.locator(".times li").last();
  const place = async () => JSON.stringify(await last.boundingBox());
  const slot = await last.getAttribute("data-slot");
  const before = await place();
  await partnerTakes(base, slot);
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await last.locator(".gone").waitFor();
  check((await place()) === before, "a vanished time moved the others");
  check((await page.textContent("#said")).includes("ya no"), "a vanished time is not announced");
  await look("26-vanished");
  await context.close();
}

async function wrongAnswers(chrome, base) {
  const { page, context, look } = await visitor(chrome, base);
  await page.goto("/book/office");
  await look("17-lost");
  await page.goto("/book/service");
  await page.click("button:has-text('Continuar')");
  await look("18-service-wrong");
  await page.fill("#q", "PASAPORTE");
  check((await page.locator("#services li:visible").count()) === 1, "the search does not narrow");
  await page.click("label:has-text('Pasaporte')");
  await page.click("button:has-text('Continuar')");
  await page.click("form[data-once] >> nth=1 >> button");
  await look("19-office-wrong");
  await page.click("label:has-text('Laredo')");
  await page.click("button:has-text('Continuar')");
  await fillDetails(page, { name: "7", telephone: "12", email: "x", day: "31", month: "2", year: "1990" }, WORDS.es);
  await look("20-details-wrong");
  const focused = await page.evaluate(() => document.activeElement.className);
  check(focused.includes("bad"), `the summary of errors has no focus, ${focused} has`);
  await page.fill("#email", "");
  await fillDetails(page, somebody(), WORDS.es);
  await look("21-none");
  check((await page.textContent("main")).includes("2035"), "none: no release is told");
  await page.click("a:has-text('English')");
  check((await page.textContent("h1")).includes("no free places"), "the language does not keep the step");
  await page.click("button:has-text('Choose') >> nth=0");
  await look("22-after-none");
  await context.close();
}

async function limit(chrome, base) {
  const who = somebody();
  const first = await visitor(chrome, base);
  await toTimes(first.page, "es", who);
  await first.page.locator("button[name=slot]").last().click();
  await first.page.waitForURL("**/book/check");
  // The same person on another device finds the hold again.
  const second = await visitor(chrome, base);
  await toTimes(second.page, "es", who);
  await second.page.locator("button[name=slot]").last().click();
  await second.page.waitForURL("**/book/limit");
  await second.look("23-held");
  await second.page.click("button:has-text('Seguir con ese lugar')");
  await second.page.waitForURL("**/book/check");
  await second.page.click("button:has-text('Confirmar la cita')");
  await second.page.waitForURL("**/booked");
  const third = await visitor(chrome, base);
  await toTimes(third.page, "es", who);
  await third.page.locator("button[name=slot]").last().click();
  await third.page.waitForURL("**/book/limit");
  await third.look("24-limit");
  for (const { context } of [first, second, third]) await context.close();
}

// Sent twice, gone back, opened again: one booking.
async function twice(chrome, base) {
  const { page, context } = await visitor(chrome, base);
  await toTimes(page, "es", somebody());
  await page.locator("button[name=slot]").last().click();
  await page.waitForURL("**/book/check");
  const answers = await page.evaluate(async () => {
    const send = () => fetch("/book/check", { method: "POST" });
    return (await Promise.all([send(), send(), send()])).map((answer) => new URL(answer.url).pathname);
  });
  check(answers.every((path) => path === "/booked"), `sent three times: ${answers}`);
  await page.goto("/book/check");
  check(page.url().endsWith("/booked"), `after booking, check leads to ${page.url()}`);
  await page.goBack();
  await page.goto("/booked");
  check((await page.locator("#code").count()) === 1, "the booked page is gone");
  await context.close();
}

async function keyboard(chrome, base) {
  const { page, context } = await visitor(chrome, base, { width: 1280 });
  // Tabs until the wished-for thing has the focus, which must be visible.
  const to = async (what, key = "Enter") => {
    for (let left = 200; left > 0; left -= 1) {
      await page.keyboard.press("Tab");
      const text = await page.evaluate(() => {
        const it = document.activeElement;
        const label = it.labels?.[0]?.textContent ?? "";
        return `${it.id} ${it.name ?? ""} ${label} ${it.textContent}`;
      });
      if (!text.includes(what)) continue;
      const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      check(ring !== "none", `keyboard: no ring on ${what}`);
      return key && page.keyboard.press(key);
    }
    fault(`keyboard: ${what} cannot be reached`);
  };
  await page.goto("/");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  check((await page.evaluate(() => document.activeElement.id)) === "main", "keyboard: the skip link");
  await to("Hacer una cita");
  await page.waitForURL("**/book/service");
  await to("Pasaporte", "Space");
  await to("Continuar");
  await page.waitForURL("**/book/office");
  await to("Cualquiera");
  await page.waitForURL("**/book/details");
  const who = somebody();
  for (const [field, value] of Object.entries(who)) {
    await to(`${field} ${field}`, "");
    await page.keyboard.type(value);
  }
  await page.keyboard.press("Enter");
  await page.waitForURL("**/book/when");
  await to("Elegir");
  await page.waitForURL("**/book/check");
  await to("Confirmar la cita");
  await page.waitForURL("**/booked");
  await context.close();
}

// The printed page, and the pages with 57 offices.
async function paper(chrome, base) {
  const { page, context, look } = await visitor(chrome, base, { width: 1280 });
  await book(page, "es", somebody());
  await page.emulateMedia({ media: "print" });
  await look("27-printed");
  await context.close();
}

async function fiftySeven(chrome) {
  const catalog = readFileSync("examples/miconsulado.toml", "utf8");
  const service = await serve({ catalog });
  const { page, context, look } = await visitor(chrome, service.base);
  const see = (what) => look(`57-${what}`);
  await page.goto("/offices");
  await see("offices");
  await book(page, "es", somebody(), { look: see });
  await context.close();
  await service.stop();
}

async function outOfTime(chrome) {
  const service = await serve({ ttl: "3s" });
  for (const scripts of [true, false]) {
    const { page, context, look } = await visitor(chrome, service.base, { scripts });
    await toTimes(page, "es", somebody());
    await page.locator("button[name=slot]").last().click();
    await page.waitForURL("**/book/check");
    await page.click("button:has-text('Necesito más tiempo')");
    await page.waitForURL("**/book/check*");
    await new Promise((later) => setTimeout(later, 4500));
    if (scripts) check((await page.textContent("[data-clock]")).includes("Se acabó"), "the clock goes on");
    await page.click("button:has-text('Confirmar la cita')");
    await page.waitForURL("**/book/expired");
    await look("25-expired");
    await page.click("button:has-text('Pedir la misma hora')");
    await page.waitForURL("**/book/check");
    await page.click("button:has-text('Confirmar la cita')");
    await page.waitForURL("**/booked");
    await context.close();
  }
  await service.stop();
}

const service = await serve();
const chrome = await browser();
const attempt = (what) => what.catch((error) => fault(error.stack));
let last;
for (const language of ["es", "en"]) {
  for (const scripts of [true, false]) {
    for (const width of [320, 390, 1280]) {
      last = await attempt(whole(chrome, service.base, { language, scripts, width }));
    }
  }
}
await attempt(whole(chrome, service.base, { language: "es", dark: true }));
await attempt(changeAndCancel(chrome, service.base, last));
for (const scripts of [true, false]) await attempt(lost(chrome, service.base, scripts));
for (const story of [vanishing, wrongAnswers, limit, twice, keyboard, paper, fiftySeven, outOfTime]) {
  await attempt(story(chrome, service.base));
}
await chrome.close();
await service.stop();
check(!/Ana|Ruiz|20255|1990/.test(service.said()), "personal data in the log");
check(counts.axe > 0, "axe was not asked");
finish("citizen");
