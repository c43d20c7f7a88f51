"""The GraphQL types an operator asks for: the systems behind the gateway, and who is asking."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from backends.capabilities import Basis, Capabilities, QuantityName
from backends.observe import Health
from backends.registry import BackendInfo
from orderlines.facets import Section
from policies.principal import Principal
from resolvers.batches import batched, computed, field
from resolvers.enums import (
    AskByType,
    BasisType,
    CredentialType,
    DeltaLevelType,
    EvidenceType,
    HealthStateType,
    NumberTypeType,
    PageStyleType,
    QuantityNameType,
    SectionType,
    ThrottlingType,
)
from resolvers.governance import sized
from resolvers.quota import RateLimitType, rate_limit


@strawberry.type(name="KnownQuantity", description="A quantity a system knows, and how it says it.")
class KnownQuantityType:
    """An entry of `Capabilities.quantities`."""

    @computed(QuantityNameType, "Which quantity.")
    def quantity(known: strawberry.Parent[tuple[QuantityName, Basis]]) -> QuantityName:
        return known[0]

    @computed(BasisType, "How it is stated; one basis, so that nothing is added twice.")
    def basis(known: strawberry.Parent[tuple[QuantityName, Basis]]) -> Basis:
        return known[1]


@strawberry.type(
    name="Capabilities", description="What a system can do: the table its adapter declares."
)
class CapabilitiesType:
    """`backends.capabilities.Capabilities`."""

    ask_by: AskByType = field("By what a look-up asks it.")
    calls: int = field("Calls one batch of keys takes.")
    max_batch: int = field(
        "Most keys in one batch. A key is an order where orders are read whole, else a line."
    )
    page_style: PageStyleType = field("How a long answer continues; each page is one more call.")
    page_rows: int = field("Most rows of one answer.")
    delta: DeltaLevelType = field("What it can tell has changed.")
    throttling: ThrottlingType = field("How it says that it is asked too much.")
    numbers: NumberTypeType = field("How it writes quantities.")
    zone: str = field("IANA zone of stamps that carry none.")
    evidence: EvidenceType = field("What its adapter was built against.")

    @computed(list[SectionType], "The sections it can read.")
    def sections(capabilities: strawberry.Parent[Capabilities]) -> Sequence[Section]:
        return [section for section in Section if section in capabilities.sections]

    @computed(list[KnownQuantityType], "The quantities it knows.", policy=(sized(8),))
    def quantities(
        capabilities: strawberry.Parent[Capabilities],
    ) -> Sequence[tuple[QuantityName, Basis]]:
        return list(capabilities.quantities.items())


@strawberry.type(
    name="BackendHealth", description="How a system answered this process since it started."
)
class BackendHealthType:
    """`backends.observe.Health`."""

    calls: int = field("Calls made.")
    failures: int = field("Calls that brought no usable answer.")
    in_flight: int = field("Calls going on now.")
    last_success_at: datetime | None = field("When it last gave a usable answer.")
    last_failure_at: datetime | None = field("When it last gave none.")
    last_reason: str | None = field("Why it last gave none; one of the reasons of error codes.")

    @computed(HealthStateType, "What the last call says.")
    def state(health: strawberry.Parent[Health]) -> object:
        return health.state


@strawberry.type(name="Backend", description="A system behind the gateway.")
class BackendType:
    """`backends.registry.BackendInfo`."""

    name: str = field("Configured name; errors and readings speak of it by this name.")
    kind: str = field("Which adapter speaks to it.")
    capabilities: CapabilitiesType = field("What it can do.")

    @computed(BackendHealthType, "How it has answered.")
    def health(backend: strawberry.Parent[BackendInfo]) -> Health:
        return backend.health()


@strawberry.type(name="Viewer", description="Who is asking, as the gateway knows them.")
class ViewerType:
    """`policies.principal.Principal`."""

    id: str = field("Who, as it stands in the log; never a secret.")
    name: str = field("The name the credential was given.")
    credential: CredentialType = field("What was shown.")
    expires_at: datetime | None = field("When the credential ends; null if it does not.")

    limits: RateLimitType = batched(
        rate_limit, RateLimitType, "What it may spend, and what is left of that."
    )

    @computed(list[str], "The scopes the credential carries, in alphabetical order.")
    def scopes(principal: strawberry.Parent[Principal]) -> list[str]:
        return sorted(principal.scopes)
