"""The caller as the rest of the house carries it."""

from datetime import UTC, datetime, timedelta

from orderlines.visibility import ALL, Visibility
from policies.principal import Credential, Principal

ENDS = datetime(2026, 12, 1, tzinfo=UTC)


def caller(customer: str = "C-1", expires_at: datetime = ENDS) -> Principal:
    """Make a caller that sees one customer."""
    return Principal(
        id="key:ab12CD34ef",
        name="portal",
        credential=Credential.API_KEY,
        scopes=frozenset({"b:read", "a:read"}),
        visibility=Visibility(
            customers=frozenset({customer}), channels=ALL, warehouses=frozenset()
        ),
        expires_at=expires_at,
    )


def test_a_caller_can_be_part_of_a_key() -> None:
    """What is stored or shared under a caller is found by what it may, not by which object."""
    assert {caller(): "kept"}[caller()] == "kept"


def test_callers_that_may_see_other_rows_are_not_the_same() -> None:
    """Same id, same name: a key changed while it was in use does not meet its old answers."""
    others = {caller(), caller(customer="C-2"), caller(expires_at=ENDS + timedelta(days=1))}

    assert len(others) == 3
