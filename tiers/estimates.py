"""How reasons write an estimate: with its 95 % interval, never with a bare standard error."""

NORMAL95 = 1.959963984540054
"""Standard errors from the middle to the ends of a normal distribution's 95 % interval."""


def estimate(value: float, low: float, high: float, digits: int = 4) -> str:
    """`+0.0120 (95 % -0.0030 to +0.0270)`."""
    return f"{value:+.{digits}f} (95 % {low:+.{digits}f} to {high:+.{digits}f})"


def normal_estimate(mean: float, sd: float, digits: int = 4) -> str:
    """The same of a normal distribution, such as a mechanism's posterior."""
    return estimate(mean, mean - NORMAL95 * sd, mean + NORMAL95 * sd, digits)
