"""How the guard is configured: a secret is never shown."""

from policies.settings import AuthSettings


def test_a_pepper_is_not_shown() -> None:
    """Not where settings are printed for whoever looks for a mistake."""
    shown = repr(AuthSettings(pepper="a secret of at least 32 characters"))

    assert "secret" not in shown
    assert "pepper=…" in shown
    assert "pepper=None" in repr(AuthSettings())
