"""Errors: what the caller reads and what only the log does are apart by type."""

from dataclasses import replace

from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.errors import GatewayError

BAD_NUMBER = Discrepancy(
    DiscrepancyKind.FAILED_MAPPING, "wms", "W-1", "units_shipped", "This is not a number."
)


def test_an_error_has_a_public_and_a_private_text() -> None:
    """The exception's own text is the public one: nothing private can slip out by str()."""
    error = GatewayError("The WMS did not answer.", detail="10.0.0.7 refused", system="wms")

    assert (str(error), error.message, error.detail, error.facts, error.code) == (
        "The WMS did not answer.",
        "The WMS did not answer.",
        "10.0.0.7 refused",
        {"system": "wms"},
        "INTERNAL",
    )


def test_the_log_sees_everything() -> None:
    """The representation is for the log and leaves nothing out."""
    error = GatewayError("No.", detail="why", system="wms")

    assert repr(error) == "GatewayError('No.', detail='why', {'system': 'wms'})"


def test_a_discrepancy_becomes_an_error_where_a_value_was_asked_for() -> None:
    """Its facts name system, record and field, so that somebody can mend the cause."""
    error = DiscrepancyError(BAD_NUMBER)

    assert (error.code, error.message, error.facts, error.discrepancy) == (
        "DISCREPANCY",
        "This is not a number.",
        {
            "kind": "FAILED_MAPPING",
            "system": "wms",
            "record": "W-1",
            "field": "units_shipped",
        },
        BAD_NUMBER,
    )


def test_errors_about_one_discrepancy_are_equal() -> None:
    """They stand among the values of a line, and equal lines must be equal."""
    other = replace(BAD_NUMBER, record="W-2")

    assert {DiscrepancyError(BAD_NUMBER), DiscrepancyError(other)} == {
        DiscrepancyError(other),
        DiscrepancyError(BAD_NUMBER),
    }
    assert DiscrepancyError(BAD_NUMBER) != DiscrepancyError(other)
    assert DiscrepancyError(BAD_NUMBER) != GatewayError(BAD_NUMBER.message)
