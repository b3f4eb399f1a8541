// Explorers on a page: the module that notebooks load, over frames that lie beside the page.
import explorer from "../../../dlnlab/book/static/explorer.js";

/** The part of a widget's model that the module asks for, over what the page says. @param {Map<string, any>} state */
const modelOf = (state) => ({
  get: (/** @type {string} */ name) => state.get(name),
  set: (/** @type {string} */ name, /** @type {any} */ value) => state.set(name, value),
  save_changes() {},
  on() {},
  off() {},
});

for (const place of document.querySelectorAll("div.explorer")) {
  const state = new Map(Object.entries(JSON.parse(place.querySelector("script").textContent)));
  explorer.render({ el: place, model: modelOf(state) });
}
