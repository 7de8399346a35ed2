"""Logistic regression of an autoencoder's codes: the test error that papers on sparse codes print.

    cnnzoo train k_sparse_mnist
    python benchmarks/sparse_features.py runs/k_sparse_mnist/1

The codes of the run's own training images, scaled by one number so that they are 1 in the root mean square, with their
labels; scikit-learn's `LogisticRegression`, whose inverse penalty C is chosen on the last sixth of the training images,
and then trained on all of them. `--raw` has the pixels in the place of codes.
"""

import argparse

import numpy as np
from sklearn.linear_model import LogisticRegression

import cnnzoo

PENALTIES = (0.01, 0.1, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run's folder")
    parser.add_argument("--raw", action="store_true", help="pixels instead of codes")
    parser.add_argument("--iterations", type=int, default=300)
    options = parser.parse_args()
    run = cnnzoo.Run(options.run)
    source = cnnzoo.data.load(run.recipe.data)
    model = cnnzoo.encoder(run.model())
    train, test = (features(model, split.images, raw=options.raw) for split in (source.train, source.test))
    error, penalty = error_of(train, source.train.labels, test, source.test.labels, options.iterations)
    print(f"test error {100 * error:.2f} % by logistic regression of {train.shape[1]} features, C={penalty:g}")


def features(model, images: np.ndarray, *, raw: bool) -> np.ndarray:
    """Return the codes of uint8 images, or their pixels: `(images, features)`."""
    pixels = images / np.float32(255)
    return pixels.reshape(len(pixels), -1) if raw else model.predict(pixels, batch_size=1000, verbose=0)


def error_of(train, train_labels, test, test_labels, iterations: int) -> tuple[float, float]:
    """Return the error on test features, and the inverse penalty that was chosen on training features held out."""
    scale = 1 / np.sqrt(np.square(train).mean())
    train, test = train * scale, test * scale
    cut = len(train) * 5 // 6

    def fitted(penalty, rows):
        return LogisticRegression(C=penalty, max_iter=iterations).fit(train[rows], train_labels[rows])

    scores = {each: fitted(each, slice(cut)).score(train[cut:], train_labels[cut:]) for each in PENALTIES}
    penalty = max(scores, key=scores.__getitem__)
    return 1 - fitted(penalty, slice(None)).score(test, test_labels), penalty


if __name__ == "__main__":
    main()
