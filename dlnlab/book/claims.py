"""Claims of the book, each checked beside the text that makes it."""

import math

from numpy.typing import ArrayLike

from .._validation import number, real_array


class ClaimError(AssertionError):
    """A measured number contradicts a claim of the book; its message is the line that `check` prints."""


def _real(name: str, value: ArrayLike) -> float:
    return float(real_array(name, value, ndim=0, finite=False))


def check(
    label: str,
    measured: float,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    equals: float | None = None,
    rtol: float = 1e-6,
    resolution: float = 1e-10,
    what: str = "",
) -> None:
    """Print a measured number beside the claimed one, and raise if the claim fails.

    Parameters
    ----------
    label : str
        The label of the theorem, lemma or equation in the book.
    measured : float
        What was measured.
    at_most, at_least, equals : float
        What is claimed, exactly one of the three.
    rtol : float
        How far, relative to it, a measured number may lie from the one it should equal; at least 0.
    resolution : float
        Positive. Below this size a number is rounding error, which differs between machines: it is printed
        as smaller than the resolution, and counts as zero beside a claim of zero.
    what : str
        Names the measured quantity in a few words, printed behind the label.

    Raises
    ------
    ClaimError
        If the claim fails; NaN fails every claim.
    ValueError
        If not exactly one claim is made, an argument is no real number, a tolerance is negative or infinite,
        or ``what`` is no single line of text.

    Notes
    -----
    Numbers are printed to four significant digits and ratios, measured over claimed, to three, so that
    every machine prints the same line and stored outputs can be compared.

    Examples
    --------
    >>> check("thm-circle", measured=3.1416, equals=3.14159, rtol=1e-4)
    thm-circle: measured 3.142, predicted = 3.142, ratio 1.00
    >>> check("lem-drift", measured=3e-15, at_most=1e-8)
    lem-drift: measured < 1e-10, predicted <= 1e-08, ratio < 0.01
    >>> check("thm-chain", measured=2.5, at_least=2.0, what="least T along the flow")
    thm-chain, least T along the flow: measured 2.5, predicted >= 2, ratio 1.25
    """
    claims = {"<=": ("at_most", at_most), ">=": ("at_least", at_least), "=": ("equals", equals)}
    made = [(sign, _real(name, claim)) for sign, (name, claim) in claims.items() if claim is not None]
    if len(made) != 1:
        raise ValueError(f"exactly one of at_most, at_least and equals must be given, got {len(made)}")
    for name, words in (("label", label), ("what", what)):
        if not isinstance(words, str) or "\n" in words:
            raise ValueError(f"{name} must be a few words on one line, got {words!r}")
    sign, predicted = made[0]
    if math.isinf(predicted):
        raise ValueError(f"{claims[sign][0]} must be finite, got {predicted}")
    measured, tolerance = _real("measured", measured), number("rtol", rtol, zero=True)
    resolution = number("resolution", resolution)
    counted = 0.0 if predicted == 0 and abs(measured) < resolution else measured
    holds = {
        "<=": counted <= predicted,
        ">=": counted >= predicted,
        "=": abs(counted - predicted) <= tolerance * abs(predicted),
    }[sign]

    def show(value: float) -> str:
        return f"{value:.4g}" if value == 0 or not abs(value) < resolution else f"< {resolution:g}"

    name = f"{label}, {what}" if what else label
    line = f"{name}: measured {show(measured)}, predicted {sign} {predicted:.4g}"
    if predicted != 0 and math.isfinite(measured):
        noise = 0 < abs(measured) < resolution
        ratio = (resolution if noise else measured) / predicted
        line += f", ratio {'< ' if noise else ''}{ratio:.3g}" if noise else f", ratio {ratio:.2f}"
    if not holds:
        raise ClaimError(f"{line}: the claim fails")
    print(line)
