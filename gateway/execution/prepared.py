"""An operation that is ready to be run: its plan, and what its variables are.

Most operations take texts, and texts are what they are already. Of such variables only
the values are kept; what graphql-core's own functions want to know besides is told when
one of them is called.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import GraphQLError
from graphql.execution.get_variable_signature import GraphQLVariableSignature
from graphql.execution.values import VariableValues, VariableValueSource

from gateway.execution.compile import Compiled
from gateway.execution.plan import Field, Given, Plan


class Prepared(msgspec.Struct, gc=False):
    """An operation that can be executed as soon as it may be.

    Attributes:
        coerced: Its variables; None where they are `texts`, and nobody asked yet.
        texts: All of its variables, where each takes any text and was given one.
        signatures: Of the variables, for those that are texts.
        arguments: Of its fields, by slot, as far as somebody asked for them.
    """

    compiled: Compiled
    coerced: VariableValues | None
    texts: dict[str, Any] | None = None
    signatures: Mapping[str, GraphQLVariableSignature] = {}
    arguments: dict[int, Given] = {}

    @property
    def variables(self) -> VariableValues:
        """Its variables, as graphql-core takes them."""
        if self.coerced is None:
            texts = self.texts or {}
            sources = {
                name: VariableValueSource(self.signatures[name], text)
                for name, text in texts.items()
            }
            self.coerced = VariableValues(sources, texts)
        return self.coerced

    @property
    def plan(self) -> Plan:
        """What it asks for."""
        return self.compiled.plan

    @property
    def note(self) -> Any:  # noqa: ANN401 - whatever the executor's owner made
        """What the executor's owner worked out of the plan."""
        return self.compiled.note

    def arguments_of(self, one: Field) -> Given:
        """Give the arguments of one of its fields.

        Raises:
            GraphQLError: They do not fit.
        """
        if one.fixed is not None:
            return one.fixed
        found = self.arguments.get(one.slot)
        if found is None:
            found = None if self.texts is None else one.filled(self.texts)
            if found is None:
                found = one.arguments(self.variables)
            self.arguments[one.slot] = found
        return found

    def given(self, one: Field) -> Given | None:
        """Give the arguments of one of its fields; None if they do not fit after all."""
        try:
            return self.arguments_of(one)
        except GraphQLError:
            return None
