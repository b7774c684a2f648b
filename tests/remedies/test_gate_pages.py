"""What the pages of rules name can be tried."""

import pytest

from evalcheck import rulebook
from evalcheck.remedies import find, untried

NAMED = sorted({name for rule in rulebook.load().values() for name in rule.remedies})


@pytest.mark.parametrize("name", NAMED)
def test_every_remedy_that_a_page_names_is_there(name):
    advice = untried.find(name)
    if advice is None:
        treatment = find(name)
        assert callable(treatment.run)
        assert not treatment.TITLE.endswith(".")
    else:
        assert advice.figures
