// On the page of the search: what is found leads to the first section that has most of the words, not to the top of a page.
// From a folder a page may not read the files beside it: links stay as they are, and no lines around a word are shown.
const results = document.getElementById("search-results");

/** The words of a text as the index has them: see tools/search_words.py. @param {string} text */
function stems(text) {
  const stemmer = new Stemmer();
  const words = new Set(text.toLowerCase().match(/[\p{L}\p{N}_]+/gu));
  return [...words].map((word) => stemmer.stemWord(word));
}

/** @param {HTMLAnchorElement} link @param {string[]} wanted */
async function leadToSection(link, wanted) {
  const page = await fetch(link.href).then((answer) => answer.text());
  const { body } = new DOMParser().parseFromString(page, "text/html");
  const count = (/** @type {Element} */ section) => {
    const found = stems(section.textContent);
    return wanted.filter((word) => found.some((other) => other.startsWith(word))).length;
  };
  const sections = [...body.querySelectorAll("article section[id]:has(> h2, > h3)")].map((section) => ({ section, words: count(section) }));
  const most = Math.max(1, ...sections.map(({ words }) => words));
  const having = sections.filter(({ words }) => words === most).map(({ section }) => section);
  // Of sections within each other the innermost.
  const first = having.find((section) => !having.some((other) => other !== section && section.contains(other)));
  if (first) link.hash = first.id;
}

if (results && location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
} else if (results) {
  const wanted = stems(new URLSearchParams(location.search).get("q") ?? "");
  const seen = new WeakSet();
  new MutationObserver(() => {
    for (const link of results.querySelectorAll("li > a:first-child")) {
      if (seen.has(link)) continue;
      seen.add(link);
      if (!link.hash) leadToSection(link, wanted).catch(() => {});
    }
  }).observe(results, { childList: true, subtree: true });
}
