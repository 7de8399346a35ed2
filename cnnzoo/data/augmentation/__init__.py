"""Random changes to training images: layers, one a file, and what papers made of them, by name."""

from cnnzoo.data.augmentation.drawing import BatchSeeds, augmented
from cnnzoo.data.augmentation.elastic_distortion import ElasticDistortion
from cnnzoo.data.augmentation.image_layers import EIGENVALUES, EIGENVECTORS, ColorNoise, RandomCrops, RandomShifts
from cnnzoo.data.augmentation.input_noise import InputCorruption, InputNoise
from cnnzoo.data.augmentation.named import AUGMENTATIONS, Augmentation, augmentation

__all__ = [
    "AUGMENTATIONS",
    "EIGENVALUES",
    "EIGENVECTORS",
    "Augmentation",
    "BatchSeeds",
    "ColorNoise",
    "ElasticDistortion",
    "InputCorruption",
    "InputNoise",
    "RandomCrops",
    "RandomShifts",
    "augmentation",
    "augmented",
]
