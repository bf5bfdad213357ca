"""A training recipe: everything that decides which weights come out."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval

from ..core.errors import DeconvError
from ..core.spec import Spec
from ..degradation.sampling import Sampler, standard_psfs
from ..degradation.scenery import Scenery
from ..degradation.structures import Structures
from .cameras import Camera
from .schedule import Schedule


class Source(Spec, title="Training images"):
    """How a folder of sharp images is used.

    Parameters
    ----------
    share : float
        How often it is drawn from, relative to the other folders.
    every : int
        Use only every so-many-th file in sorted order, from the first on: 2 is the 1st, 3rd, 5th.
    clean : bool
        Pass over photos that are blurred or noisy, by name.
    """

    share: Annotated[float, Interval(gt=0, le=1000)] = 1.0
    every: Annotated[int, Interval(ge=1, le=1000)] = 1
    clean: bool = False


class Recipe(Schedule, title="Training recipe", ranges=("noise", "photons", "pixel_um")):
    """What to train on images, for how long: a `Schedule` and its pairs.

    Parameters
    ----------
    sampler : Sampler
        Random PSFs and cameras; boundary and read noise are the trainer's.
    noise_low, noise_high : float
        Range of the noise's standard deviation on the unit scale, drawn log-uniformly.
    misjudged : float
        Standard deviation of the error, as a share, of the noise that the network is told: in use
        it is an estimate. Validation tells it the truth.
    photon_share : float
        Share of the patches that get photon noise, and a tenth of the other noise beside it.
    photons_low, photons_high : float
        Range of the expected photons at intensity 1, drawn log-uniformly.
    rescaled : bool
        Bring every patch to the scale that the engine gives an image: the robust maximum of what
        is seen of it is 1, or, since a patch need not hold an image's brightest part, down to a
        fifth. Otherwise patches stay as their images are, as is right for photos.
    cameras : tuple of Camera
        What shares of the patches go through instead of the sampler's camera, such as clipping
        and JPEG. They are told the noise that is measured on them.
    psf_off : float
        Share of the patches whose network is told a PSF that is a bit off, as estimated ones are.
    shrunk : float
        Photos are made smaller at random, by up to this factor.
    colours : float
        Share of the steps that are on three colours at once; the others are on gray.
    pixel_um_low, pixel_um_high : float
        Range of pixel sizes in micrometres at which calibrated PSFs are seen, drawn log-uniformly.
    sources : tuple of Source
        How each folder of images is used, in the order in which they are given.
    generated : float
        Share of the patches that are generated.
    structures : Scenery
        What they show. Those that stand for photos are not validated on.
    patch_px : int
        Side of the training patches.
    batch : int
        Patches per step.
    late_px, late_share : int, float
        Side of the patches in the last share of the schedule, where there are as many fewer as
        they are larger.
    held_out : int
        Every how many-th image is kept for validation.
    images : tuple of str
        Names of the files that were trained on; the trainer writes them.
    """

    sampler: Sampler = Sampler(psfs=standard_psfs())
    noise_low: Annotated[float, Interval(gt=0, le=1)] = 0.003
    noise_high: Annotated[float, Interval(gt=0, le=1)] = 0.1
    misjudged: Annotated[float, Interval(ge=0, le=1)] = 0.0
    photon_share: Annotated[float, Interval(ge=0, le=1)] = 0.0
    photons_low: Annotated[float, Interval(ge=1, le=1e9)] = 20.0
    photons_high: Annotated[float, Interval(ge=1, le=1e9)] = 5000.0
    rescaled: bool = False
    cameras: tuple[Camera, ...] = ()
    psf_off: Annotated[float, Interval(ge=0, le=1)] = 0.0
    shrunk: Annotated[float, Interval(ge=1, le=8)] = 1.0
    colours: Annotated[float, Interval(ge=0, le=1)] = 0.0
    pixel_um_low: Annotated[float, Interval(gt=0, le=100)] = 0.06
    pixel_um_high: Annotated[float, Interval(gt=0, le=100)] = 0.16
    sources: tuple[Source, ...] = (Source(),)
    generated: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    structures: Scenery = Structures()
    patch_px: Annotated[int, Interval(ge=32, le=512)] = 96
    batch: Annotated[int, Interval(ge=1, le=1024)] = 8
    late_px: Annotated[int, Interval(ge=32, le=1024)] = 96
    late_share: Annotated[float, Interval(ge=0, le=1)] = 0.0
    held_out: Annotated[int, Interval(ge=2, le=1000)] = 20
    images: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sources:
            raise DeconvError("Training recipe: sources is empty.", "Give at least one.")
        if self.colours and not self.method.joint_channels:
            raise DeconvError(
                f"{self.method.title} as it is set restores colours one by one.",
                "Set its field colour, or train on gray alone with colours = 0.",
            )

    def sizes(self, step: int) -> tuple[int, int]:
        """Side of the patches at a step, and how many there are."""
        if step < (1 - self.late_share) * self.steps:
            return self.patch_px, self.batch
        count = round(self.batch * (self.patch_px / self.late_px) ** 2)
        return self.late_px, max(1, count)

    @property
    def least_px(self) -> int:
        """Shortest side that an image must have."""
        return max(self.patch_px, self.late_px if self.late_share else 0)
