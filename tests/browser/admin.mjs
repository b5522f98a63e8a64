// The administration in a real browser: dashboard, closure wizard, capacities, catalog, keys; in
// both languages, with and without scripts, narrow and wide, and by keyboard alone.
import { createServer } from "node:http";
import { browser, check, counts, fault, finish, serve, visitor } from "./lib/stage.mjs";

let people = 0;

// Books as a citizen does, without a browser; answers with the code.
async function book(base, { service = "passport", office = "boston", at = 0 } = {}) {
  people += 1;
  let cookies = "";
  const send = async (path, fields) => {
    const body = fields && new URLSearchParams(fields);
    const method = body ? "POST" : "GET";
    const answer = await fetch(base + path, { method, body, headers: { cookie: cookies }, redirect: "manual" });
    const set = answer.headers.getSetCookie().map((one) => one.split(";")[0]);
    const all = new Map(cookies.split("; ").concat(set).filter(Boolean).map((one) => [one.split("=")[0], one]));
    cookies = [...all.values()].join("; ");
    return answer;
  };
  await send("/book/service", { service, persons: 1 });
  await send("/book/office", { office });
  await send("/book/details", {
    name: `Ana Ruiz ${people}`, telephone: `202 555 ${1000 + people}`, email: "", day: 31, month: 1, year: 1990,
  });
  const when = await (await send("/book/when")).text();
  const slots = [...when.matchAll(/name="slot" value="([^"]+)"/g)].map((found) => found[1]);
  const slot = slots[Math.min(at, slots.length - 1)];
  await send("/book/when", { slot });
  await send("/book/check", {});
  const booked = await (await send("/booked")).text();
  const code = /\d{3} \d{3} \d{3}/.exec(booked)?.[0];
  if (!code) fault(`no booking for ${slot}`);
  return { slot, code, name: `Ana Ruiz ${people}` };
}

// Signed in once by the form, and with the same cookie from then on: tries are counted.
let signedIn;
async function signIn(page, path = "/admin") {
  if (signedIn) await page.context().addCookies(signedIn);
  await page.goto(path);
  if (signedIn) return;
  await page.fill("input[name=key]", "demo-admin");
  await page.click("main form button");
  await page.waitForURL(`**${path}`);
  signedIn = (await page.context().cookies()).filter((cookie) => cookie.name === "staff");
}

const PAGES = {
  dashboard: "/admin",
  table: "/admin?view=table&days=7",
  office: "/admin/offices/boston",
  capacity: "/admin/calendars/boston",
  closures: "/admin/closures",
  catalog: "/admin/catalog",
  reports: "/admin/reports",
  keys: "/admin/keys",
  webhooks: "/admin/webhooks",
  audit: "/admin/audit",
};

async function everyPage(chrome, base, options) {
  const { page, context, look } = await visitor(chrome, base, { bytesMax: 400_000, ...options });
  await signIn(page, "/desk");
  // A call that ended, so that the telephone has figures.
  await page.selectOption("#wrap", "information");
  await Promise.all([page.waitForEvent("load"), page.click("#close")]);
  for (const [name, path] of Object.entries(PAGES)) {
    await page.goto(`${path}${path.includes("?") ? "&" : "?"}lang=${options.language}`);
    await look(`admin-${name}`);
  }
  await context.close();
}

// The numbers move without a reload, and every cell says its number.
async function live(chrome, base) {
  const { page, context } = await visitor(chrome, base, { width: 1280, bytesMax: 400_000 });
  await signIn(page);
  const before = await page.getAttribute("[data-line=confirms] .line", "d");
  await book(base);
  await page.waitForFunction(
    (before) => document.querySelector("[data-line=confirms] .line").getAttribute("d") !== before,
    before, { timeout: 15_000 },
  ).catch(() => fault("dashboard: the load does not move"));
  const empty = await page.locator(".heat td", { hasText: /^\s*$/ }).count();
  check(empty === 0, `dashboard: ${empty} cells without a number`);
  check((await page.textContent(".figures .good b")) === "0", "dashboard: double bookings are not 0");
  await context.close();
}

