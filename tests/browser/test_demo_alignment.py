"""Gradient reversal in the plane: loss and steps against autograd, who settles and who goes past, the controls."""

import pytest
import torch
import torch.nn.functional as F

from solutions.alignment.reference import domain_loss, reverse

from .demo_maths import maths

pytestmark = pytest.mark.browser


@pytest.fixture
def page(demo_page):
    return demo_page("alignment")


def tensors(dots):
    """Places and domains of the demo's dots."""
    x = torch.tensor([[dot["x"], dot["y"]] for dot in dots], dtype=torch.float64)
    return x, torch.tensor([dot["domain"] for dot in dots])


def test_a_step_is_the_references_reversal(page):
    module, line, strength, rate = maths(page), [0.4, -0.3, 0.2], 0.7, 0.05
    dots = module.evaluate("m => m.begin('moved aside')")
    x, domain = tensors(dots)
    x.requires_grad_()
    w = torch.tensor(line, dtype=torch.float64, requires_grad=True)
    z = reverse(x, strength) @ w[:2] + w[2]
    loss = domain_loss(z[domain == 0], z[domain == 1])
    paid = module.evaluate("(m, [dots, line]) => m.pays(dots, line)", [dots, line])
    assert paid["loss"] == pytest.approx(loss.item())
    slope, places = torch.autograd.grad(loss, [w, x])
    assert paid["slope"] == pytest.approx(slope.tolist())
    moved, learned = module.evaluate(
        "(m, [dots, line, s, r]) => m.step(dots, line, s, r)", [dots, line, strength, rate]
    )
    # Down the slope that reversal has turned round, each dot of the target by itself.
    wanted = x - 0.1 * len(dots) * places * (domain == 1)[:, None]
    torch.testing.assert_close(tensors(moved)[0], wanted.detach())
    assert learned == pytest.approx((w * 0.99 - rate * slope).tolist())


GAME = """(m, [start, rate, each, steps]) => {
  let dots = m.begin(start), lines = each ? [[0.5, 0, 0], [0.5, 0, 0]] : [[0.5, 0, 0]], least = Infinity;
  for (let n = 0; n < steps; n++) {
    [dots, lines] = m.play(dots, lines, 1, rate);
    least = Math.min(least, m.gap(dots));
  }
  return { least, end: m.gap(dots), matched: m.matched(dots), paid: m.pays(dots, lines[0]).loss };
}"""


def test_a_slow_classifier_sends_them_past_and_a_quick_one_does_not(page):
    slow, quick = (maths(page).evaluate(GAME, ["moved aside", rate, False, 1500]) for rate in (0.03, 0.5))
    assert slow["least"] < -0.3
    assert quick["least"] > -0.05
    for end in (slow, quick):
        assert abs(end["end"]) < 0.05
        assert end["paid"] == pytest.approx(F.softplus(torch.zeros(())).item(), abs=1e-3)  # log 2


def test_clouds_agree_and_classes_need_not(page):
    play = maths(page).evaluate
    aside, over = (play(GAME, [start, 0.03, False, 1500]) for start in ("moved aside", "turned over"))
    assert aside["matched"] > 0.9
    assert over["matched"] < 0.1  # discs among crosses, though nobody can tell the clouds apart
    assert over["paid"] == pytest.approx(aside["paid"], abs=1e-3)
    assert play(GAME, ["turned over", 0.03, True, 1500])["matched"] > 0.9


def test_the_controls_play_the_game(page):
    said = page.locator(".al p[aria-live]")
    assert said.inner_text().startswith("Choose a prediction")
    page.get_by_role("combobox", name="Your prediction").select_option("they go past each other")
    assert said.inner_text().startswith("You said: they go past each other. After 0 steps they are apart")
    before = page.locator(".al-stage .target").get_attribute("d")
    page.get_by_role("button", name="Step").click()
    assert "After 1 step they are apart" in said.inner_text()
    assert page.locator(".al-stage .target").get_attribute("d") != before
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "() => document.querySelector('.al p[aria-live]').innerText.includes('have gone past')"
    )
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Begin again").click()
    assert "After 0 steps" in said.inner_text()
    page.get_by_role("combobox", name="Target").select_option("turned over")
    page.get_by_role("slider", name="Reversal").fill("0")
    page.get_by_role("button", name="Step").click()
    assert "2.76" in page.locator(".al-stage").get_attribute("aria-label")  # without reversal nobody moves
    page.get_by_role("checkbox").check()
    assert page.locator(".al-stage .line").get_attribute("d").count("M") == 2
