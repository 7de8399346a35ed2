"""What `deploy/` gives to clusters is run here as they would run it: the same commands, variables and processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import cnnzoo
from tests.distribute.cluster import ROOT, finished, free_ports, start

DEPLOY = ROOT / "deploy"
SRUN = """#!{python}
# Slurm's srun as far as the script uses it: two tasks, each with the variables that Slurm sets.
import os, subprocess, sys
command = sys.argv[1:]
while command[0].startswith("--"):
    command.pop(0)
common = {{"SLURM_STEP_NODELIST": "localhost", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_TASKS_PER_NODE": "2"}}
tasks = [subprocess.Popen(command, env={{**os.environ, **common, "SLURM_PROCID": str(index)}}) for index in range(2)]
sys.exit(max(task.wait() for task in tasks))
"""
SMALL = ["--smoke", "--epochs", "1"]


def test_the_slurm_script_trains_and_goes_on(tmp_path):
    for name, text in (("srun", SRUN), ("cnnzoo", "#!{python}\nfrom cnnzoo.cli import main\nmain()\n")):
        (tmp_path / name).write_text(text.format(python=sys.executable))
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "SLURM_JOB_ID": "7"}
    for epochs in ("1", "1"):  # the second time there is nothing left to do
        ended = subprocess.run(
            ["bash", DEPLOY / "slurm.sh", "lenet5_digits", "--smoke", "--epochs", epochs],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert ended.returncode == 0, ended.stderr
        assert "run folder runs/lenet5_digits-7" in ended.stdout
    assert cnnzoo.Run(tmp_path / "runs" / "lenet5_digits-7").content["workers"] == 2


def container_of(manifest):
    kind = manifest["spec"]["tfReplicaSpecs"]["Worker"] if manifest["kind"] == "TFJob" else manifest["spec"]
    return kind["template"]["spec"]["containers"][0]


def test_the_indexed_job_trains_with_its_own_variables(tmp_path):
    service, job = yaml.safe_load_all((DEPLOY / "indexed_job.yaml").read_text())
    container, name = container_of(job), job["metadata"]["name"]
    hosts = next(each["value"] for each in container["env"] if each["name"] == "CNNZOO_HOSTS")
    expected = [f"{name}-{index}.{service['metadata']['name']}:8888" for index in range(job["spec"]["completions"])]
    assert hosts.split(",") == expected
    assert job["spec"]["template"]["spec"]["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": name}
    local = ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
    workers = []
    for index in range(2):
        command = [each.replace("/runs", str(tmp_path)) for each in container["command"]]
        command[command.index("alexnet_imagenet")] = "lenet5_digits"
        environment = {"CNNZOO_HOSTS": local, "JOB_COMPLETION_INDEX": str(index)}
        workers.append(start(["-m", *command, *SMALL], **environment))
    (chief, _), _ = finished(workers)
    assert f"run folder {tmp_path / 'alexnet_imagenet'}" in chief


@pytest.mark.parametrize("file", ["tfjob.yaml", "indexed_job.yaml"])
def test_manifests_ask_for_what_there_is(file):
    *_, manifest = yaml.safe_load_all((DEPLOY / file).read_text())
    container = container_of(manifest)
    assert container["command"][:2] == ["cnnzoo", "train"]
    assert container["command"][2] in cnnzoo.list_recipes()
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    workdir = next(each.partition("=")[2] for each in container["command"] if each.startswith("--workdir"))
    assert str(Path(workdir).parent) in mounted
    assert "--resume-or-begin" in container["command"]
