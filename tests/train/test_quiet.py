"""A training process keeps its memory."""

import ctypes
import subprocess
import sys

import pytest

CHURN = """
import resource, sys
import numpy as np
from train.quiet import keep_memory
if sys.argv[1] == "kept":
    assert keep_memory()
np.ones(8_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(8_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    run = subprocess.run([sys.executable, "-c", CHURN, how], capture_output=True, text=True, check=True, timeout=60)
    return int(run.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
def test_memory_that_is_freed_is_not_given_back_and_mapped_again():
    assert page_faults("kept") < page_faults("as it is") / 10
