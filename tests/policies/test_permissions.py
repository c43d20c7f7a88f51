"""Field masks: what a set of scopes may not ask for, decided once."""

import pytest

from policies.permissions import INTROSPECTION, FieldPolicy, Permissions

LOOKING = {("Query", "__schema"), ("Query", "__type")}


def needs(*every: str) -> FieldPolicy:
    """Make a policy of alternatives, each a text of words."""
    return FieldPolicy(requires=tuple(frozenset(one.split()) for one in every))


POLICIES = {
    ("Query", "line"): needs("lines"),
    ("Line", "price"): needs("prices", "all money"),
    ("Line", "id"): FieldPolicy(),
}


@pytest.mark.parametrize(
    ("scopes", "refused"),
    [
        ("", {("Query", "line"), ("Line", "price")}),
        ("lines", {("Line", "price")}),
        ("lines prices", set()),
        ("lines all", {("Line", "price")}),
        ("lines all money", set()),
        ("unknown lines", {("Line", "price")}),
    ],
)
def test_the_outer_list_is_or_and_the_inner_ones_are_and(
    scopes: str, refused: set[tuple[str, str]]
) -> None:
    """A field without a requirement is open to whoever may ask for the one above."""
    mask = Permissions(POLICIES).mask(frozenset(scopes.split()))

    assert mask == refused | LOOKING


def test_who_may_introspect_may_look_at_the_schema() -> None:
    """It is a scope like any other, and no field of the desk needs to say it."""
    mask = Permissions(POLICIES).mask(frozenset({INTROSPECTION, "lines", "prices"}))

    assert mask == frozenset()


def test_masks_are_one_object_for_all_who_may_ask_the_same() -> None:
    """Plans are kept by mask: scopes that mean nothing here must not multiply them."""
    permissions = Permissions(POLICIES)
    masks = [permissions.mask(frozenset({"lines", f"elsewhere-{n}"})) for n in range(5_000)]

    assert len({id(mask) for mask in masks}) == 1
    assert permissions.mask(frozenset({"lines"})) is masks[0]
    assert permissions.mask(frozenset({"lines"})) is permissions.masks[frozenset({"lines"})]


def test_the_fewest_missing_scopes_are_named() -> None:
    """A challenge names what would have to be granted, and no more."""
    permissions = Permissions(POLICIES)

    assert permissions.missing(("Line", "price"), ()) == {"prices"}
    assert permissions.missing(("Line", "price"), ("all",)) == {"money"}
    assert permissions.missing(("Query", "__type"), ("all",)) == {INTROSPECTION}
