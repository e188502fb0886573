"""By which addresses limits count."""

import pytest

from e3db_connectors.server.http import network_of


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("/run/server.sock", "/run/server.sock"),
        ("", ""),
    ],
)
def test_a_network_counts_as_one(host, network):
    assert network_of(host) == network
