"""The benchmark that runs recipes: what it prints of a study."""

import re

from benchmarks import recipe_results


def test_a_study_has_a_line_for_each_variant(capsys):
    def table(*errors):
        common = {"unit": "test error (%)", "seconds": [2]}
        return [{"variant": f"way {number}", "errors": [error], **common} for number, error in enumerate(errors)]

    recipe_results._show_study([table(1.0, 4.0), table(2.0, 4.0), table(3.0, 7.0)])
    lines = [re.sub(" +", " ", line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "way 0 test error (%) 2.00 ± 1.00 (1.00, 2.00, 3.00), 6 s",
        "way 1 test error (%) 5.00 ± 1.73 (4.00, 4.00, 7.00), 6 s",
    ]
