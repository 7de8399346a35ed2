"""The engine inside of a page that a browser has opened: Chromium over a pipe, Firefox over WebDriver BiDi."""

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from tornado.websocket import websocket_connect  # ipykernel brings it

from tests.integration.reports import browser as chromium_over_a_pipe

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
LIMIT = 2**28  # bytes of a message
# Returns the outputs of all layers of the first model, in base64, for uint8 pixels in base64.
OUTPUTS = """(async (pixels) => {
  const { payload, block } = await cnnzoo.readPayload(document);
  const model = cnnzoo.loadModels(payload, block)[0];
  const [height, width, channels] = model.input.pixels;
  const data = Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));
  const parts = [];
  for (let start = 0; start < data.length; start += height * width * channels) {
    const image = { height, width, channels, data: data.subarray(start, start + height * width * channels) };
    const values = cnnzoo.forward(model, cnnzoo.preprocess(model, image));
    const names = [model.input.name, ...model.layers.map((layer) => layer.name)];
    for (const name of names) parts.push(values.get(name).data);
  }
  const reader = new FileReader();
  const done = new Promise((resolve) => { reader.onload = () => resolve(reader.result.split(",")[1]); });
  reader.readAsDataURL(new Blob(parts));
  return done;
})"""


def outputs_in(name, page, images, profile):
    """Return the outputs of all layers as one float32 array, as the engine in a page computes them in a browser."""
    profile.mkdir(exist_ok=True)
    call = f"{OUTPUTS}({json.dumps(base64.b64encode(images.tobytes()).decode())})"
    evaluate = {"chromium": in_chromium, "firefox": in_firefox}[name]
    return np.frombuffer(base64.b64decode(evaluate(page, call, profile)), "<f4")


def in_chromium(page, expression, profile):
    """Return the value of a promise in a page that Chromium has opened from disk."""
    if chromium_over_a_pipe.PROGRAM is None:
        pytest.skip("Chromium is not installed (Debian's package chromium)")
    with chromium_over_a_pipe.page(profile) as tab:
        tab.open(page)
        found = tab.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"]["value"]


def in_firefox(page, expression, profile):
    """Return the value of a promise in a page that Firefox has opened from disk."""
    if FIREFOX is None:
        pytest.skip("Firefox is not installed (Debian's package firefox-esr)")
    with firefox(profile) as address:
        return asyncio.run(_value_in_firefox(address, page.resolve().as_uri(), expression))


@contextlib.contextmanager
def firefox(profile):
    """Yield the address of a headless Firefox with a new profile in a folder."""
    command = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "HOME": str(profile)}, text=True
    )
    try:
        lines = iter(process.stderr.readline, "")
        yield next(found[1] for line in lines if (found := re.search(r"BiDi listening on (ws://\S+)", line)))
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


async def _value_in_firefox(address, url, expression):
    connection = await websocket_connect(f"{address}/session", max_message_size=LIMIT)
    numbers = iter(range(1, 100))

    async def ask(method, **parameters):
        number = next(numbers)
        await connection.write_message(json.dumps({"id": number, "method": method, "params": parameters}))
        while (message := json.loads(await connection.read_message())).get("id") != number:
            pass  # an event
        assert message["type"] == "success", message
        return message["result"]

    await ask("session.new", capabilities={})
    tab = (await ask("browsingContext.getTree"))["contexts"][0]["context"]
    await ask("browsingContext.navigate", context=tab, url=url, wait="complete")
    found = await ask("script.evaluate", expression=expression, target={"context": tab}, awaitPromise=True)
    assert found["type"] == "success", found
    connection.close()
    while await connection.read_message() is not None:
        pass  # until Firefox has closed its end, too
    return found["result"]["value"]
