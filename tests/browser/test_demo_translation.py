"""Two discs: maps and their ways back, the cycle loss against the reference's, judges, and the controls."""

import pytest
import torch

from solutions.translation import reference

from .demo_maths import maths

pytestmark = pytest.mark.browser


@pytest.fixture
def page(demo_page):
    return demo_page("translation")


def costs(page, name):
    return maths(page).evaluate("(m, name) => m.costs(m.MAPS[name])", name)


def test_a_cycle_of_shifts_costs_what_the_reference_says(page):
    way = "m => m.cycle({ there: ([x, y]) => [x + 0.3, y], back: ([x, y]) => [x - 0.1, y] })"
    points = torch.tensor(maths(page).evaluate("m => m.disc"))[:, :1]
    wanted = reference.cycle_loss(lambda x: x + 0.3, lambda x: x - 0.1, points, points)
    assert maths(page).evaluate(way) == pytest.approx(wanted.item(), abs=1e-5)


@pytest.mark.parametrize("name", ["turned", "mirrored", "swirled"])
def test_wrong_maps_that_no_loss_can_tell_from_the_right_one(page, name):
    found, right = costs(page, name), costs(page, "the same place")
    assert found["wrong"] > 0.5
    assert right["wrong"] == 0
    for loss in ("cycle", "judgeX", "judgeY"):
        assert found[loss] == pytest.approx(right[loss], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "who"),
    [("shrunk", "a judge"), ("turned, no way back", "the way home"), ("all to the middle", "both")],
)
def test_who_objects(page, name, who):
    assert maths(page).evaluate("(m, found) => m.objects(found)", costs(page, name)) == who


def test_the_controls_react(page):
    note = page.locator(".tr p[aria-live]")
    assert "Guess first" in note.inner_text()
    assert page.locator(".tr td").count() == 0
    page.get_by_role("button", name="nobody").click()
    assert page.get_by_role("button", name="nobody").get_attribute("aria-pressed") == "true"
    assert "every point is in the wrong place" in note.inner_text()
    assert page.locator(".tr tr").count() == 4
    page.get_by_label("Map from X to Y").select_option("shrunk")
    assert "Guess first" in note.inner_text()
    page.get_by_role("button", name="both").click()
    assert note.inner_text() == "No: a judge objects."
    assert "shrunk" in page.locator(".tr svg").get_attribute("aria-label")
