# SPDX-License-Identifier: MIT
"""The words of a wait that has failed: enough for somebody who does not know the test."""
import re

import pytest

from machine import wait_for


def test_says_what_was_asked():
    pages, wanted = 7, 8
    with pytest.raises(AssertionError) as failed:
        wait_for(lambda: pages == wanted, 0)
    said = str(failed.value)
    assert "wait_for(lambda: pages == wanted, 0)" in said, said
    assert re.search(r"still False.*pages = 7\n.*wanted = 8\n", said, re.DOTALL), said


def test_says_what_has_no_source():
    with pytest.raises(AssertionError, match="waited 0 s for this, which is still 0:\n.*int"):
        wait_for(int, 0)
