"""The T4 estimate, by hand."""

import pytest

from course_utils.training.cost import REACHABLE, T4_PEAK, t4_minutes, utilisation


def test_utilisation_is_operations_a_second_over_the_peak():
    assert utilisation(494 * 10**12, 4.0, "NVIDIA H200") == pytest.approx(0.25)
    assert utilisation(10**12, 1.0, "CPU (some model, 1 thread)") is None


def test_what_waits_waits_there_too_and_what_computes_is_slower():
    assert t4_minutes(0, 60.0, "NVIDIA H200") == pytest.approx(1.0)
    computing = int(60 * T4_PEAK * REACHABLE)  # a minute of a T4
    assert t4_minutes(computing, 0.001, "NVIDIA H200") == pytest.approx(1.0, rel=1e-3)
    assert t4_minutes(10**12, 60.0, "CPU") is None
