"""Send image files to a served model, of `cnnzoo serve`, TensorFlow Serving or KServe, and print its predictions.

    python deploy/predict.py MODEL FILE … [--url http://localhost:8080] [--version N] [--host NAME]

It needs Python alone. JPEG and PNG files are sent unchanged; the model decodes and preprocesses them itself.
"""

import argparse
import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path


def predict(
    url: str, model: str, files: list[bytes], version: str | None = None, host: str | None = None
) -> list[dict]:
    """Return the model's prediction for each file, a dictionary of its outputs by name.

    Args:
        url: the server's address.
        model: the model's name.
        files: whole JPEG or PNG files.
        version: the version to use; default the newest.
        host: the `Host` header by which KServe's gateway finds the service.
    """
    path = f"/v1/models/{model}{f'/versions/{version}' if version else ''}:predict"
    instances = [{"image_bytes": {"b64": base64.b64encode(file).decode()}} for file in files]
    body = json.dumps({"signature_name": "serve_bytes", "instances": instances}).encode()
    headers = {"Content-Type": "application/json", **({"Host": host} if host else {})}
    request = urllib.request.Request(url.rstrip("/") + path, body, headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["predictions"]


def main() -> None:
    """Print each file's name with its class and probability."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--url", default="http://localhost:8080")
    parser.add_argument("--version")
    parser.add_argument("--host")
    options = parser.parse_args()
    try:
        contents = [path.read_bytes() for path in options.files]
        predictions = predict(options.url, options.model, contents, options.version, options.host)
    except urllib.error.HTTPError as error:
        sys.exit(f"{options.url} returned {error.code}: {error.read().decode(errors='replace')}")
    except OSError as error:  # a file, or the network
        sys.exit(str(error))
    for path, prediction in zip(options.files, predictions, strict=True):
        if isinstance(prediction, dict):
            # One score is that of the second of two classes.
            probabilities = prediction.get("probabilities") or [prediction["score"], 1 - prediction["score"]]
            print(f"{path}: {prediction['class_name']} ({max(probabilities):.1%})")
        else:  # a single output, such as those of an autoencoder or a regression, has no name
            print(f"{path}: {json.dumps(prediction)}")


if __name__ == "__main__":
    main()
