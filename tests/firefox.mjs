// A chapter in Firefox, as a reader uses it: prints what it finds as JSON.
// node firefox.mjs FIREFOX ADDRESS
import puppeteer from "../tools/npm/node_modules/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js";

const [executablePath, address] = process.argv.slice(2);
const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 900 });
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  page.on("console", (line) => line.type() === "error" && troubles.push(line.text()));
  page.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (hostname !== "127.0.0.1" && protocol !== "data:") troubles.push(`asked for ${request.url()}`);
  });
  await page.goto(address, { waitUntil: "load" });
  const formulas = await page.$$eval("mjx-container", (all) => all.length);
  const errors = await page.$$eval("mjx-merror, [data-mjx-error]", (all) => all.length);
  const handle = await page.waitForSelector(".explorer input", { visible: true });
  const shown = () => page.$eval(".explorer img", (image) => image.alt);
  const moved = async (act) => {
    const before = await shown();
    await act();
    await page.waitForFunction(
      (alt) => document.querySelector(".explorer img").alt !== alt, {}, before
    );
    return [before, await shown()];
  };
  await handle.scrollIntoView();
  await handle.focus();
  const keyboard = await moved(() => page.keyboard.press("ArrowRight"));
  const box = await handle.boundingBox();
  const mouse = await moved(() => page.mouse.click(box.x + 2, box.y + box.height / 2));
  console.log(JSON.stringify({ troubles, formulas, errors, keyboard, mouse }));
} finally {
  await browser.close();
}
