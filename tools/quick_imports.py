"""Imported first, spares whoever reads notebooks two seconds.

jsonschema imports this package, if it is there, to compile the grammar of a format that no schema here has.
"""

import sys

sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
