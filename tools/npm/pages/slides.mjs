// A deck of a session: what is too much for the screen is drawn smaller.
import Reveal from "reveal.js";
import "reveal.js/reveal.css";
import "../../../dlnlab/book/static/explorer.css";
import "./slides.css";
import "./explorers.mjs";

const deck = new Reveal(document.querySelector(".reveal"), {
  width: 1280,
  height: 720,
  margin: 0.04,
  center: false,
  hash: true,
  slideNumber: "c/t",
  transition: "none",
  // The keys of a slider are its own.
  keyboardCondition: () => !document.activeElement?.closest("input, button"),
});
const fit = () => {
  const slide = deck.getCurrentSlide();
  for (let size = 100; size > 40; size -= 4) {
    slide.style.fontSize = `${size}%`;
    if (slide.scrollHeight <= 700 && slide.scrollWidth <= 1280) break;
  }
};
deck.on("ready", fit);
deck.on("slidechanged", fit);
// Letters and pictures that come later.
document.fonts.addEventListener("loadingdone", fit);
document.addEventListener("load", ({ target }) => target.localName === "img" && fit(), true);
window.deck = deck;
deck.initialize();
