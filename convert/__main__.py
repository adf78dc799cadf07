"""`python -m convert`."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from convert.cli import main

if __name__ == "__main__":
    main(prog_name="python -m convert")
