// What every page of the book runs; each part says what it is for.
import "../../../dlnlab/book/static/explorer.css";
import "./book.css";
import "./explorers.mjs";
import "./arrival.mjs";
import "./checks.mjs";
import "./copy.mjs";
import "./paper.mjs";
import "./search.mjs";
import "./symbols.mjs";
