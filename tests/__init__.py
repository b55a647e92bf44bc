"""A package, so that `tests.engines` means this folder and not another one that happens to be installed."""
