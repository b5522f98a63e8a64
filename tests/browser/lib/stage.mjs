// What every browser test stands on: the service in a fresh directory, a browser, and the checks
// that hold on every page.
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const pictures = process.env.PICTURES ?? "target/browser";
mkdirSync(pictures, { recursive: true });

const freePort = () =>
  new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });

// Starts `cupo serve` with the tests' catalog, or with the text of another one, and settings.
export async function serve({ ttl = "10m", catalog, settings = {} } = {}) {
  const dir = mkdtempSync(join(tmpdir(), "cupo-browser-"));
  const text = catalog ?? readFileSync(new URL("catalog.toml", import.meta.url), "utf8");
  writeFileSync(join(dir, "catalog.toml"), text.replace("TTL", ttl));
  const base = `http://127.0.0.1:${await freePort()}`;
  const all = {
    dir: join(dir, "data"),
    listen: base.slice("http://".length),
    catalog: join(dir, "catalog.toml"),
    telephone: "+1 844 555 0123",
    requests_per_second: 10000,
    ...settings,
  };
  const lines = Object.entries(all).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  writeFileSync(join(dir, "cupo.toml"), lines.join("\n"));
  const child = spawn(process.env.CUPO, ["serve", "--config", join(dir, "cupo.toml")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stdout.on("data", (text) => (said += text));
  child.stderr.on("data", (text) => (said += text));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  for (let left = 150; ; left -= 1) {
    if (await fetch(`${base}/healthz`).then((answer) => answer.ok, () => false)) break;
    if (left === 0 || child.exitCode !== null) throw new Error(`cupo did not start: ${said}`);
    await new Promise((later) => setTimeout(later, 100));
  }
  const stop = () => {
    child.kill("SIGINT");
    setTimeout(() => child.kill("SIGKILL"), 5000).unref();
    return ended;
  };
  return { base, stop, said: () => said, dir };
}

export const browser = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"].concat([
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ]),
  });

export const counts = { pages: 0, axe: 0, pictures: 0, bytesMax: 0 };
const faults = [];
export const fault = (text) => {
  faults.push(text);
  console.error(`FAULT ${text}`);
};
export const check = (good, text) => good || fault(text);

// A page in a context of its own, whose console errors and sizes are watched.
export async function visitor(chrome, base, options = {}) {
  const { language = "es", scripts = true, width = 390, bytesMax = 30_000, dark = false } = options;
  const context = await chrome.newContext({
    baseURL: base,
    viewport: { width, height: width < 700 ? 844 : 900 },
    locale: language === "es" ? "es-MX" : "en-US",
    timezoneId: "America/Tijuana",
    javaScriptEnabled: scripts,
    colorScheme: dark ? "dark" : "light",
  });
  const page = await context.newPage();
  const name = `${language}${scripts ? "" : "-plain"}-${width}${dark ? "-dark" : ""}`;
  let expected = 0;
  page.on("console", (message) => {
    const refused = /status of 4\d\d/.test(message.text());
    if (message.type() === "error" && !(refused && expected)) fault(`${name}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => fault(`${name}: ${error.message}`));
  page.on("response", async (answer) => {
    if (!(answer.headers()["content-type"] ?? "").startsWith("text/html")) return;
    if (answer.status() >= 500) fault(`${name}: ${answer.status()} of ${answer.url()}`);
    const body = await answer.body().catch(() => null);
    if (!body) return;
    counts.pages += 1;
    counts.bytesMax = Math.max(counts.bytesMax, body.length);
    if (body.length > bytesMax) fault(`${name}: ${answer.url()} has ${body.length} bytes`);
  });
  // Looks at the page: axe, no sideways scrolling, a picture.
  const look = async (what, { picture = true } = {}) => {
    if (scripts) {
      const tags = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];
      const found = await new AxeBuilder({ page }).withTags(tags).analyze();
      counts.axe += 1;
      for (const one of found.violations) {
        fault(`${name} ${what}: axe ${one.id}: ${one.nodes.map((node) => node.html).join(" | ").slice(0, 400)}`);
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wide <= 0, `${name} ${what}: ${wide} px too wide`);
    }
    if (picture) {
      await page.screenshot({ path: join(pictures, `${what}-${name}.png`), fullPage: true });
      counts.pictures += 1;
    }
  };
  return { page, context, look, name, expectRefusals: () => (expected = 1) };
}

// Ends the test: prints what was counted, and fails if anything was at fault.
export function finish(area) {
  console.log(`${area}: ${JSON.stringify(counts)}, faults: ${faults.length}`);
  const evidence = process.env.CUPO_EVIDENCE;
  if (evidence && !faults.length) {
    const counted = `${counts.pages} pages, ${counts.axe} looks of axe, ${counts.pictures} pictures`;
    const seconds = Math.round(performance.now() / 1_000);
    appendFileSync(evidence, `| T16 a real browser: ${area} | ${counted} | ${seconds} s | passed |\n`);
  }
  process.exitCode = faults.length ? 1 : 0;
}
