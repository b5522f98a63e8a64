// The operator's desk in a real browser: by keyboard alone from search to code, a lost race, time
// that runs out, move, cancel, the list of a day; both languages, with and without scripts, narrow
// and wide, single keys on and off.
import { connect } from "node:net";
import { browser, check, counts, fault, finish, serve, visitor } from "./lib/stage.mjs";

const BOSTON = "service=consular-id&office=boston";

// Signed in once by the form, and with the same cookie from then on: tries are counted.
let signedIn;
async function signIn(page) {
  if (signedIn) return page.context().addCookies(signedIn);
  await page.goto("/desk");
  await page.fill("input[name=key]", "demo-desk");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/desk");
  signedIn = (await page.context().cookies()).filter((cookie) => cookie.name === "staff");
}

async function operator(chrome, base, options = {}) {
  const seen = await visitor(chrome, base, { bytesMax: 40_000, language: "en", width: 1280, ...options });
  await signIn(seen.page);
  const go = options.fresh ? "" : "&go=1";
  await seen.page.goto(`/desk?${BOSTON}&lang=${options.language ?? "en"}${go}`);
  return seen;
}

const focused = (page) => page.evaluate(() => {
  const at = document.activeElement;
  return at.id || at.dataset.digit || at.name || at.tagName;
});
const lands = async (page, what, name) => {
  const at = await focused(page);
  check(at === what, `${name}: the focus is on ${at}, not ${what}`);
};
const loaded = (page) => page.waitForLoadState("load");
// A key that sends a form: the next page is waited for.
async function press(page, key) {
  await Promise.all([page.waitForEvent("load"), page.keyboard.press(key)]);
}

let number = 1000;
// Nothing but keys: the search, a place, the details, the code.
async function byKeyboard(chrome, base, { language, width }) {
  const { page, context, look, name } = await operator(chrome, base, { language, width, fresh: true });
  await look("desk-start");
  await lands(page, "q", name);
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await lands(page, "q", name);
  await page.keyboard.type("202 555 0999");
  await press(page, "Enter");
  await lands(page, "1", name);
  await look("desk-nobody");
  await press(page, "2");
  await lands(page, "name", name);
  await look("desk-held");
  await page.keyboard.type("Ana Ruiz");
  for (const part of [`202 555 ${(number += 1)}`, "31", "1", "1990"]) {
    await page.keyboard.press("Tab");
    await page.keyboard.press("Control+a");
    await page.keyboard.type(part);
  }
  await page.keyboard.press("Escape");
  await press(page, "e");
  check((await page.inputValue("#name")) === "Ana Ruiz", `${name}: more time loses the name`);
  await lands(page, "confirm", name);
  await look("desk-ready");
  await press(page, "Enter");
  await lands(page, "done", name);
  await look("desk-booked");
  const code = (await page.textContent("#code")).trim();
  check(/^\d{3} \d{3} \d{3}$/.test(code), `${name}: no code`);
  const digits = await page.textContent(".digits");
  check(digits.replace(/\D/g, "") === code.replace(/\D/g, ""), `${name}: ${digits} is not ${code}`);
  check(!/Ana|555|1990/.test(page.url()), `${name}: ${page.url()}`);
  await page.keyboard.press("?");
  await look("desk-keys");
  check(await page.isVisible(".keys dl"), `${name}: no list of keys`);
  await page.keyboard.press("Escape");
  check(!(await page.isVisible(".keys dl")), `${name}: the list of keys stays`);
  await page.keyboard.press("w");
  await lands(page, "wrap", name);
  check((await page.inputValue("#wrap")) === "booked", `${name}: not what was done`);
  await page.keyboard.press("Tab");
  await press(page, "Enter");
  await lands(page, "q", name);
  check((await page.inputValue("#wrap")) === "", `${name}: the next call ended already`);
  await context.close();
  return code;
}

// A place that somebody takes meanwhile, then the next best, then giving it back.
async function race(chrome, base) {
  const one = await operator(chrome, base);
  const two = await operator(chrome, base, { width: 320 });
  const dallas = "/desk?service=legalization&office=dallas&go=1";
  await one.page.goto(dallas);
  await two.page.goto(dallas);
  await press(one.page, "1");
  await two.page.getByText(/Details of the person/).click();
  await two.page.fill("#name", "Luis Paz");
  await two.page.keyboard.press("Escape");
  await press(two.page, "1");
  await two.look("desk-taken");
  await lands(two.page, "1", "race");
  check((await two.page.textContent("#note")).includes("just been taken"), "race: not told");
  check((await two.page.inputValue("#name")) === "Luis Paz", "race: the name is lost");
  await press(two.page, "1");
  check(await two.page.isVisible("#confirm"), "race: the next best is not held");
  await press(two.page, "Escape").catch(() => {});
  if (await two.page.isVisible("#confirm")) await press(two.page, "Escape");
  check(!(await two.page.isVisible("#confirm")), "race: the place is not given back");
  await one.context.close();
  await two.context.close();
}

