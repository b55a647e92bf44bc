"""A search field that counts as it is typed, with the address as the place where its text is kept.

Each run shows what the address says; but a field that has just said so itself is left alone, since a field that is told
anew loses what is being typed.
"""

from __future__ import annotations

import streamlit as st

__all__ = ["keep", "said", "showing"]

_SAID = "said by a search field"


def showing(key: str, value: str) -> str:
    """Let the field with this key show a value of the address, and return the key."""
    if st.session_state.get(_SAID) == (key, value):
        del st.session_state[_SAID]
    else:
        st.session_state[key] = value
    return key


def keep(key: str) -> str:
    """Return what was typed, to be written into the address; for the field's callback."""
    value = (st.session_state[key] or "").strip()
    said(key, value)
    return value


def said(key: str, value: str) -> None:
    """Note that the field with this key has said itself what the address is about to say; for its callback."""
    st.session_state[_SAID] = (key, value)
