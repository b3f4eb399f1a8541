"""nbval leaves explorers out: the build draws them, site tests move them."""


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if "dl.explore(" not in item.cell.source]
