import pytest

from MedDeepRegSegLib.registration.threads import one_thread


def test_blas_has_one_thread_inside_and_as_many_as_before_outside():
    threadpoolctl = pytest.importorskip("threadpoolctl", reason="threadpoolctl comes with scikit-learn")

    def blas():
        return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]

    before = blas()
    assert before
    with one_thread():
        assert set(blas()) == {1}
    assert blas() == before


def test_without_threadpoolctl_nothing_changes(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "threadpoolctl", None)
    with one_thread():
        pass
