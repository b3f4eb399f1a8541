"""Ask every address outside the book whether it still answers; list those that do not. Fails nothing."""

import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

HTML = Path(__file__).resolve().parent.parent / "_build" / "html"
# Publishers that turn programs away: the address is there.
TURNS_AWAY = {401, 403, 405, 418, 429, 503}


def trouble(address: str) -> str:
    """Return why an address does not answer, or nothing."""
    try:
        with urlopen(Request(address, headers={"User-Agent": "Mozilla/5.0"}), timeout=20):
            return ""
    except HTTPError as error:
        return "" if error.code in TURNS_AWAY else f"{error.code} {error.reason}"
    except (URLError, OSError, ValueError) as error:
        return str(error)


def main() -> None:
    pages = defaultdict(set)
    for page in (HTML / "book").rglob("*.html"):
        for address in re.findall(r'<a [^>]*href="(https?://[^"#]+)', page.read_text(encoding="utf-8")):
            pages[unescape(address)].add(page.relative_to(HTML).as_posix())
    with ThreadPoolExecutor(16) as pool:
        found = dict(zip(pages, pool.map(trouble, pages), strict=True))
    broken = {address: why for address, why in found.items() if why}
    for address, why in sorted(broken.items()):
        print(f"{address}: {why} (on {', '.join(sorted(pages[address]))})")
    print(f"{len(pages)} addresses, {len(broken)} do not answer")


if __name__ == "__main__":
    main()
