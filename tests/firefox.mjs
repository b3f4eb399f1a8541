// A chapter in Firefox, as a reader uses it: prints what it finds as JSON.
// node firefox.mjs FIREFOX COPIES ADDRESS
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import puppeteer from "../tools/npm/node_modules/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js";

const [executablePath, copies, address] = process.argv.slice(2);
const types = { js: "text/javascript", css: "text/css", woff: "font/woff", woff2: "font/woff2" };
const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 900 });
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  page.on("console", (line) => line.type() === "error" && troubles.push(line.text()));
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    const url = new URL(request.url());
    const [, scoped, name, path] = /^\/npm\/(@[^/]+\/)?([^@/]+)@[^/]+\/(.*)$/.exec(url.pathname) ?? [];
    const copy = name && join(copies, scoped ?? "", name, path);
    if (url.hostname === "127.0.0.1" || url.protocol === "data:") request.continue();
    else if (copy && existsSync(copy))
      request.respond({
        body: readFileSync(copy),
        contentType: types[copy.split(".").pop()],
        headers: { "Access-Control-Allow-Origin": "*" },
      });
    else {
      troubles.push(`not answered: ${url}`);
      request.abort();
    }
  });
  await page.goto(address, { waitUntil: "load" });
  const formulas = await page.$$eval("mjx-container", (all) => all.length);
  const errors = await page.$$eval("mjx-merror, [data-mjx-error]", (all) => all.length);
  const handle = await page.waitForSelector(".dlnlab-explorer .noUi-handle[aria-label]", { visible: true });
  const shown = () => page.$eval(".dlnlab-explorer img", (image) => image.alt);
  const moved = async (act) => {
    const before = await shown();
    await act();
    await page.waitForFunction(
      (alt) => document.querySelector(".dlnlab-explorer img")?.alt !== alt, {}, before
    );
    return [before, await shown()];
  };
  await handle.scrollIntoView();
  await handle.focus();
  const keyboard = await moved(() => page.keyboard.press("ArrowRight"));
  const base = await page.$(".dlnlab-explorer .noUi-base");
  const box = await base.boundingBox();
  const mouse = await moved(() => page.mouse.click(box.x + 2, box.y + box.height / 2));
  console.log(JSON.stringify({ troubles, formulas, errors, keyboard, mouse }));
} finally {
  await browser.close();
}
