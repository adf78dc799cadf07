"""What C libraries say is caught at the file descriptor."""

import os
import sys

import pytest

from edge.stderr import caught_stderr


def test_the_descriptor_and_python_are_caught_and_restored(capfd):
    with caught_stderr() as said:
        os.write(2, b"from C\n")
        print("from Python", file=sys.stderr)
    print("after", file=sys.stderr)
    assert said[0].startswith("from C\n")
    assert capfd.readouterr().err.endswith("after\n")
    assert "from C" not in capfd.readouterr().err


def test_stderr_is_restored_after_an_error(capfd):
    with pytest.raises(ValueError, match="stop"), caught_stderr():
        raise ValueError("stop")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"
