"""Matching two pictures: the arithmetic against the reference, and what a click, the arrow keys and the sliders do."""

import re

import pytest
import torch

from solutions.correspondence.reference import conv4d, is_mutual, matches, pck, soft_mutual, votes

from .demo_maths import maths

pytestmark = pytest.mark.browser

TABLE = """(m, [turn, noise, rounds]) => {
  const seen = (x, y) => m.street(...m.moveBack([x, y], turn));
  const raw = m.correlate(m.features(m.street, noise, 1), m.features(seen, noise, 2));
  let voted = m.softMutual(raw);
  for (let n = 0; n < rounds; n++) voted = m.vote(voted);
  return [[...raw], [...voted], m.shares(raw, voted, turn), m.GRID];
}"""


@pytest.fixture
def page(demo_page):
    return demo_page("correspondence")


def test_the_tables_are_the_references(page):
    raw, voted, shares, side = maths(page).evaluate(TABLE, [0.2, 0.5, 2])
    shape = (1, side, side, side, side)
    raw, voted = (torch.tensor(x, dtype=torch.double).view(shape) for x in (raw, voted))
    expected = soft_mutual(raw)[:, None]
    for _ in range(2):
        expected = conv4d(expected, *(kernel.double() for kernel in votes(3)))
    torch.testing.assert_close(voted, expected[:, 0])
    true = maths(page).evaluate("m => [...Array(m.GRID ** 2).keys()].map((n) => m.move(m.middle(n), 0.2))")
    true = torch.tensor(true, dtype=torch.double).view(1, side, side, 2)
    reach = 1.5 / side
    found, back = matches(raw).double(), is_mutual(raw)
    assert shares["best"] == pytest.approx(pck(found, true, reach))
    assert shares["mutual"] == pytest.approx(pck(found[back], true[back], reach))
    assert shares["voted"] == pytest.approx(pck(matches(voted).double(), true, reach))


def test_votes_help_at_every_turn(page):
    module = maths(page)
    for turn in (-0.3, 0.0, 0.2):
        _, _, shares, _ = module.evaluate(TABLE, [turn, 0.5, 3])
        assert shares["voted"] > 1.5 * shares["best"]


def test_move_and_its_way_back(page):
    there = maths(page).evaluate("m => m.moveBack(m.move([0.3, -0.4], 0.5), 0.5)")
    assert there == pytest.approx([0.3, -0.4])


def test_a_click_and_the_arrow_keys_choose_a_place(page):
    picture = page.get_by_role("application")
    ring = "() => document.querySelector('.cp svg circle').getAttribute('cx')"
    box = picture.bounding_box()
    picture.click(position={"x": box["width"] * 0.03, "y": box["height"] * 0.5})
    assert float(page.evaluate(ring)) == pytest.approx(-1 + 1 / 16)
    picture.focus()
    page.keyboard.press("ArrowLeft")  # the border: it stays
    assert float(page.evaluate(ring)) == pytest.approx(-1 + 1 / 16)
    page.keyboard.press("ArrowRight")
    assert float(page.evaluate(ring)) == pytest.approx(-1 + 3 / 16)


def test_sliders_change_the_pictures_and_the_shares(page):
    shares = page.locator(".cp table")
    before = shares.inner_text()
    page.get_by_label("Rounds of votes").fill("0")
    without = shares.inner_text()
    assert without != before
    best, voted = (int(re.findall(r"(\d+)\s%", without)[n]) for n in (0, -1))
    assert abs(best - voted) <= 6  # softened, not yet voted
    shot = "() => document.querySelectorAll('.cp canvas')[1].toDataURL()"
    picture = page.evaluate(shot)
    page.get_by_role("slider", name="Turn").fill("-20")
    assert page.evaluate(shot) != picture
    page.get_by_label("Noise of features").fill("0")
    assert shares.inner_text() != without
