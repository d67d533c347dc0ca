"""Which machine a name means, and whether it is one of the inside."""

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address


class Network:
    """The network as this machine sees it. Tests put another in its place."""

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the IP addresses of a host, in the order in which to try them. Raises OSError when it has none."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def is_private(self, address: str) -> bool:
        """Whether an IP address is of this machine, its network, or otherwise not of the public internet."""
        seen = ipaddress.ip_address(address)
        inner = _embedded(seen) if isinstance(seen, IPv6Address) else None
        return any(not one.is_global or one.is_multicast or _site(one) for one in (seen, inner) if one)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _site(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv6Address) and address.is_site_local
