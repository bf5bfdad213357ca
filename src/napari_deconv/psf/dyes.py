"""Light of common dyes and fluorescent proteins, by the names that channels have."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Dye:
    """Where a fluorophore absorbs and emits most.

    Parameters
    ----------
    name : str
        As its maker or finder writes it.
    excitation_nm, emission_nm : float
        Maxima of the spectra.
    source : str
        Whose figures they are.
    aliases : tuple of str
        Other spellings, in small letters and digits alone.
    """

    name: str
    excitation_nm: float
    emission_nm: float
    source: str
    aliases: tuple[str, ...] = ()


_FP, _TF, _AT = "FPbase", "Thermo Fisher", "ATTO-TEC"
DYES = (
    Dye("DAPI", 358, 461, _TF),
    Dye("Hoechst", 350, 461, _TF, ("hoechst33342", "hoechst33258")),
    Dye("Alexa Fluor 405", 401, 421, _TF, ("alexa405", "af405")),
    Dye("ECFP", 434, 477, _FP, ("cfp",)),
    Dye("mTurquoise2", 434, 474, _FP, ("mturquoise",)),
    Dye("mCerulean", 433, 475, _FP, ("cerulean",)),
    Dye("EGFP", 488, 507, _FP, ("gfp", "megfp")),
    Dye("mNeonGreen", 506, 517, _FP, ("neongreen",)),
    Dye("FITC", 495, 519, _TF, ("fluorescein",)),
    Dye("Alexa Fluor 488", 495, 519, _TF, ("alexa488", "af488")),
    Dye("ATTO 488", 500, 520, _AT),
    Dye("SYTOX Green", 504, 523, _TF),
    Dye("EYFP", 513, 527, _FP, ("yfp",)),
    Dye("Venus", 515, 528, _FP, ("mvenus",)),
    Dye("mCitrine", 516, 529, _FP, ("citrine",)),
    Dye("mOrange2", 549, 565, _FP, ("morange",)),
    Dye("Cy3", 550, 570, _TF),
    Dye("tdTomato", 554, 581, _FP),
    Dye("Alexa Fluor 555", 555, 565, _TF, ("alexa555", "af555")),
    Dye("TRITC", 555, 580, _TF, ("rhodamine", "tetramethylrhodamine")),
    Dye("Alexa Fluor 546", 556, 573, _TF, ("alexa546", "af546")),
    Dye("DsRed", 558, 583, _FP),
    Dye("mScarlet", 569, 594, _FP),
    Dye("Alexa Fluor 568", 578, 603, _TF, ("alexa568", "af568")),
    Dye("MitoTracker Red", 579, 599, _TF, ("mitotracker",)),
    Dye("mRFP1", 584, 607, _FP, ("rfp", "mrfp")),
    Dye("mCherry", 587, 610, _FP),
    Dye("Alexa Fluor 594", 590, 617, _TF, ("alexa594", "af594")),
    Dye("Texas Red", 595, 615, _TF, ("txred",)),
    Dye("Propidium iodide", 535, 617, _TF),
    Dye("Alexa Fluor 633", 632, 647, _TF, ("alexa633", "af633")),
    Dye("ATTO 647N", 646, 664, _AT),
    Dye("Cy5", 649, 670, _TF),
    Dye("Alexa Fluor 647", 650, 665, _TF, ("alexa647", "af647")),
    Dye("Cy7", 743, 767, _TF),
)
"""The usual ones, by excitation for the most part. Makers' figures differ by a few nm with the
solvent and with what the dye is bound to."""

_LASERS = (405, 440, 445, 458, 473, 488, 491, 514, 515, 532, 552, 561, 568, 594, 633, 635, 637,
           638, 640, 642, 647, 660)  # fmt: skip


def dye_named(text: str) -> Dye | None:
    """The fluorophore whose name stands in a channel's name as words of its own."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    runs = {"".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
    found = [(len(alias), dye) for dye in DYES for alias in _spellings(dye) if alias in runs]
    return max(found, key=lambda one: one[0])[1] if found else None


def laser_named(text: str) -> float | None:
    """The laser line in nm that a channel's name gives, as in ``CSU488``."""
    numbers = [int(n) for n in re.findall(r"(?<!\d)\d{3}(?!\d)(?!\s*/)", text)]
    return next((float(n) for n in numbers if n in _LASERS), None)


def band_named(text: str) -> float | None:
    """The middle in nm of the emission filter that a channel's name gives, as in ``525/50``."""
    bands = re.findall(r"(?<!\d)(\d{3})\s*/\s*\d{2,3}(?!\d)", text)
    return next((float(n) for n in bands if 380 <= int(n) <= 850), None)


def _spellings(dye: Dye) -> tuple[str, ...]:
    return (re.sub(r"[^a-z0-9]", "", dye.name.lower()), *dye.aliases)