// Move and cancel, found by the code.
async function change(chrome, base, code) {
  const { page, context, look, name } = await operator(chrome, base);
  await page.fill("#q", code);
  await press(page, "Enter");
  await look("desk-found");
  check((await page.textContent(".found")).includes("Ana Ruiz"), "found: no name");
  await press(page, "Enter");
  check(await page.isVisible("#moving"), "move: not begun");
  await look("desk-moving");
  await lands(page, "1", name);
  await press(page, "5");
  await lands(page, "confirm", name);
  await look("desk-move-held");
  await press(page, "Enter");
  check((await page.textContent("#code")).trim() === code, "move: another code");
  await look("desk-moved");
  await page.click(".found a.button");
  await loaded(page);
  await look("desk-cancel");
  await press(page, "Enter");
  check((await page.textContent("#note")).includes("was cancelled"), "cancel: not told");
  await look("desk-cancelled");
  await context.close();
}

// Without scripts: plain forms, both widths.
async function plain(chrome, base, { language, width }) {
  const { page, context, look, name } = await operator(chrome, base, { language, width, scripts: false });
  await page.fill("#q", "Rosa Gil 1985-06-30");
  await page.press("#q", "Enter");
  await page.locator(".offer button").first().click();
  check((await page.inputValue("#name")) === "Rosa Gil", `${name}: the name is not taken over`);
  await page.locator(".say button[name=language]").nth(language === "es" ? 1 : 0).click();
  await page.fill("#telephone", `202 555 ${(number += 1)}`);
  await page.press("#telephone", "Enter");
  check(await page.isVisible("#code"), `${name}: not booked`);
  const say = await page.getAttribute(".say > [lang]", "lang");
  check(say !== language, `${name}: the script is in ${say}`);
  await look("desk-plain");
  await context.close();
}

// Single keys that are turned off do nothing; the switch is remembered.
async function keysOff(chrome, base) {
  const { page, context, look } = await operator(chrome, base);
  await page.click(".keys summary");
  await page.click(".keys form button");
  await loaded(page);
  await page.goto(`/desk?${BOSTON}`);
  await page.evaluate(() => document.activeElement.blur());
  for (const key of ["1", "?", "/", "e", "Escape"]) await page.keyboard.press(key);
  await page.waitForTimeout(300);
  check(!(await page.isVisible("#confirm")), "keys off: a digit took a place");
  check(!(await page.isVisible(".keys dl")), "keys off: ? opened the list");
  await page.click(".keys summary");
  await look("desk-keys-off");
  await context.close();
}

// The list of a day: arrived, served; what another does appears by itself.
async function roster(chrome, base, { width, scripts }) {
  const { page, context, look, name } = await operator(chrome, base, { width, scripts });
  await page.goto("/desk/today/boston");
  const date = await page.locator("#roster").getAttribute("data-date");
  check(/^\d{4}-/.test(date), `${name}: no date`);
  await look("desk-today");
  await page.goto("/desk/today");
  await look("desk-offices");
  await page.goto("/desk/callbacks");
  await look("desk-callbacks");
  await page.goto("/desk/call/none");
  await look("desk-call-gone");
  await context.close();
}

async function live(chrome, base) {
  const { page, context } = await operator(chrome, base);
  const slot = await page.locator(".offer button").first().getAttribute("value");
  const [, date] = slot.split("~");
  const other = await context.newPage();
  await other.goto(`/desk/today/boston/${date}`);
  await press(page, "1");
  await page.fill("#name", "Eva Sol");
  await page.fill("#telephone", `202 555 ${(number += 1)}`);
  for (const [field, value] of [["day", "1"], ["month", "2"], ["year", "1970"]]) await page.fill(`#${field}`, value);
  await press(page, "Enter");
  await other.getByText("Eva Sol").waitFor({ timeout: 8000 }).catch(() => fault("today: does not follow"));
  const arrived = other.locator("tr", { hasText: "Eva Sol" }).getByRole("button", { name: /^Arrived/ });
  await arrived.click();
  await other.waitForLoadState("load");
  const text = await other.textContent("main");
  check(/Arrived|too early/.test(text), `today: ${text.slice(0, 200)}`);
  await context.close();
}

