"""Numbers as sentences and tables show them."""

from collections.abc import Iterable


def numeral(value: float, digits: int, sign: str = "", group: str = "") -> str:
    """A number of so many decimals with a real minus sign; ``sign="+"`` shows it in front of positive ones, too.

    ``group=","`` parts thousands.

    >>> numeral(-1.234, 2), numeral(7.3, 0, "+"), numeral(-0.001, 2), numeral(-12345.6, 0, group=",")
    ('−1.23', '+7', '0.00', '−12,346')
    """
    return f"{value:{sign}z{group}.{digits}f}".replace("-", "−").replace("inf", "∞")


def series(values: Iterable[float], digits: int) -> str:
    """Several numbers, one after the other.

    >>> series([1.25, -3], 1)
    '1.2, −3.0'
    """
    return ", ".join(numeral(v, digits) for v in values)
