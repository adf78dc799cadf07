"""Trains the Keras digit classifiers that `convert` quantizes and `edge` runs."""