// What a caller presses after each question, up to an operator while a place is kept.
const PRESSED = {
  menu: "1", "right-or-not": "1", birth: "31011990", zip: "0#", offices: "1", document: "1",
  "another-document": "2", people: "1", "offer-choice": "0",
};

// A telephone system with one caller; the token under which the call is handed over.
let calls = 0;
function rings(port) {
  calls += 1;
  return new Promise((found, failed) => {
    let [said, keys] = ["", []];
    const line = connect(port, "127.0.0.1", () => line.write(
      `agi_network_script: cita\nagi_uniqueid: ${calls}.1\nagi_callerid: 2025550143\n\n`,
    ));
    line.on("data", (text) => {
      const commands = (said + text).split("\n");
      said = commands.pop();
      for (const command of commands) {
        const sound = /^STREAM FILE ".*\/([\w-]+)" /.exec(command)?.[1];
        if (PRESSED[sound]) keys = [...PRESSED[sound]];
        const token = /^SET VARIABLE __CUPO_CONTEXT (\w+)/.exec(command)?.[1];
        if (token) found(token);
        const key = command.startsWith("WAIT FOR DIGIT") ? keys.shift() : undefined;
        line.write(`200 result=${key ? key.charCodeAt(0) : 0}\n`);
      }
    });
    line.on("error", failed).on("close", () => failed(new Error("the call was not handed over")));
  });
}

// A call comes from the telephone with its place, is taken, and ends with a code.
async function handedOver(chrome, base, port, { language, width }) {
  const token = await rings(port);
  const { page, context, look, name } = await operator(chrome, base, { language, width });
  await page.goto(`/desk/call/${token}`);
  await look("desk-call");
  check(await page.isVisible("#kept"), `${name}: the place is not shown`);
  await lands(page, "take", name);
  await press(page, "Enter");
  await look("desk-call-taken");
  check((await page.inputValue("#telephone")).includes("2025550143"), `${name}: no number`);
  check((await page.inputValue("#wrap")) === "information", `${name}: no code for the end`);
  await page.selectOption("#wrap", "call_back");
  await Promise.all([page.waitForEvent("load"), page.click("#close")]);
  await lands(page, "q", name);
  await context.close();
}

// A hold of six seconds: said when it is over, and what to do then.
async function expiry(chrome) {
  const service = await serve({ ttl: "6s" });
  signedIn = undefined;
  const { page, context, look } = await operator(chrome, service.base);
  await press(page, "1");
  await page.waitForFunction(() => document.querySelector("#said").textContent !== "", null, { timeout: 9000 })
    .catch(() => fault("expiry: nothing is said"));
  const typed = { name: "Ana Ruiz", telephone: "202 555 0101", day: "31", month: "1", year: "1990" };
  for (const [field, value] of Object.entries(typed)) await page.fill(`#${field}`, value);
  await page.click("#confirm");
  await loaded(page);
  await look("desk-expired");
  check((await page.textContent("#note")).includes("run out"), "expiry: not told");
  await lands(page, "1", "expiry");
  await press(page, "1");
  check(await page.isVisible("#confirm"), "expiry: not taken again");
  await context.close();
  await service.stop();
}

const always = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map((day) => [`phone.hours.${day}`, ["00:00-24:00"]]);
const service = await serve({ settings: { "phone.listen": "127.0.0.1:0", ...Object.fromEntries(always) } });
const chrome = await browser();
try {
  const code = await byKeyboard(chrome, service.base, { language: "en", width: 1280 });
  await byKeyboard(chrome, service.base, { language: "es", width: 320 });
  await byKeyboard(chrome, service.base, { language: "es", width: 900 });
  await race(chrome, service.base);
  await change(chrome, service.base, code);
  for (const [language, width] of [["en", 320], ["es", 1280]]) await plain(chrome, service.base, { language, width });
  await keysOff(chrome, service.base);
  for (const [width, scripts] of [[1280, true], [320, true], [320, false]]) await roster(chrome, service.base, { width, scripts });
  await live(chrome, service.base);
  const [, port] = /agi:\/\/127\.0\.0\.1:(\d+)/.exec(service.said());
  for (const [language, width] of [["en", 1280], ["es", 320]]) await handedOver(chrome, service.base, port, { language, width });
  const dark = await operator(chrome, service.base, { dark: true });
  await press(dark.page, "1");
  await dark.look("desk-dark");
  await expiry(chrome);
} catch (error) {
  fault(error.stack);
} finally {
  await chrome.close();
  await service.stop();
}
finish("desk");
