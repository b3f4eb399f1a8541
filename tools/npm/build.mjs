// Bundles the scripts of the pages, node build.mjs FOLDER, or the module of notebooks, node build.mjs laboratory FILE.
import { cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const options = { absWorkingDir: here, bundle: true, minify: true, legalComments: "eof", logLevel: "warning" };
const [what, file] = process.argv.slice(2);
if (what === "laboratory") {
  await build({ ...options, entryPoints: ["laboratory/main.mjs"], format: "esm", outfile: file });
} else {
  // Scripts, and not modules, which a page in a folder may not load.
  const entryPoints = ["book", "slides", "laboratory"].map((name) => `pages/${name}.mjs`);
  await build({ ...options, entryPoints, format: "iife", outdir: what });
  cpSync(join(here, "node_modules/mathjax/es5/output/chtml/fonts/woff-v2"), join(what, "fonts"), { recursive: true });
}
