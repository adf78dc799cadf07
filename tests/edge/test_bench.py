"""The benchmark measures every stage and says on what."""

import json
from pathlib import Path

import pytest

from edge.bench import Latency, benchmark_lines, benchmark_record, measure, summarize, timed
from edge.board import board_name, peak_memory_mb


def test_every_stage_is_measured_and_the_machine_is_named(fake_reader):
    found = measure(fake_reader, (320, 240), frames=4, threads=2)
    assert list(found.stages) == ["binarize", "regions", "normalize", "predict", "frame"]
    assert all(0 < latency.median_ms <= latency.p95_ms for latency in found.stages.values())
    assert found.digits_per_frame >= 4
    assert found.frames_per_second == pytest.approx(1000 / found.stages["frame"].median_ms, rel=0.01)
    assert found.peak_memory_mb > 10
    assert (found.runtime, found.threads, found.frames, found.size) == ("litert", 2, 4, (320, 240))
    assert found.board


def test_the_lines_hold_what_the_record_holds(fake_reader):
    found = measure(fake_reader, (320, 240), frames=2)
    text = "\n".join(benchmark_lines(found))
    record = json.loads(json.dumps(benchmark_record(found)))
    assert record["board"] in text
    assert "1 thread," in text
    assert all(f"{name} " in text and f"{stage['p95_ms']:.3f}" in text for name, stage in record["stages"].items())


def test_median_and_p95_are_of_all_frames():
    assert summarize([1.0] * 90 + [10.0] * 10) == Latency(1.0, 10.0)
    assert summarize([2.0]) == Latency(2.0, 2.0)


def test_time_is_taken_and_the_result_handed_on():
    result, latency_ms = timed(lambda: sum(range(10000)))
    assert result == 49995000
    assert 0 < latency_ms < 1000


def test_a_pi_is_called_by_its_device_tree(monkeypatch, tmp_path):
    (tmp_path / "model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    monkeypatch.setattr("edge.board.DEVICE_TREE_MODEL", tmp_path / "model")
    assert board_name() == "Raspberry Pi 4 Model B Rev 1.4"


def test_a_pc_is_called_by_its_processor(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n")
    monkeypatch.setattr("edge.board.DEVICE_TREE_MODEL", tmp_path / "none")
    monkeypatch.setattr("edge.board.CPU_INFO", tmp_path / "cpuinfo")
    assert board_name() == "Some CPU @ 2 GHz"
    monkeypatch.setattr("edge.board.CPU_INFO", tmp_path / "none")
    assert board_name()


def test_memory_is_in_megabytes():
    status = Path("/proc/self/status").read_text()
    resident_kb = int(status.split("VmHWM:")[1].split()[0])
    assert peak_memory_mb() == pytest.approx(resident_kb * 1024 / 1e6, rel=0.2)
