"""Arguments as they stand in generated source: by their names, where Python has such names."""

from collections.abc import Iterable
from keyword import iskeyword

from gateway.execution.plan import Field, Given, Plan


def listed(*arguments: str) -> str:
    """List arguments, without those that are not there."""
    return ", ".join(filter(None, arguments))


def written_out(fixed: Given, number: str) -> str:
    """Write arguments that never change, each by its name where that can be written."""
    if not _are_words(fixed):
        return f"**given{number}"
    return ", ".join(f"{name}=given{number}_{name}" for name in fixed)


def by_texts(one: Field, number: str, plan: Plan) -> str | None:
    """Write arguments that are fixed or texts; None where they cannot be written so."""
    if one.template is None:
        return None
    fixed, by_variable = one.template
    names = [*fixed, *(name for name, _ in by_variable)]
    defined = {each.variable.name.value for each in plan.operation.variable_definitions or ()}
    if not (
        _are_words(names)
        and len({*names}) == len(names)
        and defined.issuperset(variable for _, variable in by_variable)
    ):
        return None
    texts = ", ".join(f"{name}=texts[{variable!r}]" for name, variable in by_variable)
    return listed(written_out(fixed, number), texts)


def _are_words(names: Iterable[str]) -> bool:
    """Tell whether names can be written as those of arguments."""
    return all(
        name.isascii() and name.isidentifier() and not (iskeyword(name) or name.startswith("__"))
        for name in names
    )