// From the dates to the list of whom to call.
async function closure(chrome, base, { language, scripts, width, fate, calendar }) {
  const booked = await book(base, { office: calendar, at: 3 });
  const date = booked.slot.split("~")[1];
  const options = { language, scripts, width, bytesMax: 400_000 };
  const { page, context, look, name } = await visitor(chrome, base, options);
  await signIn(page, "/admin/closures/new");
  await page.goto(`/admin/closures/new?lang=${language}`);
  await look("admin-close-1");
  await page.selectOption("#office", calendar);
  await page.fill("#from", date);
  await page.fill("#reason", "Sin agua");
  await page.click("main form button");
  await look("admin-close-2");
  const listed = await page.locator("main table tbody tr").count();
  check(listed > 0, `${name}: nobody is listed`);
  const csv = await page.request.get(await page.getAttribute("a[download]", "href"));
  check((await csv.text()).trim().split("\r\n").length === listed + 1, `${name}: the file differs from the list`);
  await page.click(`label:has(input[value=${fate}])`);
  await page.click("main form button");
  await look("admin-close-3");
  await page.click("button.danger");
  await page.waitForURL("**/admin/closures/result/*");
  await look("admin-close-4");
  const text = await page.textContent("main");
  check(text.includes(booked.name), `${name}: ${booked.name} is not among the contacts`);
  check((await page.locator("main table tbody tr").count()) === listed, `${name}: other people than listed`);
  check(!/ruiz|555/i.test(page.url()), `${name}: personal data in ${page.url()}`);
  const contacts = await page.request.get(await page.getAttribute("a[download]", "href"));
  check((await contacts.text()).includes("+1202555"), `${name}: no telephone in the file`);
  await page.goto("/admin/closures");
  await look("admin-close-5");
  await page.click(`tr:has-text("${calendar}") button`);
  await page.waitForURL("**/admin/closures?restored=*");
  const count = fate === "cancel" ? "0" : String(listed);
  check(page.url().endsWith(`=${count}`), `${name}: restored ${page.url().split("=")[1]}, not ${count}`);
  await page.goto("/admin/audit");
  check((await page.textContent("main")).includes("read-contacts"), `${name}: reading contacts was not noted`);
  await context.close();
}

// Somebody books while the wizard stands at its last step: it says so, and closes nothing.
async function overtaken(chrome, base) {
  const { page, context, look, expectRefusals } = await visitor(chrome, base, { width: 1280, bytesMax: 400_000 });
  expectRefusals();
  const { slot } = await book(base, { office: "toronto", at: 5 });
  const date = slot.split("~")[1];
  await signIn(page, "/admin/closures/new");
  await page.goto(`/admin/closures/list?calendar=toronto&from=${date}&reason=x&fate=keep`);
  await book(base, { office: "toronto", at: 5 });
  await page.click("button.danger");
  await look("admin-close-overtaken");
  check((await page.locator("[role=alert]").count()) === 1, "overtaken: no alert");
  check((await page.locator("button.danger").count()) === 1, "overtaken: a dead end");
  await page.goto("/admin/closures");
  check((await page.locator("main table").count()) === 0, "overtaken: closed all the same");
  await context.close();
}

