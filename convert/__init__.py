"""Quantizes a Keras run folder to an int8 TFLite bundle and gates the result."""
