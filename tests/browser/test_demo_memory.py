"""Where a memory network looks: a hop against the reference's, two looks for a thing, and the controls."""

import pytest
import torch

from solutions.memory import reference

from .demo_maths import maths

pytestmark = pytest.mark.browser


@pytest.fixture
def page(demo_page):
    return demo_page("memory")


def test_a_hop_is_the_references(page):
    story = maths(page).evaluate("m => m.tell(3)")
    memories = maths(page).evaluate("(m, story) => story.map(m.memory)", story)
    m, c = (torch.tensor([[memory[name] for memory in memories]], dtype=torch.float64) for name in "mc")
    u = torch.tensor([[*maths(page).evaluate("m => m.axis('lamp')"), 1]], dtype=torch.float64)
    for got in maths(page).evaluate("(m, story) => m.hops(story, 'lamp', 7, 3)", story):
        u, p = reference.hop(u, 7 * m, c, torch.ones(1, 6, dtype=torch.bool))
        torch.testing.assert_close(torch.tensor([got["p"]], dtype=torch.float64), p)
        torch.testing.assert_close(torch.tensor([got["u"]], dtype=torch.float64), u)


@pytest.mark.parametrize("seed", range(1, 9))
def test_one_look_finds_a_person_two_find_a_thing(page, seed):
    story = maths(page).evaluate("(m, seed) => m.tell(seed)", seed)
    place, holder = {}, {}
    for sentence in story:
        if "took" in sentence:
            holder[sentence["took"]] = sentence["who"]
        else:
            place[sentence["who"]] = sentence["went"]
    for asked, looks in (("lamp", 2), ("ball", 2), (next(iter(place)), 1)):
        found = maths(page).evaluate("(m, a) => m.answer(m.hops(...a).at(-1).u)", [story, asked, 40, looks])
        assert found == place[holder.get(asked, asked)]


def test_the_controls_react(page):
    note, look = page.locator(".mm p[aria-live]"), page.get_by_role("button", name="Look", exact=True)
    assert "Press the sentence" in note.inner_text()
    page.locator(".mm li button").nth(1).click()
    assert page.locator(".mm li button").nth(1).get_attribute("aria-pressed") == "true"
    look.click()
    assert "After 1 look" in note.inner_text()
    assert "knows no place yet" in note.inner_text()
    look.click()
    assert "answers:" in note.inner_text()
    look.click()
    assert look.is_disabled()
    page.get_by_role("slider", name="How sharply").fill("0")
    assert "hop 1: 0.17" in page.locator(".mm li svg").first.get_attribute("aria-label")
    page.get_by_label("Question").select_option("anna")
    assert "where is anna?" in note.inner_text()
    assert not look.is_disabled()
    before = page.locator(".mm ol").inner_text()
    page.get_by_role("button", name="Another story").click()
    assert page.locator(".mm ol").inner_text() != before
