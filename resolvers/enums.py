"""The closed vocabularies of the schema: the ledger's own enums, under the same names.

Each member's value is its sentence, and becomes its description in the schema.
"""

from enum import Enum
from typing import Any

import strawberry
from graphql import GraphQLEnumType, GraphQLSchema

from backends.capabilities import (
    AskBy,
    Basis,
    DeltaLevel,
    Evidence,
    NumberType,
    PageStyle,
    QuantityName,
    Throttling,
)
from backends.freshness import OnStale
from backends.observe import HealthState
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
from policies.principal import Credential

_DESCRIBED: dict[str, type[Enum]] = {}


def _enum(members: type[Enum], description: str, *, name: str | None = None) -> Any:  # noqa: ANN401 - strawberry marks the class itself
    _DESCRIBED[name or members.__name__] = members
    return strawberry.enum(members, name=name or members.__name__, description=description)


AbsenceType = _enum(Absence, "Why a system that was read gives no quantity.")
CancelledByType = _enum(CancelledBy, "Who cancelled.")
ChannelType = _enum(Channel, "Where an order came in.")
DiscrepancyKindType = _enum(DiscrepancyKind, "Why something did not reconcile.")
FreshnessType = _enum(Freshness, "Where a number was read.")
InvariantType = _enum(Invariant, "A law that the quantities of a line keep.")
OrderLineStateType = _enum(
    OrderLineState, "What a line looks like; the first of this list that holds."
)
PromiseBasisType = _enum(PromiseBasis, "What a promise rests on.")
ReconciliationStatusType = _enum(ReconciliationStatus, "The short answer of a reconciliation.")
SectionType = _enum(
    Section, "A part of an order line that is read as one, from one kind of system."
)
SeverityType = _enum(Severity, "What a broken law means.")
SubstitutionStatusType = _enum(SubstitutionStatus, "How far a substitution has come.")

OnStaleType = _enum(
    OnStale, "What is done where a system cannot be asked and what was read is too old."
)
AskByType = _enum(AskBy, "By what a system is asked.")
BasisType = _enum(Basis, "How a system states a quantity.")
CredentialType = _enum(Credential, "What a caller showed to be known.")
DeltaLevelType = _enum(DeltaLevel, "What a system can tell has changed.")
EvidenceType = _enum(Evidence, "What an adapter was built against.")
HealthStateType = _enum(HealthState, "Whether a system answered when it was last asked.")
NumberTypeType = _enum(NumberType, "How a system writes quantities.")
PageStyleType = _enum(PageStyle, "How a long answer continues.")
QuantityNameType = _enum(QuantityName, "A quantity of an order line.")
ThrottlingType = _enum(Throttling, "How a system says that it is asked too much.")


def describe_members(schema: GraphQLSchema) -> None:
    """Give every enum value its sentence, which strawberry has no place for on plain enums."""
    for name, members in _DESCRIBED.items():
        graphql_enum = schema.type_map[name]
        if isinstance(graphql_enum, GraphQLEnumType):
            for member in members:
                graphql_enum.values[member.name].description = str(member.value)
