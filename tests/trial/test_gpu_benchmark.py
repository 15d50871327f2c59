"""`benchmarks/gpu.py` in its short form, which says that it has no GPU."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


@pytest.fixture
def gpu(monkeypatch):
    spec = importlib.util.spec_from_file_location("gpu_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gpu_benchmark", module)
    spec.loader.exec_module(module)
    return module


def test_every_part_runs_without_a_gpu(gpu, capsys, monkeypatch):
    # Worker processes take seconds to start, and have tests of their own.
    for count in (1, 2):
        monkeypatch.setitem(gpu.PARTS, f"workers{count}", lambda size: {"seconds_a_trial": 1.0})
    gpu.main(["--smoke"])
    lines = capsys.readouterr().out.splitlines()
    assert gpu.NO_GPU in lines
    found = dict(line.split(": ", 1) for line in lines if line.split(":")[0] in gpu.PARTS)
    assert found.keys() == gpu.PARTS.keys()
    assert json.loads(found["devices"])["gpus"] == []
    for name in gpu.TASKS:
        assert len(json.loads(found[name])) == 1
    assert json.loads(found["memory"]).keys() == {"1", "2"}
    for policy in gpu.POLICIES:
        assert len(json.loads(found[policy])["seconds"]) == 2


def test_devices_are_compared_on_the_trials_that_both_have_ended(gpu, capsys, monkeypatch):
    times = {True: {"0": 1.0, "1": 1.0, "2": 1.0}, False: {"0": 2.0, "1": 4.0}}
    monkeypatch.setattr(gpu, "alone", lambda part, size, gpu=True: times[gpu])
    gpu.compare_devices(gpu.SMALL)
    line = capsys.readouterr().out.splitlines()[0]
    assert line == (
        "image: GPU 3,600 trials an hour, CPU 1,200 trials an hour; on 2 same trials the GPU is "
        "3.00 times as fast; GPU use unknown"
    )