async function capacities(chrome, base, scripts) {
  const { slot } = await book(base, { office: "dallas", at: 2 });
  const date = slot.split("~")[1];
  const { page, context, look, name } = await visitor(chrome, base, { scripts, width: 1280, bytesMax: 400_000 });
  await signIn(page, "/admin/calendars/dallas");
  await page.fill("#date", date);
  await page.fill("#desks-day", "4");
  if (scripts) check((await page.textContent("[data-hour]")) === "12", `${name}: 4 desks of 20 minutes are 12 an hour`);
  await page.fill("#desks-day", "0");
  await page.click("form[action$='/day/check'] button");
  await look("admin-capacity-check");
  check((await page.locator(".alarm").count()) === 1, `${name}: the booking is not named`);
  await page.click("main form button");
  await page.waitForURL("**done=1");
  await look("admin-capacity-day");
  await page.click("form[action$='/day/reset'] button");
  await page.waitForURL("**done=1");
  await page.fill("#desks", "3");
  await page.fill("#web", "50 %");
  await page.click("form[action$='/week/check'] button");
  await look("admin-capacity-week");
  await page.click("main form button");
  await page.waitForURL("**done=1");
  check((await page.inputValue("#desks")) === "3", `${name}: the desks were not saved`);
  await context.close();
}

async function catalogAndKeys(chrome, base, scripts) {
  const { page, context, look, name, expectRefusals } = await visitor(chrome, base, { scripts, width: 1280, bytesMax: 400_000 });
  await signIn(page, "/admin/catalog");
  const text = await page.inputValue("#catalog");
  const street = scripts ? "1 State St, Boston, MA" : "2 State St, Boston, MA";
  await page.fill("#catalog", text.replace(/address = "[^"]*Boston[^"]*"/, `address = "${street}"`));
  await page.click("main form button");
  await look("admin-catalog-check");
  check((await page.locator("ins", { hasText: street }).count()) === 1, `${name}: the difference is not shown`);
  await page.click("main form button");
  await page.waitForURL("**done=1");
  check((await page.inputValue("#catalog")).includes(street), `${name}: not installed`);
  check((await page.inputValue("#catalog")).includes("México"), `${name}: letters are lost`);
  expectRefusals();
  await page.fill("#catalog", "offices = 1");
  await page.click("main form button");
  await look("admin-catalog-wrong");
  check((await page.locator("[role=alert]").count()) === 1, `${name}: a wrong catalog is not refused`);
  await page.goto("/admin/keys");
  await page.fill("#name", "Turno 2");
  await page.click("label:has(input[value=desk])");
  await page.click("main form[action='/admin/keys'] button");
  await look("admin-key-made");
  const key = await page.textContent(".secret");
  await page.reload();
  check((await page.locator(".secret").count()) === 0, `${name}: the key is shown twice`);
  check(!(await page.content()).includes(key), `${name}: the key is in the page`);
  await page.click("form[action='/admin/keys/revoke'] button");
  await page.waitForURL("**revoked=1");
  await context.close();
}

// A program that takes what it is told, and one that does not.
async function webhooks(chrome, base) {
  const taken = [];
  const receiver = createServer((request, answer) => {
    taken.push(request.headers["webhook-signature"]);
    answer.writeHead(request.url === "/bad" ? 500 : 204).end();
  });
  await new Promise((ready) => receiver.listen(0, "127.0.0.1", ready));
  const { page, context, look } = await visitor(chrome, base, { width: 1280, bytesMax: 400_000 });
  await signIn(page, "/admin/webhooks");
  for (const path of ["/good", "/bad"]) {
    await page.goto("/admin/webhooks");
    await page.fill("#url", `http://127.0.0.1:${receiver.address().port}${path}`);
    await page.fill("#note", path);
    await page.click("main form[action='/admin/webhooks'] > button");
    check((await page.textContent(".secret")).startsWith("whsec_"), "webhooks: no key is shown");
    await look("admin-webhook-made");
    await page.click(`table a:has-text("${path}")`);
    await page.click("form[action$='/test'] button");
    await page.waitForURL("**tried=*");
    check(page.url().endsWith(path === "/good" ? "=204" : "=500"), `webhooks: ${path} ${page.url()}`);
    await look(`admin-webhook${path.replace("/", "-")}`);
  }
  check(taken.length >= 2 && taken.every(Boolean), "webhooks: an unsigned delivery");
  await page.click("form[action$='/switch'] button");
  await page.waitForSelector("dd:has-text('Detenido')");
  await page.click("form[action$='/remove'] button");
  await page.waitForURL("**done=1");
  check((await page.locator("main tbody tr").count()) === 1, "webhooks: not removed");
  await context.close();
  receiver.close();
}

