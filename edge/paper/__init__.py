"""Numbers on paper: from a gray picture to readings."""
