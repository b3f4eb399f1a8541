"""Imported first, spares whoever reads notebooks or builds the book what nobody here asks for."""

import sys
from types import SimpleNamespace

#: jsonschema compiles this grammar, if it is there, for a format that no schema here has: two seconds
sys.modules["rfc3987_syntax"] = None
#: pictures of titles for links, which import matplotlib: half a second
sys.modules["sphinxext.opengraph._social_cards"] = SimpleNamespace(
    DEFAULT_SOCIAL_CONFIG={}, create_social_card=None
)
