"""The search of the site finds a word however it is spelled: with or without accents, British or American.

Words of the index and of a question are brought to one spelling before they are stemmed, here and, by the
same rules, in the browser. Sphinx asks for the language when it makes the index.
"""

import json
import re
import unicodedata
from typing import Any

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

# Letters that are no others with an accent, and endings, as JavaScript and Python both read them.
SPELLINGS = {
    "ł": "l",
    "ø": "o",
    "ß": "ss",
    "is(?=(?:e[sdr]?|ers|ing|ations?|able)$)": "iz",
    "ys(?=(?:e[sdr]?|ers|ing)$)": "yz",
    "(?<=[a-z]{3})our(?=(?:s|al|ed)?$)": "or",
    "(?<=nt|ib)re(?=s?$)": "er",
}


class AnySpelling(SearchEnglish):
    """English words in one spelling, stemmed as Sphinx stems them."""

    js_stemmer_code = f"""{SearchEnglish.js_stemmer_code}
Stemmer = ((Porter) => function () {{
  const porter = new Porter();
  const spellings = {json.dumps(list(SPELLINGS.items()))};
  this.stemWord = (word) => porter.stemWord(spellings.reduce(
    (plain, [ending, other]) => plain.replace(new RegExp(ending), other),
    word.toLowerCase().normalize("NFD").replace(/\\p{{M}}/gu, "")));
}})(Stemmer);
"""

    def stem(self, word: str) -> str:
        """Return the stem of a word, of whatever spelling.

        >>> language = AnySpelling({})
        >>> [language.stem(word) for word in ("Łojasiewicz", "minimizer", "minimiser", "behaviors", "fibre")]
        ['lojasiewicz', 'minim', 'minim', 'behavior', 'fiber']
        """
        letters = unicodedata.normalize("NFD", word.lower())
        plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
        for ending, other in SPELLINGS.items():
            plain = re.sub(ending, other, plain)
        return super().stem(plain)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_search_language(AnySpelling)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
