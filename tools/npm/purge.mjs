// Takes the rules that no page of a site uses out of its theme's style: node purge.mjs SITE.
import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PurgeCSS } from "purgecss";

const [site] = process.argv.slice(2);
const style = join(site, "_static/styles/pydata-sphinx-theme.css");
const content = globSync([join(site, "**/*.html"), join(site, "_static/**/*.js")]);
const [{ css }] = await new PurgeCSS().purge({ content, css: [style], dynamicAttributes: ["data-theme", "data-mode"] });
writeFileSync(style, css);
