"""What is raised on purpose while an operation runs; each fails the fields it is about."""

from collections.abc import Sequence
from typing import Any


class InvalidBatchError(Exception):
    """A resolver did not give one value for each parent: a fault of the schema.

    Attributes:
        detail: For the log only.
    """

    def __init__(self, values: int, parents: int) -> None:
        super().__init__("The gateway could not answer this field.")
        self.detail = f"{values} values for {parents} parents"


class MiscountedError(Exception):
    """A column has not as many values as there are parents; which one, is still to be found."""


class FieldRefusedError(Exception):
    """A question asks for a field that its mask refuses."""


def counted(values: Sequence[Any], parents: Sequence[Any]) -> Sequence[Any]:
    """Accept as many values as there are parents.

    Raises:
        InvalidBatchError: There are more or fewer.
    """
    if len(values) == len(parents):
        return values
    raise InvalidBatchError(len(values), len(parents))
