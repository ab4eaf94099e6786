"""What a worker of Dask does for a batch."""

import pytest

from MedDeepRegSegLib import __version__

pytest.importorskip("distributed")

from MedDeepRegSegLib.jobs import batch_worker


def test_children_get_their_share_of_the_cores_whatever_dask_set(monkeypatch):
    """Dask sets one thread for its own way of work; what a person has set stays."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    assert "OMP_NUM_THREADS" in set(batch_worker.set_by_dask())
    assert "MKL_NUM_THREADS" not in set(batch_worker.set_by_dask())


def test_a_worker_tells_its_version_and_whether_it_sees_a_file(tmp_path):
    (tmp_path / "mark").touch()
    assert batch_worker.probe(str(tmp_path / "mark"))() == (__version__, True)
    assert batch_worker.probe(str(tmp_path / "other"))() == (__version__, False)
    assert batch_worker.probe(str(tmp_path / "no folder" / "mark"))() == (__version__, False)


@pytest.mark.parametrize(
    ("address", "host"), [("tcp://10.0.0.5:40123", "10.0.0.5"), ("tls://[fe80::1]:40123", "[fe80::1]")]
)
def test_workers_of_one_machine_are_known_by_its_name(address, host):
    assert batch_worker.host_of(address) == host
