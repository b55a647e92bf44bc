"""What the pages of the dashboard share: who looks at what, how values become words and figures, and the launcher.

`context` opens the store and says what may be seen, `faults` shows one message for what went wrong, `verification`
runs a check in slices, `figures` and `strip` draw, `formats`, `words` and `record_view` turn values into text. Nothing
here knows how records are stored or judged: that is `audit_core`.
"""
