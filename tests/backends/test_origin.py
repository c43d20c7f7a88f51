"""Addresses of systems: what is more than an origin, or an address in disguise, is refused."""

import pytest

from backends.origin import InvalidOriginError, Origin


@pytest.mark.parametrize(
    ("text", "origin", "authority"),
    [
        ("http://127.0.0.1:9001", Origin("127.0.0.1", 9001, is_tls=False), "127.0.0.1:9001"),
        ("http://ERP.example", Origin("erp.example", 80, is_tls=False), "erp.example"),
        ("http://erp_db:80", Origin("erp_db", 80, is_tls=False), "erp_db"),
        ("http://erp:443", Origin("erp", 443, is_tls=False), "erp:443"),
        ("https://erp.example", Origin("erp.example", 443, is_tls=True), "erp.example"),
        ("https://erp.example:80", Origin("erp.example", 80, is_tls=True), "erp.example:80"),
        ("http://[::1]:8080", Origin("::1", 8080, is_tls=False), "[::1]:8080"),
    ],
)
def test_an_origin_is_scheme_host_and_port(text: str, origin: Origin, authority: str) -> None:
    """The scheme's own port may be left out, and is left out of `Host`."""
    parsed = Origin.parse(text)

    assert (parsed, parsed.authority) == (origin, authority)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "begins with"),
        ("127.0.0.1:9001", "begins with"),
        ("//127.0.0.1:9001", "begins with"),
        ("file:///etc/passwd", "begins with"),
        ("ftp://127.0.0.1", "begins with"),
        (" http://127.0.0.1", "begins with"),
        ("http://user:hunter2@127.0.0.1", "user name"),
        ("http://hunter2@127.0.0.1", "user name"),
        ("http://127.0.0.1:1/path", "no path"),
        ("http://127.0.0.1:1/", "no path"),
        ("http://127.0.0.1:1?x=1", "no path"),
        ("http://127.0.0.1:1#x", "no path"),
        ("http://", "host name"),
        ("http://:80", "host name"),
        ("http://127.0.0.1:", "host name"),
        ("http://127.0.0.1:0", "host name"),
        ("http://127.0.0.1:65536", "host name"),
        ("http://127.0.0.1:+80", "host name"),
        ("http://127.0.0.1:80:80", "host name"),
        ("http://a b", "host name"),
        ("http://a\r\nb", "host name"),
        ("http://a\n", "host name"),
        ("http://bücher", "host name"),
        ("http://a%2eb", "host name"),
        ("http://::1", "host name"),
        ("http://[fe80::1%25eth0]", "host name"),
        ("http://2130706433", "usual form"),
        ("http://0x7f000001", "usual form"),
        ("http://0x7f.1", "usual form"),
        ("http://127.1", "usual form"),
        ("http://0177.0.0.1", "usual form"),
        ("http://[:::1]", "usual form"),
        ("http://169.254.169.254", "link-local"),
        ("http://[fe80::1]", "link-local"),
        ("http://[::ffff:169.254.169.254]", "link-local"),
    ],
)
def test_what_is_not_an_origin_is_refused_by_rule(text: str, rule: str) -> None:
    """S-1: the sentence says which rule was broken, and never repeats what was given."""
    with pytest.raises(InvalidOriginError, match=rule) as caught:
        Origin.parse(text)

    assert caught.value.code == "CONFIGURATION"
    assert "hunter2" not in repr(caught.value)
