"""What torch 2.13 really does when a channel-wise dropout gets an input of another rank.

Found by running it; a test runs each of these again.
"""

from __future__ import annotations

from evalcheck.finding import Strength

SAMPLES = "drops whole samples: it takes the first dimension, the batch, for the channels"
POSITIONS = "drops whole positions with all their features: it takes the second dimension for the channels"
_VALUES = "drops single values, as plain dropout does"
_VOLUMES = "drops whole channels, as Dropout3d does"
_LATER = "; this is deprecated and will be an error"

# By function and rank of the input; ranks that are as meant, and those that raise, are left out.
EFFECTS: dict[tuple[str, int], tuple[str, Strength]] = {
    ("dropout1d", 2): (SAMPLES, "usual"),
    ("dropout1d", 3): (POSITIONS, "slight"),
    ("dropout2d", 2): (_VALUES + _LATER, "slight"),
    ("dropout2d", 3): (POSITIONS, "usual"),
    ("dropout2d", 5): (_VOLUMES + _LATER, "slight"),
    ("dropout3d", 2): (SAMPLES, "usual"),
    ("dropout3d", 3): (SAMPLES, "usual"),
    ("dropout3d", 4): (SAMPLES, "usual"),
    ("dropout3d", 6): (SAMPLES, "usual"),
    ("featurealphadropout", 2): (_VALUES, "slight"),
    ("featurealphadropout", 3): (POSITIONS, "slight"),
}
