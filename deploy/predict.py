"""Ask a served model about image files: `cnnzoo serve`, TensorFlow Serving and KServe answer the same.

    python deploy/predict.py MODEL FILE … [--url http://localhost:8080] [--version N] [--host NAME]

Needs Python alone. The files go as they are, JPEG or PNG; the model decodes and preprocesses them itself.
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
    """Return the model's answer to each file, a dictionary of its outputs by name.

    Args:
        url: where the server listens.
        model: the model's name.
        files: whole JPEG or PNG files.
        version: which version to ask; default the newest.
        host: the `Host` header by which KServe's gateway knows the service.
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
        answers = predict(options.url, options.model, contents, options.version, options.host)
    except urllib.error.HTTPError as error:
        sys.exit(f"{options.url} answered {error.code}: {error.read().decode(errors='replace')}")
    except OSError as error:  # a file, or the network
        sys.exit(str(error))
    for path, answer in zip(options.files, answers, strict=True):
        if isinstance(answer, dict):
            print(f"{path}: {answer['class_name']} ({max(answer['probabilities']):.1%})")
        else:  # an only output goes without its name
            print(f"{path}: {json.dumps(answer)}")


if __name__ == "__main__":
    main()
