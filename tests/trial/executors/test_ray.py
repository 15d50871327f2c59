"""Trials in actors of Ray: as in `test_process`, and none is lost with a node."""

import os
import shutil
import sys
import tempfile
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

import kerasnas as kn
from kerasnas.errors import MissingPackageError, SearchSpaceError
from kerasnas.problem.view import View
from kerasnas.trial.attempt import Continuation
from kerasnas.trial.executors import ray_cluster
from kerasnas.trial.executors.named import executor_of
from kerasnas.trial.executors.stored_view import ViewStore, opened
from kerasnas.trial.executors.worker import Said, TrialOrder, WorkerSetup
from kerasnas.trial.job import TrialSettings
from kerasnas.trial.pace import Allowance

_STORE = 80 * 2**20  # bytes of an object store: the least that Ray takes


@pytest.fixture(scope="module")
def quiet_ray():
    """Ray as kerasnas imports it, which has it print less."""
    if find_spec("ray") is None:
        pytest.skip("ray is not installed")
    kn.executors.Ray().check({})


@pytest.fixture(scope="module")
def two_nodes(user, quiet_ray):
    """A cluster of two nodes on this machine; its second one may be removed."""
    # The path of a socket is short.
    folder = tempfile.mkdtemp(prefix="ray")
    told = {
        "DRIVER": str(os.getpid()),
        "NOTES": str(user.notes),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "RAY_TMPDIR": folder,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "object_store_memory": _STORE}
        cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        cluster.add_node(**node)
        yield cluster
        cluster.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


class LoseNode(kn.callbacks.SearchCallback):
    """Removes a node while the trials run that come after the one whose worker was killed."""

    def __init__(self, cluster):
        self.cluster, self.after = cluster, False

    def on_trial_end(self, record):
        self.after = self.after or record.values["units"] == 5

    def on_epoch_end(self, record, epoch, logs):
        nodes = [node for node in self.cluster.list_all_nodes() if not node.head]
        if self.after and nodes:
            self.cluster.remove_node(nodes[0], allow_graceful=False)


def test_two_nodes_give_the_same_trials_and_lose_none_to_a_kill_or_with_a_node(
    user, two_nodes, check_outcome, tmp_path, capfd
):
    capfd.readouterr()
    (user.notes / "killed").unlink(missing_ok=True)
    executor = kn.executors.Ray(address=two_nodes.address, workers=2)
    found = user.module.search(
        executor=executor, directory=tmp_path, callbacks=[LoseNode(two_nodes)]
    )
    assert capfd.readouterr() == ("", "")
    assert len(two_nodes.list_all_nodes()) == 1
    check_outcome(found, tmp_path)


def test_a_killed_driver_takes_its_actors_along_and_repeats_nothing(
    user, two_nodes, kill_driver, tmp_path
):
    printed = kill_driver(tmp_path / "search", "Ray", two_nodes.address, {})
    assert b"ray" not in printed.lower()


class FakeRay:
    """An object store in this process."""

    put = get = staticmethod(lambda thing: thing)


@pytest.fixture
def line(monkeypatch, quiet_ray):
    from kerasnas.trial.executors import ray_worker

    monkeypatch.setattr(ray_worker, "ray", FakeRay)
    return ray_worker._ActorWire()


def test_files_of_trials_travel_as_bytes(line, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_cluster, "_ray", lambda: FakeRay)
    told = []
    actor = SimpleNamespace(tell=SimpleNamespace(remote=lambda boxed: told.append(boxed[0])))
    link = ray_cluster._Actor(actor)
    settings = TrialSettings((), 0, tmp_path)
    link.send("setup", 0, WorkerSetup.of_this_process(settings, tmp_path / "logs"))
    begun = Continuation(paused=tmp_path / "0003.0.npz", parent=tmp_path / "gone.keras")
    begun.paused.write_bytes(b"state")
    order = TrialOrder(0, 0, None, None, None, False, False, begun, Allowance())
    link.send("trial", 0, order)
    for letter in told:
        line.letters.put(letter)
    _, _, setup = line.recv()
    kind, _, there = line.recv()
    assert kind == "trial"
    assert not line.poll()
    assert there.continuation.paused.read_bytes() == b"state"
    assert not there.continuation.parent.exists()
    (setup.settings.folder / "0003.1.npz").write_bytes(b"later")
    (setup.logs / "0003.log").write_bytes(b"printed")
    line.send(Said("epoch"))
    line.send(Said("ended"))
    deliveries = [line.deliveries.get() for _ in range(2)]
    assert [d.said.what for d in deliveries] == ["epoch", "ended"]
    assert deliveries[0].files == {}
    assert deliveries[1].files == {"0003.1.npz": b"later"}
    assert deliveries[1].logs == {"0003.log": b"printed"}
    assert not there.continuation.paused.exists()


def test_views_come_back_from_the_object_store(line, monkeypatch):
    monkeypatch.setattr(ray_cluster, "_ray", lambda: FakeRay)
    large = np.arange(6000.0).reshape(2000, 3)
    store = ViewStore(ray_cluster._ObjectStore())
    stored = store.stored(View(x=large, y=np.array(["yes", "no"] * 1000, dtype=object)))
    again = opened(stored)
    assert again.x is large
    assert again.y.tolist() == ["yes", "no"] * 1000


@pytest.mark.parametrize(
    ("asked", "resources", "room"),
    [
        ({"threads": 2}, {"CPU": 5.0}, 2),
        ({"threads": 2}, {}, 0),
        ({"gpus_per_trial": 1}, {"CPU": 16.0}, 0),
        ({"gpus_per_trial": 1}, {"CPU": 16.0, "GPU": 2.0}, 2),
        ({"gpus_per_trial": 2}, {"CPU": 16.0, "GPU": 3.0}, 1),
        ({"gpus_per_trial": 0.5}, {"CPU": 16.0, "GPU": 2.0}, 4),
        ({"gpus_per_trial": 0.4}, {"CPU": 3.0, "GPU": 2.0}, 3),
    ],
)
def test_a_node_has_room_for_as_many_workers_as_its_cores_and_gpus_allow(asked, resources, room):
    assert kn.executors.Ray(**asked).room_of(resources) == room


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"workers": 0}, r"`workers` must be a whole number .* `kerasnas.executors.Ray\(workers=2"),
        ({"gpus_per_trial": 1.5}, "`gpus_per_trial` must be a share below 1"),
        ({"address": "ray://host:10001"}, "`ray job submit --working-dir"),
    ],
)
def test_what_ray_cannot_do_is_said_before_anything_slow(asked, expected):
    with pytest.raises(SearchSpaceError, match=expected):
        kn.executors.Ray(**asked)


def test_the_error_without_ray_names_the_extra(monkeypatch):
    ray_cluster._ray.cache_clear()
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackageError, match=r"`pip install 'kerasnas\[ray\]'`"):
        kn.TabularClassifier(executor="ray").fit(np.zeros((4, 1)), [0, 1, 0, 1])


def test_ray_is_asked_for_by_its_name():
    assert executor_of("ray") == kn.executors.Ray()
