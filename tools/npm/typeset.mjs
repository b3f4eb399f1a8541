// Sets the formulas of built pages, which saves every reader the work: node typeset.mjs SITE < PAGES, the folder of
// the site and a path a line. A page that was set already has nothing left to set.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import mathjax from "mathjax/es5/node-main.js";

const [site] = process.argv.slice(2);
const FONTS = "_static/fonts"; // where build.mjs puts them
const MathJax = await mathjax.init({
  loader: { load: ["input/tex", "output/chtml", "a11y/assistive-mml"] },
  // A command that is not known is an error and not red, and there are no macros of our own.
  tex: { packages: { "[-]": ["noundefined", "newcommand", "autoload"] } },
  chtml: { fontURL: FONTS },
});
const { adaptor, output } = MathJax.startup;

// As Sphinx writes them: <span class="math ...">\(...\)</span>, and <div class="math ...">, where a number may precede \[.
const FORMULA = /(<(?:span|div) class="(?:[^"]* )?math [^>]*)>(\s*(?:<span class="eqno">.*?<\/span>\s*)?)\\([([])([^]*?)\\[)\]](?=\s*<\/)/g;
// A formula in the text and the sign that follows it, or the bracket before it: they stay on one line.
const INLINE = '<span class="(?:[^"]* )?math [^>]* data-tex=(?:(?!</span)[^])*</span>';
const TOUCHED = new RegExp(`[(“]${INLINE}[.,;:?!)”’]*|${INLINE}[.,;:?!)”’]+`, "g");
const SCRIPTS = /<script[^>]*>window\.MathJax = [^<]*<\/script>\s*|<script[^>]*\/tex-chtml\.js"><\/script>\s*/g;
// What no style and no reader needs in HTML, 120 letters a formula.
const IDLE = / (?:data-mjx-[\w-]+|style|unselectable|xmlns)="(?:[^":]*|position: relative;|http:[^"]*)"/g;
const ENTITIES = { lt: "<", gt: ">", quot: '"', "#39": "'", "#x27": "'", amp: "&" };

let failed = false;
for (const page of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  output.clearCache(); // a page gets the styles of its own formulas, whatever was set before
  const known = new Map(); // most formulas of a page are symbols that it has often
  const html = (kind, escaped) => {
    const tex = escaped.replace(/&(\w+|#\w+);/g, (entity, name) => ENTITIES[name] ?? entity);
    const found = adaptor.outerHTML(MathJax.tex2chtml(tex, { display: kind === "[" }));
    const [, error] = /data-mjx-error="([^"]*)"/.exec(found) ?? [];
    if (error) {
      console.error(`${page}: ${error}: ${tex}`);
      failed = true;
    }
    return found.replaceAll(IDLE, "");
  };
  const set = (_, open, number, kind, escaped) => {
    const key = kind + escaped;
    if (!known.has(key)) known.set(key, html(kind, escaped));
    return `${open} data-tex="${escaped.trim().replaceAll('"', "&quot;")}">${number}${known.get(key)}`;
  };
  const text = readFileSync(page, "utf8").replace(FORMULA, set).replace(SCRIPTS, "").replace(TOUCHED, "<span class=\"whole-word\">$&</span>");
  const root = `${relative(dirname(page), site) || "."}/`;
  const styles = adaptor.textContent(MathJax.chtmlStylesheet()).replaceAll(FONTS, root + FONTS)
    .replaceAll('.woff") format("woff")', '.woff2") format("woff2")'); // fonts.py makes them
  writeFileSync(page, text.replace("</head>", () => `<style>${styles}</style>\n</head>`));
}
process.exitCode = Number(failed);
