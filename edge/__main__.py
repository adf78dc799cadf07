"""`python -m edge`: the command line, or the one line that says why this Python cannot import it."""

import sys

from edge.faults import require_python, why_no_import


def main() -> int:
    """Run a command; where a package is missing or Python does not fit, 1 with one line on stderr."""
    try:
        require_python()  # first: an older one may not even parse the rest
        from edge.cli import main as command_line
    except ImportError as error:
        if "--debug" in sys.argv:
            raise
        print(f"readout: {why_no_import(error)}", file=sys.stderr)
        return 1
    return command_line()


if __name__ == "__main__":
    sys.exit(main())
