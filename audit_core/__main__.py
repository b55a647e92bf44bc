"""`python -m audit_core`: the command line, which is in `cli`."""

from __future__ import annotations

from audit_core.cli import main

if __name__ == "__main__":
    main()
