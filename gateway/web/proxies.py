"""Who is at the other end: the network address of a customer, as far as proxies we trust tell it."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def client_of(seen: str, forwarded: Sequence[str], trusted: Collection[Network]) -> str:
    """Return the address a rate counts: one host of IPv4, one /64 of IPv6 (one customer has at least that).

    `seen` is the connection's other end, `forwarded` the X-Forwarded-For headers in order. Each proxy adds at the right
    whom it saw, so they are read from there, and only as far as each word comes from a proxy we trust.
    """
    address = _address(seen)
    if address is None:
        return seen
    for hop in reversed(",".join(forwarded).split(",")):
        if not any(address in network for network in trusted):
            break
        named = _address(hop.strip())
        if named is None:
            break
        address = named
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
