// A link leads where it says, and what it leads into is unfolded.
//
// While a page is loaded, what is far from the screen has no layout, and a height that is guessed (see book.css). It
// gets its own a section at a time, when nothing else is to be done; or all at once, as soon as a reader goes to some
// place within the page (or has come to one: layout.html). From then on nothing moves.
import { keepFitting } from "./formulas.mjs";

const sections = [...document.querySelectorAll(".bd-article > section > section")];
const idle = window.requestIdleCallback ?? setTimeout;
const root = document.documentElement;

// When a page is loaded the theme asks every piece of code and every section for its size, which lays all of it out in
// one go: on a phone, seconds in which no slider moves. It is told that the page is loaded when all has been laid out.
/** @type {Promise<unknown> | undefined} */
let told;
let waiting = !root.classList.contains("whole");
const loaded = new Promise((resolve) => addEventListener("load", resolve, { once: true }));
addEventListener("load", (event) => {
  if (waiting) event.stopImmediatePropagation();
});

function layOutAll() {
  root.classList.add("whole");
  sections.splice(0).forEach(keepFitting);
  if (waiting) {
    told ??= loaded.then(() => idle(() => {
      waiting = false;
      dispatchEvent(new Event("load"));
    }));
  }
}
function layOutNext() {
  const section = sections.shift();
  if (!section) return layOutAll();
  section.style.contentVisibility = "visible";
  keepFitting(section);
  idle(layOutNext);
}
/** Do something when all that is to be seen has been laid out, and fitted. @param {() => void} act */
const afterLayout = (act) => requestAnimationFrame(() => requestAnimationFrame(act));

/** Unfold what the address leads into, and go there again: what is above may have changed. */
function arrive() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let fold = target?.closest("details:not([open])"); fold; fold = fold.parentElement.closest("details:not([open])")) {
    fold.open = true;
  }
  target?.scrollIntoView();
}

// Who leaves a page and comes back finds it as it was: unfolded where it was, at the same place.
const folds = [...document.querySelectorAll("article details")];
addEventListener("pagehide", () => {
  const unfolded = folds.flatMap((fold, at) => (fold.open ? [at] : []));
  history.replaceState({ ...history.state, unfolded, y: scrollY }, "");
});

document.querySelectorAll(".bd-article > section > :not(section)").forEach(keepFitting);
if (root.classList.contains("whole")) {
  layOutAll();
  const { unfolded, y } = history.state ?? {};
  if (unfolded) {
    history.scrollRestoration = "manual";
    for (const at of unfolded) if (folds[at]) folds[at].open = true;
    afterLayout(() => scrollTo(0, y));
    loaded.then(() => setTimeout(() => (history.scrollRestoration = "auto")));
  } else {
    afterLayout(arrive);
  }
} else {
  loaded.then(() => idle(layOutNext));
}
document.addEventListener("click", ({ target }) => {
  const link = target.closest("a[href]");
  if (!link?.hash || link.pathname !== location.pathname) return;
  layOutAll();
  // After the browser has gone there by itself, also where it was already.
  afterLayout(() => link.hash === location.hash && arrive());
});
