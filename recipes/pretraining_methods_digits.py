"""Seven ways to start the same classifier, by the number of labels, with no download.

    cnnzoo train pretraining_methods_digits

Test error in per cent, n=3 (mean ± standard deviation), on one of two cores beside other work:

                  100 labels       all 1,437
    random        10.46 ± 0.42     2.50 ± 0.28
    autoencoder    9.44 ± 0.28     2.31 ± 0.16
    denoising      9.54 ± 0.32     2.31 ± 0.16
    rbm            9.91 ± 0.64     2.87 ± 0.16
    contractive    9.81 ± 0.58     2.78 ± 0.28
    variational   10.28 ± 0.48     2.31 ± 0.70
    k-sparse       9.63 ± 0.58     2.59 ± 0.16

One of 360 test images is 0.28 %. Printed by `benchmarks/recipe_results.py pretraining_methods_digits --seeds 3`. The
larger study is `pretraining_methods_mnist`, which says what is equal between the ways. Settings are those of
`stacked_denoising_digits`; nothing was chosen.
"""

from cnnzoo import Study, cli, load_recipe

STACK = load_recipe("stacked_denoising_digits")
EPOCHS = STACK.pretraining["epochs"]
LABELS = {100: 14, 1437: 1}  # images → how often each comes in an epoch, which has about 1,400 in any case
COMMON = {"epochs": EPOCHS, "learning_rate": 2e-3}
METHODS = {
    "autoencoder": COMMON,
    "denoising": {**COMMON, "corruption": 0.2},
    "rbm": {"method": "rbm", "epochs": EPOCHS},
    "contractive": {**COMMON, "contractive": 0.1 / 64},
    "variational": {**COMMON, "variational": 20},
    "k-sparse": {**COMMON, "sparsity": {"kind": "k-sparse", "k": 30}},
}

study = Study(
    recipe=STACK.replace(pretraining={}),
    variants={
        f"{method}-{labels}-labels": {
            "train_examples": labels,
            "repeat": repeat,
            "epochs": STACK.epochs if method in METHODS else STACK.epochs + 2 * EPOCHS,
            **({"pretraining": METHODS[method]} if method in METHODS else {}),
        }
        for labels, repeat in LABELS.items()
        for method in ("random", *METHODS)
    },
)

if __name__ == "__main__":
    cli.run_file(__file__)
