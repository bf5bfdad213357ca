"""`Scenery`: sharp images that are generated, to train on and to try things on."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core.spec import Spec


class Scenery(Spec):
    """Random sharp images of one kind."""

    like_photos: ClassVar[bool] = False
    """Whether they stand for photos; otherwise for fluorescence."""

    def draw(
        self, shape: tuple[int, int], rng: np.random.Generator, *, colours: bool = False
    ) -> NDArray[np.float32]:
        """One image ``(Y, X)``, or ``(3, Y, X)`` of colours, at least 0; the same for equal states.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns.
        rng : Generator
            Draws everything.
        colours : bool
            Whether red, green and blue are wanted.
        """
        raise NotImplementedError
