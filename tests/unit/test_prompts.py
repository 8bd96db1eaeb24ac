"""Rounding of numbers in prompts, on which replay on other machines rests."""

import pytest

from llmpo.prompts import render, round_number, round_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (978.0, "978"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (12345.678, "12350"),
        (-0.00012346, "-0.0001235"),
        (1e-7, "1e-07"),
        (1.23456e12, "1.235e+12"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_numbers_keep_four_significant_digits(value, text):
    assert round_number(value, 4) == text


def test_last_bits_do_not_reach_a_prompt():
    assert round_number(1.0 / 3.0, 4) == round_number(0.1 + 0.7 / 3.0, 4)


def test_decimal_numbers_in_text_are_rounded_and_integers_kept():
    text = "np.float64(1.234567) at step 123456, 9.87654e-05. v1.2.3 x_1.5"
    expected = "np.float64(1.235) at step 123456, 9.877e-05. v1.2.3 x_1.5"
    assert round_text(text, 4) == expected


def test_missing_value_is_an_error_not_an_empty_prompt():
    with pytest.raises(Exception, match="undefined"):
        render("promptpo/reflection@1", 4)
