"""The closed vocabularies: every word has a sentence of its own, which the schema prints."""

from enum import Enum

import pytest

from orderlines.discrepancy import DiscrepancyKind
from orderlines.facets import Section
from orderlines.invariants import Invariant, Severity
from orderlines.order_line import Freshness, OrderLineState
from orderlines.reconcile import ReconciliationStatus
from orderlines.stated import (
    Absence,
    CancelledBy,
    Channel,
    PromiseBasis,
    SubstitutionStatus,
)

VOCABULARIES = (
    Absence,
    CancelledBy,
    Channel,
    DiscrepancyKind,
    Freshness,
    Invariant,
    OrderLineState,
    PromiseBasis,
    ReconciliationStatus,
    Section,
    Severity,
    SubstitutionStatus,
)


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_no_two_words_share_a_sentence(vocabulary: type[Enum]) -> None:
    """Two members of one value would be one member, and a state would vanish unseen."""
    assert [word.name for word in vocabulary] == list(vocabulary.__members__)
