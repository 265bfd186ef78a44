"""When a run counts as noisy: a new load, a constant load, the quota of a container."""

import os
import subprocess
import sys

import pytest

from bench.machine import cgroups, facts, noise, usage
from bench.machine.noise import Contention

QUIET = Contention(others_share=0.01, stolen_share=0.0, throttled_share=0.0)


def reasons(before=100.0, after=100.0, best=100.0, **shares):
    contention = Contention(
        others_share=shares.get("others", 0.01),
        stolen_share=shares.get("stolen", 0.0),
        throttled_share=shares.get("throttled", 0.0),
        niceness=shares.get("niceness", 0),
    )
    return noise.noisy_reasons(
        ceiling_before=before, ceiling_after=after, best_ceiling=best, contention=contention
    )


@pytest.mark.parametrize(
    "readings",
    [
        {},
        {"after": 109.0},
        {"before": 85.0, "after": 85.0},
        {"others": None, "stolen": None},
        {"niceness": 15},  # no other process used the cores
    ],
)
def test_a_quiet_run_has_no_reasons(readings):
    assert reasons(**readings) == []


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        ({"after": 89.0}, "changed by 12%"),
        ({"before": 89.0}, "changed by 12%"),
        ({"before": 45.0, "after": 45.0}, "was 45% of the best"),
        ({"others": 0.5}, "other processes used 50%"),
        ({"others": 0.5, "niceness": 15}, "niceness 15 let them go first"),
        ({"stolen": 0.1}, "other virtual machines took 10%"),
        ({"throttled": 0.5}, "quota stopped it for 50% of the time"),
    ],
)
def test_each_disturbance_gives_a_separate_reason(readings, reason):
    (only,) = reasons(**readings)
    assert reason in only


@pytest.fixture
def clocks(monkeypatch):
    """Clocks that the test sets: two cores, of which the process may use the second."""
    now = {"wall": 0.0, "own": 0.0, "busy": [0.0, 0.0], "stolen": [0.0, 0.0], "throttled": 0.0}
    monkeypatch.setattr(facts, "usable_cores", lambda: (1,))

    def core_clocks():
        return dict(enumerate(zip(now["busy"], now["stolen"], strict=True)))

    monkeypatch.setattr(noise, "_core_clocks", core_clocks)
    monkeypatch.setattr(usage, "cpu_seconds", lambda: now["own"])
    monkeypatch.setattr(cgroups, "throttled_seconds", lambda: now["throttled"])
    monkeypatch.setattr(noise.time, "perf_counter", lambda: now["wall"])
    return now


@pytest.mark.parametrize(
    ("own", "busy", "share"),
    [
        (10.0, [10.0, 10.0], 0.0),  # others keep the other core busy
        (5.0, [0.0, 10.0], 0.5),
        (5.0, [10.0, 5.02], 0.0),  # within the error of the clocks
    ],
)
def test_only_time_of_other_processes_on_the_cores_of_the_run_counts(clocks, own, busy, share):
    meter = noise.ContentionMeter()
    clocks.update(wall=10.0, own=own, busy=busy)
    assert meter.read().others_share == pytest.approx(share, abs=0.01)


def test_stolen_and_throttled_time_are_shares_of_the_period(clocks):
    meter = noise.ContentionMeter()
    clocks.update(wall=10.0, stolen=[9.0, 1.0], throttled=2.5)
    contention = meter.read()
    assert contention.stolen_share == pytest.approx(0.1)
    assert contention.throttled_share == pytest.approx(0.25)


@pytest.mark.parametrize("content", [None, "cpu  1 2 3\n", "cpu0 0 0 0 0 0 0 0 0 0 0\n"])
def test_a_system_without_core_clocks_gives_no_shares(monkeypatch, tmp_path, content):
    monkeypatch.setattr(noise, "CORE_CLOCKS", tmp_path / "stat")
    if content is not None:
        (tmp_path / "stat").write_text(content)
    contention = noise.ContentionMeter().read()
    assert (contention.others_share, contention.stolen_share) == (None, None)


def test_clocks_are_read_core_by_core(monkeypatch, tmp_path):
    (tmp_path / "stat").write_text(
        "cpu  9 9 9 9 9 9 9 9 0 0\n"
        "cpu0 9 9 9 9 9 9 9 9 0 0\n"
        "cpu3 100 20 30 900 50 6 4 70 60 0\nintr 1\n"
    )
    monkeypatch.setattr(noise, "CORE_CLOCKS", tmp_path / "stat")
    ticks = os.sysconf("SC_CLK_TCK")
    assert noise._core_clocks()[3] == (160 / ticks, 70 / ticks)


SPIN = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
from bench.machine import noise
print("ready", flush=True)
meter = noise.ContentionMeter()
end = time.perf_counter() + 0.6
while time.perf_counter() < end: pass
print(meter.read().others_share)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs processor affinity")
def test_a_permanent_load_on_the_core_of_a_run_is_measured():
    core = facts.usable_cores()[-1]
    busy = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", busy, str(core)]) as load:
        try:
            completed = subprocess.run(
                [sys.executable, "-c", SPIN, str(core)], capture_output=True, text=True, check=True
            )
        finally:
            load.kill()
    assert float(completed.stdout.split()[-1]) > noise.MAX_OTHERS_SHARE
