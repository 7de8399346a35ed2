import json

import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.distribute import cluster, split_cpu, strategies, strategy
from cnnzoo.distribute.cluster import tasks_of

CLUSTER = {"worker": ["a:1", "b:2"]}


def config(cluster=CLUSTER, kind="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NODELIST", "SLURM_STEP_NUM_TASKS", "CNNZOO_HOSTS", "JOB_COMPLETION_INDEX"):
        monkeypatch.delenv(name, raising=False)


def test_one_device_needs_no_strategy():
    assert strategy("auto") is tf.distribute.get_strategy() is strategy("default")


def test_auto_chooses_the_kind_by_devices_and_environment(monkeypatch):
    """Only the kind is tested: a cluster whose machines do not exist cannot start."""
    assert strategies._auto_kind(None) == "default"
    assert strategies._auto_kind(2) == "mirrored"
    monkeypatch.setenv("SLURM_STEP_NODELIST", "node[1-2]")
    assert strategies._auto_kind(None) == "default"
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    assert strategies._auto_kind(None) == "multi_worker"
    monkeypatch.delenv("SLURM_STEP_NODELIST")
    monkeypatch.setenv("TF_CONFIG", config())
    assert strategies._auto_kind(None) == "multi_worker"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "parameter_server"}, "Keras 3 does not train with parameter servers"),
        ({"kind": "miror"}, "unknown strategy 'miror'; did you mean 'mirrored'"),
        (
            {"kind": "mirrored", "devices": 3},
            "`devices` must be an integer from 1 to 2, the CPUs of this machine. Received: 3",
        ),
        ({"kind": "multi_worker", "devices": 2}, "devices=2 is for the strategy 'mirrored', not for 'multi_worker'"),
        ({"kind": tf.distribute.get_strategy(), "devices": 1}, "a strategy has its devices; leave out devices=1"),
        ({"kind": "mirrored", "devices": 0}, "`devices` must be an integer from 1 to 2, .*. Received: 0"),
        ({"kind": "default", "devices": 2}, "devices=2 is for the strategy 'mirrored', not for 'default'"),
        (
            {"kind": "multi_worker"},
            "needs TF_CONFIG in the environment, a Slurm step of several tasks, or CNNZOO_HOSTS",
        ),
    ],
)
def test_an_unavailable_strategy_is_refused(arguments, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        strategy(**arguments)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{cluster", r"TF_CONFIG is not JSON \(.*\): '\{cluster'"),
        ("[]", r"`TF_CONFIG` must be of the form .* Received: '\[\]'"),
        (config(cluster={}), "`TF_CONFIG` must be of the form"),
        (config(cluster={"worker": "a:1"}), "`TF_CONFIG` must be of the form"),
        (config(cluster={"worker": ["a"]}), "`TF_CONFIG` must be of the form"),
        (
            config(cluster={**CLUSTER, "ps": ["c:3"]}),
            r"has parameter servers \('ps'\), with which Keras 3 does not train",
        ),
        (config(cluster={"worker": ["a:port"]}), "`TF_CONFIG` must be of the form"),
        (config(cluster={**CLUSTER, "evaluator": ["c:3"]}), "has worker, evaluator; Keras 3 trains with workers alone"),
        (config(index=2), "the task in TF_CONFIG is worker 2; its cluster has worker 0 to 1"),
        (config(kind="chief"), "is chief 0; its cluster has worker 0 to 1"),
        (json.dumps({"cluster": CLUSTER}), "is None None"),
    ],
)
def test_an_invalid_tf_config_is_refused(monkeypatch, text, words):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(cnnzoo.InputError, match=words):
        strategy("auto")


def test_slurm_tasks_are_the_workers(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NODELIST", "node[1-2]")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "2(x2)")
    monkeypatch.setenv("SLURM_PROCID", "3")
    resolver = cluster.resolver()
    assert resolver.cluster_spec().as_dict() == {"worker": ["node1:8888", "node1:8889", "node2:8888", "node2:8889"]}
    assert (tasks_of(resolver), resolver.task_type, resolver.task_id) == (
        [("worker", index) for index in range(4)],
        "worker",
        3,
    )


def test_kubernetes_job_index_is_the_worker(monkeypatch):
    monkeypatch.setenv("CNNZOO_HOSTS", "job-0.net:1,job-1.net:1")
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    assert strategies._auto_kind(None) == "multi_worker"
    resolver = cluster.resolver()
    assert resolver.cluster_spec().as_dict() == {"worker": ["job-0.net:1", "job-1.net:1"]}
    assert (resolver.task_type, resolver.task_id) == ("worker", 1)


@pytest.mark.parametrize(
    ("hosts", "index", "words"),
    [
        ("a:1,b", "0", "`CNNZOO_HOSTS` must be the address of every worker, as host:port,host:port. Received: 'a:1,b'"),
        ("a:1,b:70000", "0", "`CNNZOO_HOSTS` must be the address of every worker"),
        (
            "a:1,b:1",
            "2",
            "`JOB_COMPLETION_INDEX` must be an integer from 0 to 1, one for each of CNNZOO_HOSTS. Received: '2'",
        ),
        ("a:1,b:1", "", "`JOB_COMPLETION_INDEX` must be an integer from 0 to 1"),
    ],
)
def test_invalid_hosts_are_refused(monkeypatch, hosts, index, words):
    monkeypatch.setenv("CNNZOO_HOSTS", hosts)
    monkeypatch.setenv("JOB_COMPLETION_INDEX", index)
    with pytest.raises(cnnzoo.InputError, match=words):
        strategy("auto")


def test_a_cpu_cannot_be_split_after_tensorflow_has_started():
    tf.zeros(1)  # starts it
    with pytest.raises(cnnzoo.InputError, match="only before TensorFlow's first operation"):
        split_cpu(3)
    with pytest.raises(cnnzoo.InputError, match=r"`logical_cpus` must be a positive integer\. Received: 0"):
        split_cpu(0)
