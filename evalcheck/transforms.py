"""Which transforms of which libraries draw random numbers: plain data, and one question about it.

The source layer asks with names read through imports, the loader layer with the class of a live
object; neither knows the other, so the table stands here. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping


def each(text: str) -> frozenset[str]:
    """The words of a text as a set: tables of names that can be read."""
    return frozenset(text.split())


# A class is known by the package that it comes from and by its own name; the modules between
# them differ between releases and between what is written and what ``type(...)`` says.
LIBRARIES = (
    "torchvision",
    "torchaudio",
    "albumentations",
    "kornia.augmentation",
    "audiomentations",
    "torch_audiomentations",
    "timm.data",
    "monai.transforms",
    "torch_geometric.transforms",
)

# Here every transform has a chance ``p``, and is random with any between 0 and 1, whatever it does.
ALL_BY_CHANCE = frozenset(("albumentations", "audiomentations", "torch_audiomentations"))

# Random only in whether it is applied: deterministic with p=0 and with p=1.
BY_CHANCE: dict[str, frozenset[str]] = {
    "torchvision": each(
        "RandomHorizontalFlip RandomVerticalFlip RandomGrayscale RandomInvert RandomPosterize "
        "RandomSolarize RandomEqualize RandomAutocontrast RandomAdjustSharpness"
    ),
    "albumentations": each(
        "HorizontalFlip VerticalFlip Transpose ToGray ToSepia TimeReverse InvertImg ChannelDropout"
    ),
    "kornia.augmentation": each(
        "RandomHorizontalFlip RandomVerticalFlip RandomGrayscale RandomInvert RandomEqualize "
        "RandomAutoContrast RandomHorizontalFlip3D RandomVerticalFlip3D RandomDepthicalFlip3D"
    ),
    "audiomentations": each("PolarityInversion Reverse"),
    "torch_audiomentations": each("PolarityInversion TimeInversion"),
}

# Draws a parameter whenever it is applied. Names that begin with Random or Rand are known by that.
BY_DRAW: dict[str, frozenset[str]] = {
    "torchvision": each(
        "ColorJitter AutoAugment TrivialAugmentWide AugMix ElasticTransform ScaleJitter "
        "MixUp CutMix GaussianNoise"
    ),
    "torchaudio": each("FrequencyMasking TimeMasking SpecAugment"),
    "albumentations": each(
        "ColorJitter ShiftScaleRotate Rotate SafeRotate Affine Perspective PiecewiseAffine ElasticTransform "
        "GridDistortion OpticalDistortion ThinPlateSpline GridElasticDeform HueSaturationValue RGBShift "
        "ChannelShuffle CoarseDropout CoarseDropout3D ConstrainedCoarseDropout Erasing GridDropout "
        "MaskDropout PixelDropout XYMasking TimeMasking FrequencyMasking Cutout GaussNoise ISONoise "
        "ShotNoise SaltAndPepper AdditiveNoise MultiplicativeNoise MotionBlur GlassBlur ZoomBlur Defocus "
        "AdvancedBlur "
        "D4 Flip SquareSymmetry CubicSymmetry CropNonEmptyMaskIfExists AtLeastOneBBoxRandomCrop "
        "BBoxSafeRandomCrop Illumination PlanckianJitter PlasmaBrightnessContrast PlasmaShadow Spatter "
        "ChromaticAberration HEStain FancyPCA Superpixels Mosaic MixUp"
    ),
    "kornia.augmentation": each("ColorJitter ColorJiggle AutoAugment RandAugment TrivialAugment PatchMix"),
    "audiomentations": each(
        "AddColorNoise AddGaussianNoise AddGaussianSNR AddBackgroundNoise AddShortNoises TimeStretch "
        "PitchShift Shift TimeMask FrequencyMask SpecFrequencyMask Gain GainTransition AirAbsorption "
        "Aliasing ApplyImpulseResponse BandPassFilter BandStopFilter BitCrush ClippingDistortion "
        "HighPassFilter "
        "HighShelfFilter Limiter LowPassFilter LowShelfFilter Mp3Compression PeakingFilter RepeatPart "
        "RoomSimulator SevenBandParametricEQ TanhDistortion"
    ),
    "torch_audiomentations": each(
        "Gain PitchShift Shift AddColoredNoise AddBackgroundNoise ShuffleChannels SpliceOut "
        "ApplyImpulseResponse BandPassFilter BandStopFilter HighPassFilter LowPassFilter"
    ),
    "timm.data": each("AugMixAugment AutoAugment RandAugment Mixup FastCollateMixup NaFlexMixup"),
    "torch_geometric.transforms": each("FixedPoints SamplePoints HalfHop AddRandomMetaPaths"),
}

# Names that begin with Random and are no transform of a sample, or whose children say what they draw.
NEVER = each("RandomSampler RandomApply RandomChoice RandomOrder RandomizableTransform RandomizableTrait")

# Containers: random only if one of the transforms inside is, and always so for the last three.
CONTAINERS = each(
    "Compose Sequential AugmentationSequential ImageSequential VideoSequential PatchSequential ReplayCompose "
    "ComposeFilters"
)
CHOOSERS = each("RandomApply RandomChoice RandomOrder OneOf SomeOf OneOrOther")

# What libraries call the chance that a transform is applied.
CHANCES = ("p", "_p", "prob", "probability")

# Parameters that make a transform do nothing at all where every one given is zero.
RANGES: dict[str, tuple[str, ...]] = {
    "ColorJitter": ("brightness", "contrast", "saturation", "hue"),
    "RandomRotation": ("degrees",),
    "Rotate": ("limit",),
}


def library(name: str) -> str | None:
    """The known library that a dotted class name belongs to."""
    return next((lib for lib in LIBRARIES if name == lib or name.startswith(lib + ".")), None)


def parameters(name: str) -> tuple[str, ...]:
    """The positional parameters of a transform, as far as they decide whether it is random."""
    tail = name.rpartition(".")[2]
    lib = library(name)
    if tail in RANGES:
        return RANGES[tail]
    return ("p",) if lib == "torchvision" and tail in BY_CHANCE[lib] else ()


def is_random(name: str, arguments: Mapping[str, object] | None = None) -> bool:
    """Whether a transform draws random numbers when it is called.

    ``name`` is the dotted name of its class; ``arguments`` are those values that are known, by
    parameter name. A container is not random by itself: ask about what it holds.
    """
    lib, tail = library(name), name.rpartition(".")[2]
    if lib is None or tail in NEVER or tail in CHOOSERS:
        return False
    known = arguments or {}
    chance = next((known[name] for name in CHANCES if name in known), None)
    if chance == 0:
        return False
    if lib in ALL_BY_CHANCE and isinstance(chance, (int, float)) and chance < 1:
        return True
    if tail in CONTAINERS:
        return known.get("random_apply", False) not in (False, None, "unknown")
    if tail in BY_CHANCE.get(lib, ()):
        return chance != 1
    prefix = tail.startswith("Rand") and tail[:1].isupper()
    if not prefix and tail not in BY_DRAW.get(lib, ()):
        return False
    return not _does_nothing(tail, lib, known)


def _does_nothing(tail: str, lib: str, known: Mapping[str, object]) -> bool:
    if tail not in RANGES or (tail == "ColorJitter" and lib != "torchvision"):
        return False
    given = [known[name] for name in RANGES[tail] if name in known]
    if not given:
        return False
    return all(value in (0, 0.0, (0, 0), [0, 0], None) for value in given)
