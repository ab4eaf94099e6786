"""Connecting with Dask: what cannot be a scheduler, or does not answer, is told in one line."""

import time

import pytest

from MedDeepRegSegLib.errors import InputError

pytest.importorskip("distributed")

from MedDeepRegSegLib.jobs import batch_dask_client


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://here"])
def test_an_address_without_a_scheduler_is_told(batch, monkeypatch, address):
    monkeypatch.setattr(batch_dask_client, "CONNECT_S", 0.5)
    with pytest.raises(InputError, match=f"no Dask scheduler answers at {address}"):
        batch({"a": "work"}, scheduler=address)


@pytest.mark.parametrize("address", ["127.0.0.1", "hallo", "tcp://host"])
def test_an_address_without_a_port_is_told_at_once(batch, address):
    began = time.monotonic()
    with pytest.raises(
        InputError, match=f"answers at {address} .it has no port.: expected its address, for example tcp"
    ):
        batch({"a": "work"}, scheduler=address)
    assert time.monotonic() - began < batch_dask_client.CONNECT_S
