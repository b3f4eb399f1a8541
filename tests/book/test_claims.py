import math

import pytest

from dlnlab import ClaimError, check


@pytest.mark.parametrize(
    "claim",
    [
        {"at_most": 1.0},
        {"at_least": 3.0},
        {"equals": 2.001},
    ],
)
def test_false_claims_raise(claim):
    with pytest.raises(ClaimError, match="thm-x: measured 2, predicted"):
        check("thm-x", 2.0, **claim)


@pytest.mark.parametrize(
    "claim", [{"at_most": 1.0}, {"at_least": 1.0}, {"equals": 1.0}, {"equals": math.nan}]
)
def test_nan_fails_every_claim(claim):
    with pytest.raises(ClaimError):
        check("thm-x", math.nan, **claim)


@pytest.mark.parametrize(
    ("measured", "claim", "line"),
    [
        (1.23456, {"at_most": 2.0}, "thm-x: measured 1.235, predicted <= 2, ratio 0.62"),
        (1.5, {"at_least": 1.0}, "thm-x: measured 1.5, predicted >= 1, ratio 1.50"),
        (2.0000001, {"equals": 2.0}, "thm-x: measured 2, predicted = 2, ratio 1.00"),
        (3e-14, {"at_most": 1e-8}, "thm-x: measured < 1e-10, predicted <= 1e-08, ratio < 0.01"),
        (-3e-14, {"equals": 0.0}, "thm-x: measured < 1e-10, predicted = 0"),
        (-1e-17, {"at_least": 0.0}, "thm-x: measured < 1e-10, predicted >= 0"),
        (1e-17, {"at_most": 0.0}, "thm-x: measured < 1e-10, predicted <= 0"),
        (0.0, {"at_most": 0.0}, "thm-x: measured 0, predicted <= 0"),
    ],
)
def test_line_is_the_same_on_every_machine(capsys, measured, claim, line):
    check("thm-x", measured, **claim)
    assert capsys.readouterr().out == line + "\n"


def test_the_quantity_is_named(capsys):
    check("thm-x", 2.0, at_most=4.0, what="largest gap")
    assert capsys.readouterr().out == "thm-x, largest gap: measured 2, predicted <= 4, ratio 0.50\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"measured": 1.0}, "exactly one of at_most, at_least and equals"),
        ({"measured": 1.0, "at_most": 1.0, "equals": 1.0}, "exactly one"),
        ({"measured": [1.0, 2.0], "equals": 1.0}, r"measured must be one number, got shape \(2,\)"),
        ({"measured": 1.0, "equals": "many"}, "equals must hold real numbers"),
        ({"measured": "1.0", "equals": 1.0}, "measured must hold real numbers"),
        ({"measured": 1.0, "equals": 1.0, "rtol": -1e-6}, "rtol must be at least zero"),
        ({"measured": 1.0, "equals": 1.0, "rtol": math.inf}, "rtol must be finite"),
        ({"measured": 1.0, "equals": 1.0, "resolution": 0.0}, "resolution must be positive"),
        ({"measured": 1.0, "equals": 1.0, "what": 3}, "what must be a few words"),
        ({"measured": 1.0, "equals": 1.0, "what": "two\nlines"}, "what must be a few words"),
    ],
)
def test_bad_input_is_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        check("thm-x", **arguments)


def test_claims_are_keywords():
    with pytest.raises(TypeError, match="positional"):
        check("thm-x", 1.0, 2.0)
