"""Racing optimisers: every rule against torch.optim, every gradient against autograd, and the controls."""

import pytest
import torch

from .demo_maths import maths

pytestmark = pytest.mark.browser

SURFACES = {
    "Beale": lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
    "long valley": lambda x, y: 0.01 * x**2 + y**2,
    "bent valley": lambda x, y: (1 - x) ** 2 + 5 * (y - x**2) ** 2,
    "saddle": lambda x, y: x**2 - y**2 + y**4 / 4,
}
OPTIMIZERS = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr),
    "Momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "Nesterov": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True),
    "AdaGrad": lambda p, lr: torch.optim.Adagrad(p, lr),
    "RMSProp": lambda p, lr: torch.optim.RMSprop(p, lr),
    "Adam": lambda p, lr: torch.optim.Adam(p, lr),
}


@pytest.fixture
def page(demo_page):
    return demo_page("training")


def torch_path(surface, name, rate, start, steps):
    place = torch.tensor(start, dtype=torch.double, requires_grad=True)
    optimizer, path = OPTIMIZERS[name]([place], rate), [place.tolist()]
    for _ in range(steps):
        optimizer.zero_grad()
        SURFACES[surface](*place).backward()
        optimizer.step()
        path.append(place.tolist())
    return path


def test_heights_and_gradients_are_autograds(page):
    module = maths(page)
    for name, f in SURFACES.items():
        place = (2 * torch.rand(2, dtype=torch.double) - 1).requires_grad_()
        f(*place).backward()
        got = module.evaluate(
            "(m, [name, p]) => [m.SURFACES[name].f(...p), ...m.SURFACES[name].gradient(...p)]",
            [name, place.tolist()],
        )
        assert got == pytest.approx([f(*place).item(), *place.grad.tolist()], rel=1e-9, abs=1e-12)


def test_the_lowest_places_are_minima(page):
    module = maths(page)
    for name, f in SURFACES.items():
        surface = module.evaluate("(m, name) => ({ ...m.SURFACES[name], f: 0, gradient: 0 })", name)
        for minimum in surface["minima"]:
            place = torch.tensor(minimum, dtype=torch.double, requires_grad=True)
            f(*place).backward()
            assert f(*place).item() == pytest.approx(surface["lowest"], abs=1e-12)
            assert place.grad.abs().max() < 1e-12


def test_fifty_steps_are_torch_optims(page):
    module = maths(page)
    for name in OPTIMIZERS:
        for surface in SURFACES:
            start, rate = (0.8 * torch.rand(2) + 0.4).tolist(), 0.003
            got = module.evaluate("(m, a) => m.descend(...a)", [surface, name, rate, start, 50])
            expected = torch_path(surface, name, rate, start, 50)
            torch.testing.assert_close(torch.tensor(got), torch.tensor(expected), rtol=1e-5, atol=1e-7)


def test_a_rate_too_high_runs_away(page):
    path, swept = maths(page).evaluate(
        "m => [m.descend('Beale', 'SGD', 1, [1, 1.5]).length, m.sweep('Beale', 'SGD', [0.01, 1], [1, 1.5]).map(String)]"
    )
    assert path < 200
    assert float(swept[0]) < 0.1
    assert swept[1] == "Infinity"


def test_the_controls_move_the_race(page):
    badness = page.locator(".tr-one").nth(1)
    before = badness.inner_text()
    page.get_by_role("slider", name="Learning rate of SGD").fill("-4")
    assert badness.inner_text() != before
    page.get_by_role("checkbox", name="Adam").uncheck()
    assert page.locator(".tr-map .trail").count() == 5
    page.get_by_role("combobox", name="Surface").select_option("saddle")
    assert page.locator(".tr-map .low").get_attribute("d").count("M") == 2
    trails = (
        "() => [...document.querySelectorAll('.tr-map .trail')].map((path) => path.getAttribute('d')).join()"
    )
    before = page.evaluate(trails)
    box = page.locator(".tr-map").bounding_box()
    page.mouse.click(box["x"] + 30, box["y"] + 40)
    clicked = page.evaluate(trails)
    page.locator(".tr-map").focus()
    page.keyboard.press("ArrowDown")
    assert len({before, clicked, page.evaluate(trails)}) == 3


def test_playing_starts_again_and_moves_on(page):
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "() => { const n = +document.querySelector('.tr-step').textContent.match(/\\d+/)[0]; return n > 3 && n < 200; }"
    )
    page.get_by_role("button", name="Pause").click()
