"""Generated forms, seeded, from the blank sheet to the picture of one filled in by hand.

form = make_form("cells", seed)                    # the blank sheet, its template and its boxes
filled = fill(form, "validation", rng)             # one writer's digits, and the truth a cell
picture = scan(filled.colour, rng, dpi=200)        # or photograph(...): pixels, and matrix sheet -> picture
save_template(form, folder)                        # blank.png and form.toml, as a user has them
"""

from tests.forms.capture import photograph, scan
from tests.forms.filling import Shares, fill
from tests.forms.layout import DPI, KINDS, make_form
from tests.forms.nouns import Cell, Filled, FilledField, Form, Picture, quad_of, save_template

__all__ = [
    "DPI", "KINDS", "Cell", "Filled", "FilledField", "Form", "Picture", "Shares", "fill", "make_form",
    "photograph", "quad_of", "save_template", "scan",
]  # fmt: skip
