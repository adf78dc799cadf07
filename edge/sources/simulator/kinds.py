"""The meters that are simulated: ten kinds, as they hang in cellars, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Profile = Literal["household water", "gas heating", "household power", "district heat", "machine"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of meter.

    Parameters
    ----------
    name : str
        Stands behind `meter=`.
    counter : "drum" or "lcd"
    digits : int
        Drums or characters of the register, decimals included.
    decimals : int
        Of the digits and dials together.
    unit : str
    max_rate_per_hour : float
        Of the configuration: nothing that is connected draws more.
    profile : str
        What runs through it.
    dials : int
        Pointers after the drums.
    jumps : bool
        Whether the drums jump, driven by a pulse, instead of being carried along.
    is_backward : bool
        Whether the next digit of a drum comes from above.
    screens : int
        How many screens a display shows in turn; the first is the register.
    has_zeros : bool
        Whether a display shows leading zeros; else those cells are blank.
    is_light_on_dark : bool
    slack : float
        Steps that a drum rests beside its digit at the most.
    """

    name: str
    counter: Literal["drum", "lcd"]
    digits: int
    decimals: int
    unit: str
    max_rate_per_hour: float
    profile: Profile
    dials: int = 0
    jumps: bool = False
    is_backward: bool = False
    screens: int = 1
    has_zeros: bool = True
    is_light_on_dark: bool = False
    slack: float = 0.1

    @property
    def resolution(self) -> float:
        """The smallest step that is shown."""
        return float(10.0**-self.decimals)

    @property
    def top(self) -> float:
        """The value that it starts again from 0 at."""
        return float(10.0 ** (self.digits + self.dials - self.decimals))


KINDS = (
    Kind("water-5", "drum", 5, 0, "m³", 2.5, "household water"),
    Kind("water-8", "drum", 8, 3, "m³", 2.5, "household water"),
    Kind("water-dials", "drum", 5, 4, "m³", 2.5, "household water", dials=4),
    Kind("gas-8", "drum", 8, 3, "m³", 6.0, "gas heating", is_light_on_dark=True),
    Kind("gas-backward", "drum", 7, 2, "m³", 6.0, "gas heating", is_backward=True, is_light_on_dark=True),
    Kind("power-drums", "drum", 7, 1, "kWh", 15.0, "household power", slack=0.15),
    Kind("power-lcd", "lcd", 7, 1, "kWh", 15.0, "household power"),
    Kind("power-screens", "lcd", 7, 1, "kWh", 15.0, "household power", screens=3),
    Kind("heat-lcd", "lcd", 7, 3, "MWh", 0.03, "district heat", has_zeros=False),
    Kind("counter", "drum", 6, 0, "", 1200.0, "machine", jumps=True, slack=0.05),
)
"""What a water meter shows at least is litres or, by its dials, tenths of them; gas meters show litres or tens of
them, power meters tenths of a kWh, heat meters kWh.
"""
