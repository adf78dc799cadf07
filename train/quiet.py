"""TensorFlow without its announcements."""

from __future__ import annotations

import os

from edge.stderr import caught_stderr


def import_keras_quietly() -> None:
    """Import Keras and start TensorFlow, with what their C++ says of CPU features and absent GPUs kept off stderr."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with caught_stderr():
        import keras  # noqa: F401
        import tensorflow

        tensorflow.config.list_physical_devices()
