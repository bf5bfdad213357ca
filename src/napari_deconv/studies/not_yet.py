"""Studies that need trainings or networks which this package does not have yet."""

from __future__ import annotations

from .base import REN, ZHANG, planned

planned(
    "fcnn-loss",
    "FCNN: L1 against L2",
    ZHANG,
    says="Figures 4 and 5: trained on L1 the loss converges lower and the gradients keep less "
    "noise.",
    about="Two trainings of one iteration that differ in the loss only.",
    train="The trainer's loss is L1 and is no field of a recipe. With a field for it: copy "
    "recipes/fcnn-1.json twice, train each for the same steps, and score both as "
    "fcnn-iterations does. About an hour each on two cores.",
)
planned(
    "fcnn-domain",
    "FCNN: gradients against intensities",
    ZHANG,
    says="Figure 2: cleaning intensities in place of gradients leaves noise and artefacts.",
    about="Two trainings of three iterations that differ in what the denoiser sees.",
    train="No network here denoises intensities between FCNN's deconvolutions; it would be a "
    "field of FCNN, and one more training of recipes/fcnn-3.json with it.",
)
planned(
    "glra-random-start",
    "GLRA: random start",
    REN,
    says="Figure 7: after a random start the maps of layers 4 and 5 have blurred edges and the "
    "result stays blurred; after the start from the bases both are sharp.",
    about="Two trainings that differ in how the separable layers begin.",
    train="GLRA has no field for a random start. With one, as DCNN has: train "
    "recipes/glra-begin.json with it and without for the same steps, and compare what "
    "`restoration.inside.maps` shows.",
)
