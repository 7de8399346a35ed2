"""Receptive fields of many nets with branches, against gradients."""

import keras
import pytest

import cnnzoo
from tests.analysis.random_graphs import gradient_pixels, is_dilated
from tests.analysis.test_branches import check_receptive_fields


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [range(start, start + 100) for start in (1000, 1100, 1200)], ids=str)
def test_receptive_fields_of_300_random_graphs_are_the_pixels_with_a_gradient(seeds):
    by_backpropagation = 0
    for seed in seeds:
        model = check_receptive_fields(seed)
        if not is_dilated(model):
            middle = [side // 2 for side in model.output_shape[1:3]]
            field = cnnzoo.conv_report(model)["last"].receptive_field
            assert field == tuple(map(len, gradient_pixels(model, middle))), seed
            by_backpropagation += 1
    assert by_backpropagation > 30


def test_nasnets_reductions_shift_their_branches():
    report = cnnzoo.conv_report(keras.applications.NASNetMobile(weights=None))
    fields = [row.receptive_field for row in report.rows if row.name.startswith("concatenate")]
    assert fields[:2] == [(5, 5), (59, 59)]  # by gradients; the largest branch alone has 3 and 55
