"""What networks cost: exact where it can be counted, near what is measured where it cannot."""

import subprocess
import sys

import pytest
from tiny_segmenter import TINY, tiny_network

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.segmenter_costs import check_costs, costs, memory_problem
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings

_MEASURE = """
import sys, threading, time
sys.path[:] = {path!r}
import torch
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings
from MedDeepRegSegLib.models.segmenters.build import build_segmenter
torch.set_num_threads(1)
network = build_segmenter({settings!r}).train()
optimizer = torch.optim.AdamW(network.parameters())
peak, done = [0], []
def watch():
    while not done:
        peak[0] = max(peak[0], int(open("/proc/self/statm").read().split()[1]) * 4096)
        time.sleep(0.002)
thread = threading.Thread(target=watch)
thread.start()
for _ in range(2):
    answers = network(torch.rand(2, {settings!r}.inputs, 48, 48, 48))
    total = sum(-(a.softmax(1).detach() * a.log_softmax(1)).mean() for a in (answers if isinstance(answers, list) else [answers]))
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
done.append(1)
thread.join()
print(peak[0])
"""


@pytest.mark.parametrize("name", list(TINY))
def test_parameters_are_counted_and_all_grows_with_the_patch(name):
    small, large = costs(TINY[name], (16, 32, 32), 1), costs(TINY[name], (32, 64, 64), 1)
    assert small.parameters == sum(one.numel() for one in tiny_network(TINY[name]).parameters())
    assert large.flops == pytest.approx(8 * small.flops)
    assert large.training_bytes - large.fixed_bytes == pytest.approx(
        8 * (small.training_bytes - small.fixed_bytes), rel=0.05
    )
    assert small.training_bytes > small.inference_bytes


def test_operations_of_a_convolution_are_those_of_its_formula():
    settings = SegmenterSettings(
        network="custom", inputs=1, classes=2, channels=(4, 8), strides=((2, 2, 2),), normalization="batch"
    )
    down = 8**3 * 27 * 1 * 4
    bottom = 8**3 * 27 * 4 * 8
    up = 8**3 * 27 * (4 + 8) * 2  # transposed: each input voxel is spread
    assert costs(settings, (16, 16, 16), 1).flops == 2 * (down + bottom + up)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize(
    "settings",
    [
        SegmenterSettings(network="encoder", inputs=2, classes=5, deep_supervision=2),
        SegmenterSettings(network="unet", inputs=1, classes=5, channels=(16, 32, 64, 128), residual_units=2),
    ],
    ids=lambda settings: settings.network,
)
def test_memory_is_near_what_is_measured(settings):
    code = _MEASURE.format(path=[path for path in sys.path if path], settings=settings)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=500)
    assert costs(settings, (48, 48, 48), 2).training_bytes == pytest.approx(int(done.stdout), rel=0.3)


def test_what_does_not_fit_is_told_and_refused():
    found = costs(TINY["encoder"], (32, 32, 32), 2)
    assert memory_problem(found, memory_bytes=1e12) == ""
    assert "training needs about" in memory_problem(found, memory_bytes=1e6)
    assert "prediction needs about" in memory_problem(found, memory_bytes=1e6, training=False)
    with pytest.raises(InputError, match="smaller patch"):
        check_costs(found, memory_bytes=1e6)
    with pytest.raises(InputError, match="multiples of"):
        costs(TINY["encoder"], (16, 16, 20), 1)
