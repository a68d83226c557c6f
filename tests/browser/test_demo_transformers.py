"""Attention against convolution: both against PyTorch, what each head finds, and the controls."""

import math

import pytest
import torch
from torch.nn import functional as F

from .demo_maths import maths

pytestmark = pytest.mark.browser

TEXT = "to be or not to be"


@pytest.fixture
def page(demo_page):
    return demo_page("transformers")


@pytest.mark.parametrize("causal", [False, True])
def test_the_weights_are_pytorchs(page, causal):
    q, k = torch.randn(6, 8), torch.randn(6, 8)
    got = torch.tensor(maths(page).evaluate("(m, a) => m.attention(...a)", [q.tolist(), k.tolist(), causal]))
    expected = F.scaled_dot_product_attention(q[None], k[None], torch.eye(6)[None], is_causal=causal)[0]
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


def test_positions_are_the_papers_and_shifts_are_linear(page):
    got = torch.tensor(maths(page).evaluate("m => m.positionalEncoding(20, 12)"))
    rates = 10000 ** (-torch.arange(0, 12, 2) / 12)
    angles = torch.arange(20.0)[:, None] * rates
    torch.testing.assert_close(got, torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1))
    moved = torch.tensor(maths(page).evaluate("m => m.positionalEncoding(20, 12).map((p) => m.shift(p, -3))"))
    torch.testing.assert_close(moved[3:], got[:-3], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dilation", [1, 2])
def test_the_matrix_is_a_causal_convolution(page, dilation):
    kernel, x = torch.rand(4), torch.randn(15)
    matrix = torch.tensor(
        maths(page).evaluate("(m, a) => m.convolutionMatrix(...a)", [kernel.tolist(), 15, dilation])
    )
    padded = F.pad(x[None, None], (3 * dilation, 0))
    expected = F.conv1d(padded, kernel.flip(0)[None, None], dilation=dilation)[0, 0]
    torch.testing.assert_close(matrix @ x, expected)


def test_heads_find_what_they_look_for(page):
    def weights(head):
        options = {"causal": True, "sharpness": 3}
        got = maths(page).evaluate("(m, a) => m.headWeights(...a)", [head, TEXT, options])
        return torch.tensor(got)

    before = weights("the place before")
    assert all(before[i].argmax() == i - 1 for i in range(1, len(TEXT)))
    same = weights("the same letter")
    assert all(sum(same[i, j] for j in range(i + 1) if TEXT[j] == TEXT[i]) > 0.9 for i in range(len(TEXT)))
    after = weights("what followed this letter before")
    for i in range(len(TEXT)):
        followers = [j for j in range(1, i + 1) if TEXT[j - 1] == TEXT[i]]
        assert not followers or after[i, followers].sum() > 0.9
    assert math.isclose(weights("any: random weights").sum(), len(TEXT), rel_tol=1e-5)


def test_an_edit_changes_attention_and_not_the_convolution(page):
    note = page.locator(".tf p[aria-live]")
    page.get_by_label("Text: change it").fill("to be or not to bo")
    assert "0 weights of the convolution" in note.inner_text()
    assert "changed 0 attention" not in note.inner_text()
    page.get_by_role("button", name="Swap two letters").click()
    assert "0 weights of the convolution" in note.inner_text()
    assert page.locator(".tf svg").first.locator(".new").count() > 0
    assert page.locator(".tf svg").nth(1).locator(".new").count() == 0


def test_the_other_controls_react(page):
    reads = page.locator(".tf-pair p")
    before = reads.all_inner_texts()
    page.get_by_role("slider", name="Look from letter").fill("5")
    assert reads.all_inner_texts() != before
    page.get_by_role("slider", name="itself").fill("1")
    assert "“ ” 1.10" in reads.nth(1).inner_text(), "itself 1.00 and the one three before 0.10"
    page.get_by_role("combobox", name="The head").select_option("the same letter")
    page.get_by_role("slider", name="Sharpness").fill("5")
    assert reads.first.inner_text() == "Reads “ ” 1.00"
    later = page.locator(".tf svg").first.locator(".later")
    assert later.count() == len(TEXT) - 1
    page.get_by_label("Causal").uncheck()
    assert later.count() == 0
    page.get_by_label("Text: change it").fill("a")
    assert page.locator(".tf svg").first.locator(".row").count() == 1
