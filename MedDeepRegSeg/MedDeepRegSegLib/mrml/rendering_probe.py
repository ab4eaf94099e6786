"""Whether this machine can draw with OpenGL, found out where a crash does no harm.

VTK ends the process on some machines when it is asked to draw without a usable OpenGL (no display, no EGL, no OSMesa).
So a child process draws a small picture first, with one kind of window after the other. The kind that worked is then
set for this process, by the environment variable that VTK reads whenever it makes a window.
"""

import os
import subprocess
import sys

from MedDeepRegSegLib.errors import MissingPackageError

WINDOW_VARIABLE = "VTK_DEFAULT_OPENGL_WINDOW"
_TIMEOUT_S = 60.0
_DONE = "meddeep-drew-the-test-picture"

_answers: list[tuple[bool, str]] = []  # what was found out in this process

# Draws a red sphere without a visible window and checks that red pixels came back.
_TEST_PROGRAM = f"""

import vtkmodules.vtkInteractionStyle
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkFiltersSources import vtkSphereSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer, vtkRenderWindow
window = vtkRenderWindow()
window.SetOffScreenRendering(1)
window.SetShowWindow(False)
window.SetSize(32, 32)
source, mapper, actor, renderer = vtkSphereSource(), vtkPolyDataMapper(), vtkActor(), vtkRenderer()
mapper.SetInputConnection(source.GetOutputPort())
actor.SetMapper(mapper)
actor.GetProperty().SetColor(1, 0, 0)
actor.GetProperty().LightingOff()
renderer.AddActor(actor)
window.AddRenderer(renderer)
window.Render()
pixels = vtkUnsignedCharArray()
window.GetPixelData(0, 0, 31, 31, 1, pixels, 0)
middle = 3 * (16 * 32 + 16)
red = pixels.GetValue(middle) > 200 and pixels.GetValue(middle + 1) < 60
print("{_DONE}" if red else "the test picture is wrong", window.GetClassName())
"""


def rendering_available(*, timeout_s: float = _TIMEOUT_S) -> tuple[bool, str]:
    """Return whether pictures can be drawn here, and by what or why not.

    Inside the Slicer application the answer is yes. Elsewhere a child process tries the kinds of windows that VTK
    has: EGL (GPU or software, no display needed), OSMesa (software), then the platform's own. The first that
    works is set in the environment for this process and its children; a kind that the user set in the environment
    (``VTK_DEFAULT_OPENGL_WINDOW``) is tried first. The answer is found once per process.

    Parameters
    ----------
    timeout_s:
        Longest time for each try, seconds.

    Returns
    -------
    tuple
        Whether rendering works, and one line for a person.
    """
    if _in_slicer_application():
        return True, "inside 3D Slicer"
    if not _answers:
        _answers.append(_probe(timeout_s))
    return _answers[0]


def require_rendering() -> None:
    """Raise :class:`MissingPackageError` unless pictures can be drawn; call before the first VTK window is made."""
    available, reason = rendering_available()
    if not available:
        msg = f"3D Slicer pictures cannot be drawn on this machine: {reason}"
        raise MissingPackageError(msg)


def _in_slicer_application() -> bool:
    """Return whether this is the real application, which has OpenGL (a test host has no main window of its class)."""
    slicer = sys.modules.get("slicer")
    application = getattr(slicer, "app", None)
    return type(application).__name__.startswith("qSlicer")


def _probe(timeout_s: float) -> tuple[bool, str]:
    reasons = []
    for window in _candidates(os.environ.get(WINDOW_VARIABLE, "")):
        reason = _try_window(window, timeout_s)
        if reason is None:
            if window:
                os.environ[WINDOW_VARIABLE] = window
            else:
                os.environ.pop(WINDOW_VARIABLE, None)
            return True, f"drawn by {window or 'the window system'}"
        reasons.append(f"{window or 'the window system'}: {reason}")
    hint = "" if not sys.platform.startswith("linux") else "; install Mesa's EGL (Debian, Ubuntu: apt install libegl1)"
    return False, "no OpenGL works (" + "; ".join(reasons) + ")" + hint


def _candidates(chosen: str) -> list[str]:
    if sys.platform.startswith("linux"):
        windows = ["vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow"]
        if os.environ.get("DISPLAY"):
            windows.append("")
    else:
        windows = ["", "vtkOSOpenGLRenderWindow"]
    first = [chosen] if chosen else []
    return first + [window for window in windows if window != chosen]


def _try_window(window: str, timeout_s: float) -> str | None:
    """Draw in a child process. Return None if that worked, or why not."""
    environment = {**os.environ, WINDOW_VARIABLE: window}
    if not window:
        environment.pop(WINDOW_VARIABLE)
    try:
        child = subprocess.run(
            [sys.executable, "-c", _TEST_PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return f"no picture within {timeout_s:g} s"
    except OSError as error:
        return f"the test could not be started ({error})"
    if _DONE in child.stdout:
        drawn_by = child.stdout.split(_DONE, 1)[1].strip()
        # VTK falls back to another kind silently; what was asked for is then not there.
        return None if not window or drawn_by == window else f"not built into VTK ({drawn_by} came instead)"
    if child.returncode < 0:
        return f"VTK crashed (signal {-child.returncode})"
    lines = [line for line in (child.stdout + child.stderr).splitlines() if line.strip()]
    return lines[-1].strip()[:160] if lines else f"VTK ended with code {child.returncode}"
