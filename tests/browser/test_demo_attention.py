"""Dates in their normal form: weights against PyTorch's softmax, what is written, and the controls."""

import pytest
import torch

from .demo_maths import maths

pytestmark = pytest.mark.browser


@pytest.fixture
def page(demo_page):
    return demo_page("attention")


def call(page, name, *args):
    return maths(page).evaluate(f"(m, a) => m.{name}(...a)", list(args))


def test_weights_are_a_softmax_of_scores(page):
    for text, slot, sharpness in (
        ("May 3, 2017", 6, 5),
        ("17.11.1999", 0, 1.5),
        ("?", 2, 3),
        ("4 June", 5, 0),
    ):
        scores = torch.tensor(call(page, "scores", text, slot, sharpness)).double()
        torch.testing.assert_close(
            torch.tensor(call(page, "weights", text, slot, sharpness)).double(), scores.softmax(0)
        )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("May 3, 2017", "2017-05-03"),
        ("24 december 1999", "1999-12-24"),
        ("17/11/2014", "2014-11-17"),
        ("2018-02-26", "2018-02-26"),
        ("3.4.2020", "2020-04-03"),
        ("the 1st of Sept 2021", "2021-09-01"),
    ],
)
def test_dates_are_written_in_their_normal_form(page, text, wanted):
    assert call(page, "written", text, 8) == wanted


def test_a_blunt_look_reads_nothing(page):
    assert call(page, "written", "May 3, 2017", 0) == "????-??-??"
    sharp, blunt = (call(page, "readings", "May 3, 2017", 7, sharpness) for sharpness in (8, 1))
    assert sharp["3"] > 0.99 > 0.5 > blunt["3"]
    assert sum(blunt.values()) == pytest.approx(1)
    assert call(page, "written", "no date", 8) == "????-??-??"


def test_a_guess_is_answered(page):
    ask, note = page.locator(".at p").first, page.locator(".at p").nth(1)
    assert "Guess" in ask.inner_text()
    assert "once you have guessed" in note.inner_text()
    page.locator(".at .letters button").nth(4).click()
    assert "none has more" in ask.inner_text()
    assert "0 with 0.9" in note.inner_text()
    page.locator(".at .letters button").nth(0).click()
    assert "others have more" in ask.inner_text()
    page.locator(".at .signs button").first.click()
    assert "thousands of the year" in ask.inner_text()
    page.get_by_label("A date: change it").fill("1 Jan 1970")
    assert page.locator(".at .signs").inner_text().replace("\n", "").replace(" ", "") == "1970-01-01"
    page.get_by_role("slider").fill("0")
    assert "?" in page.locator(".at .signs").inner_text()
    page.get_by_label("A date: change it").fill("")
    assert "1" in page.locator(".at .letters").inner_text(), "an empty text changes nothing"
