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
        Whose figure the emission is, which the PSF goes by most.
    aliases : tuple of str
        Other spellings, in small letters and digits alone.
    """

    name: str
    excitation_nm: float
    emission_nm: float
    source: str
    aliases: tuple[str, ...] = ()


_FP = "FPbase"
_OLYMPUS = "Olympus, The Fluorescent Protein Color Palette"
_PROBES = "Molecular Probes Handbook"
_JIR = "Jackson ImmunoResearch, table of conjugates"
_BECKMAN = "Beckman Coulter, bound to DNA"
_BIOZOL = "Biozol, bound to DNA"
_USUAL = "usual figures, not looked up"
DYES = (
    Dye("DAPI", 358, 461, _BECKMAN),
    Dye("Hoechst", 350, 461, _BIOZOL, ("hoechst33342", "hoechst33258")),
    Dye("AMCA", 350, 450, _JIR, ("aminomethylcoumarin",)),
    Dye("DyLight 405", 400, 421, _JIR),
    Dye("Alexa Fluor 405", 401, 422, _FP, ("alexa405", "af405")),
    Dye("ECFP", 434, 475, _OLYMPUS, ("cfp",)),
    Dye("mTurquoise2", 434, 474, _USUAL, ("mturquoise",)),
    Dye("mCerulean", 433, 475, _FP, ("cerulean",)),
    Dye("EGFP", 488, 507, _OLYMPUS, ("gfp", "megfp")),
    Dye("mNeonGreen", 506, 517, _OLYMPUS, ("neongreen",)),
    Dye("Cy2", 492, 510, _JIR),
    Dye("FITC", 492, 520, _JIR, ("fluorescein",)),
    Dye("Alexa Fluor 488", 495, 519, _PROBES, ("alexa488", "af488")),
    Dye("ATTO 488", 500, 520, _USUAL),
    Dye("SYTOX Green", 504, 523, _USUAL),
    Dye("EYFP", 513, 527, _OLYMPUS, ("yfp",)),
    Dye("Venus", 515, 528, _USUAL, ("mvenus",)),
    Dye("mCitrine", 516, 529, _FP, ("citrine",)),
    Dye("mOrange2", 549, 565, _USUAL, ("morange",)),
    Dye("Cy3", 550, 570, _JIR),
    Dye("tdTomato", 554, 581, _OLYMPUS),
    Dye("Alexa Fluor 555", 555, 565, _PROBES, ("alexa555", "af555")),
    Dye("TRITC", 550, 570, _JIR, ("rhodamine", "tetramethylrhodamine")),
    Dye("Alexa Fluor 546", 556, 573, _USUAL, ("alexa546", "af546")),
    Dye("DsRed", 558, 583, _OLYMPUS),
    Dye("mScarlet", 569, 594, _USUAL),
    Dye("Rhodamine Red-X", 570, 590, _JIR, ("rrx",)),
    Dye("Alexa Fluor 568", 578, 603, _PROBES, ("alexa568", "af568")),
    Dye("MitoTracker Red", 579, 599, _USUAL, ("mitotracker",)),
    Dye("mRFP1", 584, 607, _OLYMPUS, ("rfp", "mrfp")),
    Dye("mCherry", 587, 610, _OLYMPUS),
    Dye("Alexa Fluor 594", 590, 617, _PROBES, ("alexa594", "af594")),
    Dye("Texas Red", 596, 620, _JIR, ("txred",)),
    Dye("Propidium iodide", 535, 617, _PROBES),
    Dye("Alexa Fluor 633", 632, 647, _USUAL, ("alexa633", "af633")),
    Dye("ATTO 647N", 646, 664, _USUAL),
    Dye("Cy5", 650, 670, _JIR),
    Dye("Alexa Fluor 647", 650, 665, _PROBES, ("alexa647", "af647")),
    Dye("Alexa Fluor 680", 684, 702, _JIR, ("alexa680", "af680")),
    Dye("Alexa Fluor 790", 792, 803, _JIR, ("alexa790", "af790")),
    Dye("Cy7", 743, 767, _USUAL),
)
"""The usual ones, by excitation for the most part. Makers' figures differ by a few nm with the
solvent and with what the dye is bound to."""

_LASERS = (405, 440, 445, 458, 473, 488, 491, 514, 515, 532, 552, 561, 568, 594, 633, 635, 637,
           638, 640, 642, 647, 660)  # fmt: skip


def dye_named(text: str) -> Dye | None:
    """The fluorophore whose name stands in a channel's name as words of its own."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    runs = {"".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
    matches = [(len(alias), dye) for dye in DYES for alias in _spellings(dye) if alias in runs]
    return max(matches, key=lambda match: match[0])[1] if matches else None


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
