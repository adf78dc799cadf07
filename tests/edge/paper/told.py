"""What networks may say of a digit and of a strip, made up for tests."""

import numpy as np

from edge.nouns import NOT_A_DIGIT, Prediction
from edge.paper.strings import GAP, STRING_LABELS, places_of


def prediction(label, confidence):
    scores = dict.fromkeys((*"0123456789", NOT_A_DIGIT), (1 - confidence) / 10)
    scores[label] = confidence
    return Prediction(label, confidence, scores)


def frames(text, sure=0.98):
    """Frames that say a text, "?" for what is no digit, with a gap between each two characters."""
    labels = [label for place in places_of(text) for label in (GAP, place)] + [GAP]
    rows = np.full((len(labels), len(STRING_LABELS)), (1 - sure) / (len(STRING_LABELS) - 1))
    rows[np.arange(len(labels)), labels] = sure
    return np.log(rows)
