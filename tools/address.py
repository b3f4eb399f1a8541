"""Write the address of the repository, kept in _config.yml, wherever it stands."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
FORM = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+)")


def main(arguments: list[str]) -> int:
    match = FORM.fullmatch(arguments[0].removesuffix("/")) if len(arguments) == 1 else None
    if match is None:
        print(f"URL must be https://github.com/OWNER/NAME, got {' '.join(arguments) or 'nothing'}")
        return 2
    old = FORM.fullmatch(yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"])
    if old is None:
        print("repository.url in _config.yml must be https://github.com/OWNER/NAME")
        return 2
    # OWNER/NAME, which Binder's addresses hold too, and the address of the published pages.
    replacements = {
        f"{old[1]}/{old[2]}": f"{match[1]}/{match[2]}",
        f"{old[1]}.github.io/{old[2]}": f"{match[1]}.github.io/{match[2]}",
    }
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in tracked.stdout.splitlines():
        path = ROOT / name
        text = path.read_bytes().decode("utf-8", errors="ignore")
        changed = text
        for before, after in replacements.items():
            changed = changed.replace(before, after)
        if changed != text:
            path.write_text(changed, encoding="utf-8")
            print(f"{name}: {match[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
