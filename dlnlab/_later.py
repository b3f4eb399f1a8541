"""Names that a package imports when they are first asked for."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any


def later(
    package: str, public: Sequence[str], **homes: Sequence[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package some names of which wait in their modules.

    Parameters
    ----------
    package : str
        The name of the package.
    public : sequence of str
        All its public names.
    **homes : sequence of str
        For each module of the package that waits the names that it holds; its own name is the module.
    """
    home = {name: module for module, names in homes.items() for name in names}

    def __getattr__(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{home[name]}")
        return module if name == home[name] else getattr(module, name)

    return __getattr__, lambda: sorted(public)
