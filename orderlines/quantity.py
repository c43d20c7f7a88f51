"""Exact quantities: numbers that were stated, units, and integer ratios between them.

No number here is ever a float, and none is ever rounded on the way: a value is
an `int` or `Decimal` as a system stated it, or a `Fraction` where a conversion
does not terminate. Rounding happens once, when a number is printed.

Definitions: a pack factor is a ratio of integers from the item's pack table;
output rounds HALF_UP to the unit's decimals.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from typing import ClassVar, TypeAlias

from orderlines.errors import GatewayError

Number: TypeAlias = int | Decimal
Exact: TypeAlias = int | Decimal | Fraction

MAX_INTEGER_DIGITS = 15
MAX_DECIMALS = 9
_LARGEST = 10**MAX_INTEGER_DIGITS
_FINEST = Decimal(1).scaleb(-MAX_DECIMALS)
# Asking for these is quick; asking for a Fraction goes through abstract base classes.
_TERMINATING = (int, Decimal)
# A terminating number longer than this is held as a Fraction all the same.
MAX_HELD_DECIMALS = 40

# Wide enough for any product of stated numbers and pack ratios; Inexact is
# trapped, so a digit can be refused but never lost.
_EXACTLY = Context(prec=120, traps=[Inexact, InvalidOperation])


class InvalidQuantityError(GatewayError):
    """A number is no quantity: not finite, or beyond what any stock holds."""

    code: ClassVar[str] = "INVALID_QUANTITY"


class Quantity:
    """So many of a unit. Never changed once made.

    No frozen dataclass, because many are made for every answer and those take twice
    as long.

    Attributes:
        value: Exact. Two quantities with equal values and units are equal,
            whichever way the values are held.
        unit: Unit code, for example `EA`, `CS`, `KG`.
        decimals: Decimals of the unit: how a value that does not terminate is
            printed, and nothing else.
    """

    __slots__ = ("_printed", "decimals", "unit", "value")

    def __init__(self, value: Exact, unit: str, decimals: int = 0) -> None:
        self.value = value
        self.unit = unit
        self.decimals = decimals
        self._printed: str | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            return NotImplemented
        return self.value == other.value and self.unit == other.unit

    def __hash__(self) -> int:
        return hash((self.value, self.unit))

    def __repr__(self) -> str:
        return f"Quantity(value={self.value!r}, unit={self.unit!r})"

    def __str__(self) -> str:
        return f"{self.printed} {self.unit}"

    @property
    def printed(self) -> str:
        """The value as text: exact, or rounded to the unit where it never ends."""
        if self._printed is None:
            self._printed = plain(self.value, self.decimals)
        return self._printed


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many base units one unit holds, as a ratio of positive integers."""

    numerator: int
    denominator: int = 1

    def __post_init__(self) -> None:
        if self.numerator <= 0 or self.denominator <= 0:
            msg = "A pack ratio consists of two positive whole numbers."
            raise InvalidQuantityError(msg, detail=f"{self.numerator}/{self.denominator}")

    def __mul__(self, other: "Ratio") -> "Ratio":
        """Chain two ratios: pallets to cases, then cases to eaches."""
        product = self.as_fraction * other.as_fraction
        return Ratio(product.numerator, product.denominator)

    @property
    def inverse(self) -> "Ratio":
        """Give the ratio of the opposite conversion."""
        return Ratio(self.denominator, self.numerator)

    @property
    def as_fraction(self) -> Fraction:
        """Give the ratio in lowest terms."""
        return Fraction(self.numerator, self.denominator)

    def apply(self, value: Exact) -> Exact:
        """Convert a number of units into base units, exactly."""
        if self.denominator == 1:
            return times(value, self.numerator)
        return simplest(Fraction(value) * self.as_fraction)


ONE = Ratio(1)


def stated(value: Number) -> Number:
    """Accept a number another system stated, or refuse it.

    Raises:
        InvalidQuantityError: It is not finite, has more than 15 digits before
            or more than 9 after the decimal point.
    """
    try:
        settled = value if isinstance(value, int) else value.quantize(_FINEST, context=_EXACTLY)
        if -_LARGEST < settled < _LARGEST:
            return value if settled else 0
    except (Inexact, InvalidOperation):
        pass  # not a number, or one with more digits than any stock needs
    msg = (
        f"A quantity has at most {MAX_INTEGER_DIGITS} digits before "
        f"and {MAX_DECIMALS} after the decimal point."
    )
    # Through Decimal, because Python refuses to print an int of too many digits.
    raise InvalidQuantityError(msg, detail=str(Decimal(value))[:60])


def plus(left: Exact, right: Exact) -> Exact:
    """Add exactly, whichever way the two numbers are held."""
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    if isinstance(left, _TERMINATING) and isinstance(right, _TERMINATING):
        return _EXACTLY.add(left, right)
    return simplest(Fraction(left) + Fraction(right))


def minus(left: Exact, right: Exact) -> Exact:
    """Subtract exactly, whichever way the two numbers are held."""
    return plus(left, right.copy_negate() if isinstance(right, Decimal) else -right)


def times(value: Exact, factor: int) -> Exact:
    """Multiply by a whole number, exactly."""
    if isinstance(value, Decimal):
        return _EXACTLY.multiply(value, factor)
    return value * factor


def total(values: Iterable[Exact]) -> Exact:
    """Add up any number of values exactly; nothing adds up to 0."""
    result: Exact = 0
    for value in values:
        result = plus(result, value)
    return result


def simplest(value: Fraction) -> Exact:
    """Hold a fraction as an int or Decimal where it terminates."""
    if value.denominator == 1:
        return value.numerator
    decimals = _decimals_of(value.denominator)
    if decimals is None or decimals > MAX_HELD_DECIMALS:
        return value
    return _EXACTLY.scaleb(Decimal(value.numerator * 10**decimals // value.denominator), -decimals)


def plain(value: Exact, decimals: int = 0) -> str:
    """Print a number: no exponent, no trailing zeros, no sign on zero.

    Args:
        value: Printed exactly if it terminates within 40 decimals.
        decimals: Any other value is rounded HALF_UP to so many decimals.
    """
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Fraction):
        settled = simplest(value)
        return plain(round_half_up(value, decimals) if isinstance(settled, Fraction) else settled)
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def round_half_up(value: Exact, decimals: int) -> Decimal:
    """Round for output, halves away from zero; the only place where digits are dropped."""
    exact = Fraction(value)
    scaled, rest = divmod(abs(exact.numerator) * 10**decimals, exact.denominator)
    scaled += 2 * rest >= exact.denominator
    return Decimal(scaled if exact >= 0 else -scaled).scaleb(-decimals, _EXACTLY)


def agree(left: Exact, right: Exact, decimals: int) -> bool:
    """Compare with the unit's precision: less than half a last digit apart."""
    digits: int = 2 * 10**decimals
    return abs(Fraction(left) - Fraction(right)) * digits < 1


def _decimals_of(denominator: int) -> int | None:
    """Count the decimals of 1/denominator, or None where it never ends."""
    twos = fives = 0
    while denominator % 2 == 0:
        denominator //= 2
        twos += 1
    while denominator % 5 == 0:
        denominator //= 5
        fives += 1
    return max(twos, fives) if denominator == 1 else None
