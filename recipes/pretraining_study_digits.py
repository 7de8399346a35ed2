"""The effect of pretraining by the number of labels, in minutes and with no download.

    cnnzoo train pretraining_study_digits

Test error in per cent, n=3 (mean ± standard deviation), 6 min on two cores beside other work; pretrained | random:

    100 labels        9.07 ± 0.16 | 10.46 ± 0.42
    all 1,437         2.50 ± 0.28 | 2.50 ± 0.28

The two of the last line are equal by chance; their losses differ. Pretraining uses all 1,437 images without their
labels, the fit uses those that have one. A net without pretraining gets about the same multiply-adds as further epochs
of the fit (see `pretraining_study_mnist`, which is the larger study). Settings are those of
`stacked_denoising_digits`; nothing was chosen.
"""

from cnnzoo import Study, cli, load_recipe

STACK = load_recipe("stacked_denoising_digits")
LABELS = {100: 14, 1437: 1}  # images → how often each comes in an epoch, which has about 1,400 in any case


def variant(labels: int, pretrained: bool) -> dict:
    """Return the values of one cell of the table."""
    return {
        "train_examples": labels,
        "repeat": LABELS[labels],
        "epochs": STACK.epochs if pretrained else STACK.epochs + 2 * STACK.pretraining["epochs"],
        **({"pretraining": STACK.pretraining} if pretrained else {}),
    }


study = Study(
    recipe=STACK.replace(pretraining={}),
    variants={
        f"{labels}-labels-{'pretrained' if pretrained else 'random'}": variant(labels, pretrained)
        for labels in LABELS
        for pretrained in (True, False)
    },
)

if __name__ == "__main__":
    cli.run_file(__file__)
