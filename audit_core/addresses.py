"""Addresses of an engine: what counts as local and what is Amazon's (FORMAT 1), by the text of the address alone.

Nothing is resolved or asked: a name that only seems local cannot be told apart here, and one that is not known to be
local is not.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ENDPOINT_URL_RULE", "host_and_port", "is_amazon_host", "is_endpoint_url", "is_host", "is_local_url"]

ENDPOINT_URL_RULE = (
    "an http or https address such as http://localhost:8000, of letters, digits, '-' and '.', without user name, "
    "password, query or fragment"
)
AMAZON_DOMAINS = (
    "aws",  # a top-level domain of Amazon's own: api.aws, on.aws
    "amazon.com",
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "amazonwebservices.com.cn",
    "amazonwebservices.eu",
    "c2s.ic.gov",
    "aws.ic.gov",
    "sc2s.sgov.gov",
    "aws.scloud",
    "adc-e.uk",
    "hci.ic.gov",
)
_HOST_NAME = re.compile(r"(?:(?!-)[A-Za-z0-9-]{1,63}(?<!-)\.)*(?!-)[A-Za-z0-9-]{1,63}(?<!-)\.?", re.ASCII)


def is_host(host: str) -> bool:
    """Whether the text is a host name or an IP address, with no scheme, port or path."""
    return _address(host) is not None or (len(host) <= 255 and _HOST_NAME.fullmatch(host) is not None)  # noqa: PLR2004 - RFC 1035


def is_endpoint_url(url: str) -> bool:
    """Whether the text is an address for an engine (`ENDPOINT_URL_RULE`)."""
    if not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is not a port
        host = parts.hostname
    except ValueError:
        return False
    bare = "@" not in parts.netloc and "?" not in url and "#" not in url
    return bare and parts.scheme in {"http", "https"} and host is not None and is_host(host)


def is_amazon_host(host: str) -> bool:
    """Whether the host lies in a domain of Amazon's."""
    name = _plain(host)
    return any(name == domain or name.endswith(f".{domain}") for domain in AMAZON_DOMAINS)


def is_local_url(url: str, local_hosts: Iterable[str]) -> bool:
    """Whether the address is loopback or in `local_hosts`, and not one of Amazon's (FORMAT 1)."""
    host = urlsplit(url).hostname
    if host is None or is_amazon_host(host):
        return False
    address = _address(host)
    if isinstance(address, ipaddress.IPv4Address):
        loopback = address in ipaddress.IPv4Network("127.0.0.0/8")
    else:
        loopback = address == ipaddress.IPv6Address("::1") or _plain(host) == "localhost"
    return loopback or _plain(host) in {_plain(listed) for listed in local_hosts}


def host_and_port(url: str) -> str:
    """Return the address for a person to read: host and port, never a user name or password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _plain(host: str) -> str:
    return host.removesuffix(".").lower()
