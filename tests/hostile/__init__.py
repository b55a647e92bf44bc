"""Text that somebody wrote to do harm where it is shown or opened: a hundred for a browser, fifty for a spreadsheet."""

from __future__ import annotations

import json
from pathlib import Path

_HERE = Path(__file__).parent

XSS: tuple[str, ...] = tuple(json.loads((_HERE / "xss.json").read_text(encoding="ascii")))
CSV: tuple[str, ...] = tuple(json.loads((_HERE / "csv.json").read_text(encoding="ascii")))
