"""The files of `deploy/`, run as clusters run them: with the same commands, variables and processes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import cnnzoo
from tests import processes
from tests.integration.serving.server.server_process import Server

DEPLOY = processes.ROOT / "deploy"
SRUN = """#!{python}
# A stand-in for Slurm's srun: two tasks, each with the variables that Slurm sets.
import os, subprocess, sys
command = sys.argv[1:]
while command[0].startswith("--"):
    command.pop(0)
common = {{"SLURM_STEP_NODELIST": "localhost", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_TASKS_PER_NODE": "2"}}
tasks = [subprocess.Popen(command, env={{**os.environ, **common, "SLURM_PROCID": str(index)}}) for index in range(2)]
sys.exit(max(task.wait() for task in tasks))
"""
SMALL = ["--smoke", "--epochs", "1"]


def test_the_slurm_script_trains_and_resumes(tmp_path):
    for name, text in (("srun", SRUN), ("cnnzoo", "#!{python}\nfrom cnnzoo.cli import main\nmain()\n")):
        (tmp_path / name).write_text(text.format(python=sys.executable))
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = processes.environment(PATH=path, SLURM_JOB_ID="7")
    for epochs in ("1", "1"):  # the second time there is nothing left to do
        ended = subprocess.run(
            ["bash", DEPLOY / "slurm.sh", "lenet5_digits", "--smoke", "--epochs", epochs],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=processes.PATIENCE,
        )
        assert ended.returncode == 0, ended.stderr
        assert "run folder runs/lenet5_digits-7" in ended.stdout
    assert cnnzoo.Run(tmp_path / "runs" / "lenet5_digits-7").content["workers"] == 2


def container_of(manifest):
    kind = manifest["spec"]["tfReplicaSpecs"]["Worker"] if manifest["kind"] == "TFJob" else manifest["spec"]
    return kind["template"]["spec"]["containers"][0]


def expanded(text, variables):
    """Return a text in which Kubernetes has put the variables that stand in it."""
    for name, value in variables.items():
        text = text.replace(f"$({name})", value)
    assert "$(" not in text
    return text


@pytest.mark.slow
def test_the_indexed_job_trains_with_its_own_variables(tmp_path):
    service, job = (
        yaml.safe_load((DEPLOY / f"{name}.yaml").read_text()) for name in ("workers_service", "indexed_job")
    )
    container, name = container_of(job), job["metadata"]["generateName"] + "x7k2p"
    given = {"JOB_NAME": name}
    hosts = next(variable["value"] for variable in container["env"] if variable["name"] == "CNNZOO_HOSTS")
    port = service["spec"]["ports"][0]["port"]
    expected = [f"{name}-{index}.{service['metadata']['name']}:{port}" for index in range(job["spec"]["completions"])]
    assert expanded(hosts, given).split(",") == expected
    template = job["spec"]["template"]
    assert template["spec"]["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    local = ",".join(f"127.0.0.1:{port}" for port in processes.free_ports(2))
    workers = []
    for index in range(2):
        command = [expanded(word, given).replace("/runs", str(tmp_path)) for word in container["command"]]
        command[command.index("alexnet_imagenet")] = "lenet5_digits"
        environment = {"CNNZOO_HOSTS": local, "JOB_COMPLETION_INDEX": str(index)}
        workers.append(processes.start(["-m", *command, *SMALL], **environment))
    (chief, _), _ = processes.finished(workers)
    assert f"run folder {tmp_path / name}" in chief


@pytest.mark.parametrize("file", ["tfjob.yaml", "indexed_job.yaml"])
def test_manifests_name_a_recipe_and_mounted_folders(file):
    *_, manifest = yaml.safe_load_all((DEPLOY / file).read_text())
    container = container_of(manifest)
    assert container["command"][:2] == ["cnnzoo", "train"]
    assert container["command"][2] in cnnzoo.list_recipes()
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    workdir = next(word.partition("=")[2] for word in container["command"] if word.startswith("--workdir"))
    assert str(Path(workdir).parent) in mounted
    assert "--auto-resume" in container["command"]


def test_the_client_script_prints_the_class_of_each_file(tmp_path):
    import tensorflow as tf

    digits = cnnzoo.data.load("digits").test
    run = cnnzoo.train("lenet5_digits", workdir=tmp_path / "run", epochs=10, verbose=0)
    cnnzoo.export(run, tmp_path / "models" / "digits")
    for number in range(20):
        (tmp_path / f"{number}.png").write_bytes(tf.io.encode_png(digits.images[number].astype("uint8")).numpy())
    with Server(tmp_path / "models") as server:
        files = [f"{number}.png" for number in range(20)]
        command = [DEPLOY / "predict.py", "digits", *files, "--url", f"http://localhost:{server.port}"]
        ended = processes.run(command, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        predicted = [int(line.split(": ")[1][0]) for line in ended.stdout.splitlines()]
        assert sum(predicted == digits.labels[:20]) >= 18
        missing = processes.run([*command, "--version", "9"], cwd=tmp_path)
    assert missing.returncode == 1
    assert "returned 404" in missing.stderr


def test_tensorflow_serving_is_configured_with_the_shipped_models():
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    (service,) = compose["services"].values()
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    models = (DEPLOY / next(here for here, there in mounts.items() if there == "/models")).resolve()
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((DEPLOY / "models.config").read_text(), config)
    served = {model.name: model.base_path for model in config.model_config_list.config}
    assert served == {path.name: f"/models/{path.name}" for path in models.iterdir() if (path / "1").is_dir()}


def test_kserve_is_configured_with_a_shipped_model():
    model = yaml.safe_load((DEPLOY / "inference_service.yaml").read_text())["spec"]["predictor"]["model"]
    name = model["storageUri"].removeprefix("pvc://models/")
    assert (processes.ROOT / "saved_models" / name).is_dir()
    assert model["args"] == [f"--model_name={name}"]  # the last one counts, after those of KServe's own runtime


def test_models_have_one_spelling_in_all_files():
    shipped = {path.name for path in (processes.ROOT / "saved_models").iterdir() if (path / "1").is_dir()}
    spelled = re.compile("|".join(name.replace("_", "[-_ ]?") for name in shipped), re.IGNORECASE)
    found = {name for path in DEPLOY.iterdir() if path.is_file() for name in spelled.findall(path.read_text("utf-8"))}
    assert found == shipped
