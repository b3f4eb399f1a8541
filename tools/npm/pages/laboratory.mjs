// The laboratory on its page: the module that notebooks load, with the tasks that the page has.
import * as laboratory from "../laboratory/main.mjs";

const tasks = JSON.parse(document.getElementById("laboratory-tasks").textContent);
for (const place of document.querySelectorAll("div.laboratory")) laboratory.onPage(place, { tasks });
// For who wants to try its engine in the console of the browser, as the tests do.
window.laboratory = laboratory;
