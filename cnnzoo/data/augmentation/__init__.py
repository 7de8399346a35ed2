"""Random changes to training images: layers, and the augmentations of papers, by name."""

from cnnzoo.data.augmentation.elastic_distortion import ElasticDistortion
from cnnzoo.data.augmentation.image_layers import ColorNoise, RandomCrops, RandomFlips, RandomShifts
from cnnzoo.data.augmentation.input_noise import InputCorruption, InputNoise
from cnnzoo.data.augmentation.named import AUGMENTATIONS, Augmentation, augmentation
from cnnzoo.data.augmentation.random_affine import RandomAffine
from cnnzoo.data.augmentation.stateless import BatchSeeds, apply_layers

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "BatchSeeds",
    "ColorNoise",
    "ElasticDistortion",
    "InputCorruption",
    "InputNoise",
    "RandomAffine",
    "RandomCrops",
    "RandomFlips",
    "RandomShifts",
    "apply_layers",
    "augmentation",
]
