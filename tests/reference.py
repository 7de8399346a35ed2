"""Reference implementations of the layers in plain NumPy and float64, with loops, from the papers' formulas."""

import itertools

import numpy as np


def scaled_tanh(x):
    return 1.7159 * np.tanh(2 / 3 * np.asarray(x, "float64"))


def subsampling(images, size, coefficient, bias):
    batch, height, width, channels = images.shape
    out = np.zeros((batch, height // size, width // size, channels))
    for row in range(out.shape[1]):
        for column in range(out.shape[2]):
            window = images[:, row * size : (row + 1) * size, column * size : (column + 1) * size]
            out[:, row, column] = window.astype("float64").sum(axis=(1, 2)) * coefficient + bias
    return out


def constant_padding(images, border, value):
    batch, height, width, channels = images.shape
    out = np.full((batch, height + 2 * border, width + 2 * border, channels), value, "float64")
    for row in range(height):
        for column in range(width):
            out[:, row + border, column + border] = images[:, row, column]
    return out


def partial_convolution(images, table, kernels, bias, stride=1):
    """`kernels[i]` is the kernel of the i-th link, counted along the rows of the table; a bias for each map or unit."""
    size = kernels.shape[1]
    batch, height, width, _ = images.shape
    out = np.zeros((batch, (height - size) // stride + 1, (width - size) // stride + 1, len(table)))
    link = 0
    for target, sources in enumerate(table):
        for source in sources:
            for row in range(out.shape[1]):
                for column in range(out.shape[2]):
                    top, left = row * stride, column * stride
                    window = images[:, top : top + size, left : left + size, source].astype("float64")
                    out[:, row, column, target] += (window * kernels[link]).sum(axis=(1, 2))
            link += 1
        out[..., target] += bias[..., target]
    return out


def mean_squared_error_of_labels(labels, outputs):
    losses = []
    for label, row in zip(labels, np.asarray(outputs, "float64"), strict=True):
        targets = [1 if unit == label else -1 for unit in range(len(row))]
        losses.append(sum((output - target) ** 2 for output, target in zip(row, targets, strict=True)) / len(row))
    return np.mean(losses)


def squared_distances(features, centers):
    features, centers = np.asarray(features, "float64"), np.asarray(centers, "float64")
    return np.array([[((row - center) ** 2).sum() for center in centers] for row in features])


def maximum_a_posteriori(labels, penalties, rubbish):
    losses = []
    for label, row in zip(labels, np.asarray(penalties, "float64"), strict=True):
        losses.append(row[label] + np.log(np.exp(-rubbish) + np.exp(-row).sum()))
    return np.mean(losses)


def slopes(function, arrays, upstream, step=1e-5):
    """Return the gradient of `(function(*arrays) · upstream).sum()` for each array, by central differences."""
    arrays = [np.array(array, "float64") for array in arrays]
    gradients = []
    for array in arrays:
        gradient = np.zeros_like(array)
        for index in np.ndindex(*array.shape):
            value = array[index]
            array[index] = value + step
            above = (function(*arrays) * upstream).sum()
            array[index] = value - step
            gradient[index] = (above - (function(*arrays) * upstream).sum()) / (2 * step)
            array[index] = value
        gradients.append(gradient)
    return gradients


def relative(found, expected):
    """Return the largest difference, relative to the largest expected value."""
    found, expected = np.asarray(found, "float64"), np.asarray(expected, "float64")
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


def positions(size, window, stride, padding):
    """Return the first pixel of each window along a side; with "same" it may lie before the image."""
    if padding == "valid":
        return list(range(0, size - window + 1, stride))
    count = int(np.ceil(size / stride))
    return [number * stride - max((count - 1) * stride + window - size, 0) // 2 for number in range(count)]


def windows(images, size, strides, padding):
    """Yield the row and column of each position, and the pixels of its window that lie within the images."""
    for i, top in enumerate(positions(images.shape[1], size[0], strides[0], padding)):
        for j, left in enumerate(positions(images.shape[2], size[1], strides[1], padding)):
            yield i, j, images[:, max(top, 0) : top + size[0], max(left, 0) : left + size[1]]


def zeros_around(images, size, strides):
    """Return images with the zeros of "same" padding around them, so that every window is whole."""
    around = []
    for side, window, stride in zip(images.shape[1:3], size, strides, strict=True):
        starts = positions(side, window, stride, "same")
        around.append((max(-starts[0], 0), max(starts[-1] + window - side, 0)))
    return np.pad(images, ((0, 0), *around, (0, 0)))


def local_response_normalization(images, size, alpha, beta, k, region):
    squares = np.asarray(images, "float64") ** 2
    sums = np.zeros_like(squares)
    _, height, width, channels = squares.shape
    half = size // 2
    if region == "across":
        for channel in range(channels):
            sums[..., channel] = squares[..., max(channel - half, 0) : channel + half + 1].sum(axis=-1)
    else:
        for row in range(height):
            for column in range(width):
                square = squares[:, max(row - half, 0) : row + half + 1, max(column - half, 0) : column + half + 1]
                sums[:, row, column] = square.sum(axis=(1, 2))
    return images / (k + alpha * sums) ** beta


def lp_pooling(images, p, size, strides, padding, normalized):
    rows, columns = (
        len(positions(side, window, stride, padding))
        for side, window, stride in zip(images.shape[1:3], size, strides, strict=True)
    )
    out = np.zeros((len(images), rows, columns, images.shape[-1]))
    for i, j, window in windows(images, size, strides, padding):
        count = window.shape[1] * window.shape[2] if normalized else 1
        out[:, i, j] = ((np.abs(window) ** p).sum(axis=(1, 2)) / count) ** (1 / p)
    return out


def locally_connected(images, kernel, bias, strides, padding):
    """`kernel[i, j]` is the kernel of the position in row i and column j."""
    size = kernel.shape[2:4]
    images = zeros_around(images, size, strides) if padding == "same" else images
    out = np.zeros((len(images), *kernel.shape[:2], kernel.shape[-1]))
    for i, j, window in windows(images, size, strides, "valid"):
        out[:, i, j] = np.einsum("bhwc,hwcf->bf", window, kernel[i, j]) + bias[i, j]
    return out


def grouped_convolution(images, kernel, bias, strides, padding, groups):
    """The kernel's input maps are those of one group; its output maps are those of all groups, in order."""
    size = kernel.shape[:2]
    images = zeros_around(images, size, strides) if padding == "same" else images
    inputs, outputs = kernel.shape[2], kernel.shape[3] // groups
    rows, columns = ((images.shape[1 + side] - size[side]) // strides[side] + 1 for side in (0, 1))
    out = np.zeros((len(images), rows, columns, kernel.shape[3]))
    for i, j, window in windows(images, size, strides, "valid"):
        for group in range(groups):
            maps = slice(group * outputs, (group + 1) * outputs)
            columns = window[..., group * inputs : (group + 1) * inputs]
            out[:, i, j, maps] = np.einsum("bhwc,hwcf->bf", columns, kernel[..., maps]) + bias[maps]
    return out


def transposed_convolution(maps, kernel, bias, strides, padding, sides, dilation=(1, 1)):
    """Each value of the maps adds the kernel to an image of the given sides, at the convolution's window."""
    spans = [(size - 1) * step + 1 for size, step in zip(kernel.shape[:2], dilation, strict=True)]
    tops, lefts = (positions(*side, padding) for side in zip(sides, spans, strides, strict=True))
    assert maps.shape[1:3] == (len(tops), len(lefts))
    out = np.zeros((len(maps), *sides, kernel.shape[2]))
    for (i, top), (j, left) in itertools.product(enumerate(tops), enumerate(lefts)):
        for row, column in np.ndindex(*kernel.shape[:2]):
            y, x = top + row * dilation[0], left + column * dilation[1]
            if 0 <= y < sides[0] and 0 <= x < sides[1]:
                out[:, y, x] += maps[:, i, j] @ kernel[row, column].T
    return out + bias


def logistic(x):
    return 1 / (1 + np.exp(-np.asarray(x, "float64")))


def tied_autoencoder(x, kernel, hidden_bias, bias, squash=np.tanh):
    """The decoder uses the encoder's own kernel, in the other direction."""
    return squash(x @ kernel + hidden_bias) @ kernel.T + bias


def ten_crops(images):
    """Crop 4×3 pixels at the corners and the center, and flip the crops."""
    down, right = images.shape[1] - 4, images.shape[2] - 3
    corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    crops = [images[:, top : top + 4, left : left + 3] for top, left in corners]
    crops += [crop[:, :, ::-1] for crop in crops]
    return np.stack(crops, axis=1).reshape(-1, 4, 3, images.shape[-1])


def expected_calibration_error(labels, probabilities, bins):
    """Guo et al. 2017, equation 3, image by image."""
    members = [[] for _ in range(bins)]
    for label, row in zip(labels, probabilities, strict=True):
        confidence = max(row)
        for number in range(bins):
            if number / bins < confidence <= (number + 1) / bins:
                members[number].append((confidence, float(np.argmax(row) == label)))
    error = 0.0
    for each in filter(None, members):
        confidence, accuracy = (sum(column) / len(each) for column in zip(*each, strict=True))
        error += len(each) / len(labels) * abs(accuracy - confidence)
    return error
