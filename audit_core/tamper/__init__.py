"""Attacks on demo chains: what is done to a table, what still catches it, and what restores it.

They are those of CASES 31 to 37 and 54 to 62. `target`, `acts`, `attacks` and `scenes` are pure: what an attack changes
among a table's items. `practice` makes the chains that are there to be attacked, `guard` refuses every other one, `lab`
does the writing, `defences` says what caught it.
"""