async function keyboard(chrome, base) {
  const { slot } = await book(base, { office: "boston", at: 9 });
  const { page, context } = await visitor(chrome, base, { width: 1280, bytesMax: 400_000 });
  const to = async (what, key) => {
    for (let left = 120; left > 0; left -= 1) {
      await page.keyboard.press("Tab");
      const text = await page.evaluate(() => {
        const it = document.activeElement;
        return `${it.id} ${it.name ?? ""} ${it.value ?? ""} ${it.textContent.trim()}`;
      });
      if (!text.includes(what)) continue;
      const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      check(ring !== "none", `keyboard: no ring on ${what}`);
      return key && page.keyboard.press(key);
    }
    fault(`keyboard: ${what} cannot be reached`);
  };
  await signIn(page, "/admin/closures");
  await to("Cerrar fechas", "Enter");
  await page.waitForURL("**/new");
  await to("office", "");
  await page.keyboard.type("Consulado de México en Boston");
  await to("from", "");
  const [year, month, day] = slot.split("~")[1].split("-");
  await page.keyboard.type(`${month}${day}${year}`);
  check((await page.inputValue("#from")) === `${year}-${month}-${day}`, "keyboard: the date is another one");
  await to("reason", "");
  await page.keyboard.type("Sin luz");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/list?**");
  await to("keep", "ArrowDown");
  await to("Continuar", "Enter");
  await page.waitForURL("**fate=offer**");
  await to("Cerrar estas fechas", "Enter");
  await page.waitForURL("**/result/**");
  check((await page.locator("main table tbody tr").count()) > 0, "keyboard: nobody to call");
  await context.close();
}

async function strangers(chrome, base) {
  const { page, context, look, expectRefusals } = await visitor(chrome, base, { bytesMax: 400_000 });
  expectRefusals();
  await page.goto("/admin/reports?from=2026-01-01");
  check(page.url().includes("/staff/sign-in"), `strangers: ${page.url()}`);
  await page.fill("input[name=key]", "demo-desk");
  await page.click("main form button");
  await look("admin-refused");
  check((await page.locator("[role=alert]").count()) === 1, "strangers: an operator sees the administration");
  await context.close();
}

const service = await serve({ settings: { webhooks_private: true } });
const chrome = await browser();
try {
  const { base } = service;
  for (let n = 0; n < 6; n += 1) await book(base, { office: n % 2 ? "boston" : "toronto", at: n });
  await strangers(chrome, base);
  await everyPage(chrome, base, { language: "es", width: 1280 });
  await everyPage(chrome, base, { language: "en", width: 320 });
  await everyPage(chrome, base, { language: "es", width: 1280, dark: true });
  await everyPage(chrome, base, { language: "en", width: 1280, scripts: false });
  await live(chrome, base);
  await overtaken(chrome, base);
  await closure(chrome, base, { language: "es", width: 1280, fate: "keep", calendar: "boston" });
  await closure(chrome, base, { language: "en", width: 390, fate: "offer", calendar: "boston" });
  await closure(chrome, base, { language: "es", width: 1280, scripts: false, fate: "cancel", calendar: "toronto" });
  for (const scripts of [true, false]) {
    await capacities(chrome, base, scripts);
    await catalogAndKeys(chrome, base, scripts);
  }
  await webhooks(chrome, base);
  await keyboard(chrome, base);
} catch (error) {
  fault(error.stack);
} finally {
  await chrome.close();
  await service.stop();
}
check(counts.pages > 0, "no page was seen");
finish("admin");
