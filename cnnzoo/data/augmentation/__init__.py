"""Random changes to training images: layers, and the augmentations of papers, by name."""

from cnnzoo.data.augmentation.elastic_distortion import ElasticDistortion
from cnnzoo.data.augmentation.image_layers import EIGENVALUES, EIGENVECTORS, ColorNoise, RandomCrops, RandomShifts
from cnnzoo.data.augmentation.input_noise import InputCorruption, InputNoise
from cnnzoo.data.augmentation.named import AUGMENTATIONS, Augmentation, augmentation
from cnnzoo.data.augmentation.stateless import BatchSeeds, apply_layers

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
    "apply_layers",
    "augmentation",
]
