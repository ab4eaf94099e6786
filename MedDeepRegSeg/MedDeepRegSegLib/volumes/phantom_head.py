"""The head of the head phantom: shapes and places in mm around a point between the two commissures (L, P, S)."""

import numpy as np

from MedDeepRegSegLib.volumes.phantom_canvas import (
    Canvas,
    Point,
    Shape,
    SmoothNoise,
    Tissue,
    capsule,
    ellipsoid,
    smooth_minimum,
    tube,
    union,
)

SCALP = Tissue(1, "scalp and fat", -90, 820)
MUSCLE = Tissue(2, "soft tissue", 55, 330)
SKULL = Tissue(3, "skull", 1150, 45)
_DIPLOE = Tissue(3, "skull", 480, 420)
CSF = Tissue(4, "cerebrospinal fluid", 8, 110)
GRAY = Tissue(5, "cortical gray matter", 39, 380)
WHITE = Tissue(6, "white matter", 29, 560)
VENTRICLE = Tissue(7, "ventricles", 6, 95)
THALAMUS = Tissue(8, "thalamus", 37, 450)
CAUDATE = Tissue(9, "caudate nucleus", 40, 400)
LENTIFORM = Tissue(10, "lentiform nucleus", 41, 420)
CEREBELLUM = Tissue(11, "cerebellum", 38, 390)
_ARBOR_VITAE = Tissue(11, "cerebellum", 31, 530)
BRAINSTEM = Tissue(12, "brainstem", 33, 510)
EYE = Tissue(13, "eyes", 12, 105)
_LENS = Tissue(13, "eyes", 75, 300)
AIRWAY = Tissue(14, "air spaces", -1000, 0)
CALCIFICATION = Tissue(15, "calcifications", 220, 120)
TISSUES = (
    SCALP,
    MUSCLE,
    SKULL,
    CSF,
    GRAY,
    WHITE,
    VENTRICLE,
    THALAMUS,
    CAUDATE,
    LENTIFORM,
    CEREBELLUM,
    BRAINSTEM,
    EYE,
    AIRWAY,
    CALCIFICATION,
)

# Places before the warp. The sides differ on purpose (as they do in people), so that a mirrored or turned
# alignment is never as good as the right one.
LANDMARKS: dict[str, Point] = {
    "left eye": (33, -67, -28),
    "right eye": (-32, -68, -27),
    "pineal gland": (0.5, 25, 3),
    "left frontal horn tip": (11, -35, 12),
    "right frontal horn tip": (-10, -33, 12),
    "left atrium of lateral ventricle": (25, 37, 12),
    "right atrium of lateral ventricle": (-23, 34, 12),
    "fourth ventricle": (0, 32, -34),
    "genu of corpus callosum": (0, -36, 8),
    "splenium of corpus callosum": (0, 40, 14),
    "left thalamus": (11, 9, 5),
    "right thalamus": (-11, 8, 5),
    "left lentiform nucleus": (25, -4, 2),
    "right lentiform nucleus": (-25, -5, 2),
    "left caudate head": (13, -24, 10),
    "right caudate head": (-12, -23, 10),
    "pons": (0, 7, -32),
    "left cerebellar hemisphere": (25, 48, -38),
    "right cerebellar hemisphere": (-24, 46, -37),
    "sphenoid sinus": (0, -36, -32),
    "tip of nose": (0, -116, -50),
}

_VAULT = ellipsoid((1, 4, 16), (69, 87, 66))
_FOSSAE = union(
    ellipsoid((0, 45, -30), (54, 43, 34)),
    ellipsoid((42, -11, -17), (24, 31, 25)),
    ellipsoid((-41, -12, -17), (24, 30, 24)),
    capsule((0, 10, -10), (0, 24, -62), 17, 14),
    blend=10,
)


def _cavity(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Signed distance of the inside of the skull. Its floor steps down: anterior, middle, posterior fossa."""
    floor = -46 + 34 / (1 + np.exp((y + 24) / 5)) - 0.08 * np.abs(x)
    vault = -smooth_minimum(-_VAULT(x, y, z), z - floor, 10)
    return smooth_minimum(vault, _FOSSAE(x, y, z), 10)


def draw_head(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint the head from outside to inside."""
    thickness = SmoothNoise(rng, 22, 0.8).on_grid(canvas.axes)
    cavity = canvas.distance(_cavity)
    head = _draw_outside(canvas, cavity, thickness, SmoothNoise(rng, 17, 1.0).sheets(canvas.axes))
    _draw_face(canvas, head, rng)
    _draw_brain(canvas, cavity, rng)
    _draw_deep(canvas)
    _draw_eyes(canvas)


def _draw_outside(canvas: Canvas, cavity: np.ndarray, thickness: np.ndarray, seams: np.ndarray) -> np.ndarray:
    face = union(
        ellipsoid((0, -42, -52), (58, 52, 58)),
        ellipsoid((0, -66, -104), (36, 36, 34)),
        capsule((0, 26, -60), (0, 34, -190), 54),
        blend=30,
    )
    features = union(
        tube([(0, -88, -14), (0, -102, -36), (0, -108, -50)], [8, 9, 9.5], blend=6),
        ellipsoid((0, -100, -82), (20, 9, 9)),
        ellipsoid((33, -74, -27), (18, 13, 14)),
        ellipsoid((-32, -75, -26), (18, 13, 14)),
        ellipsoid((0, -84, -6), (38, 11, 10)),
        ellipsoid((81, 16, -30), (6, 16, 27)),
        ellipsoid((-80, 15, -31), (6, 16, 26)),
    )
    head = smooth_minimum(
        smooth_minimum(cavity - 13 - thickness, canvas.distance(face), 24), canvas.distance(features), 9
    )
    canvas.paint(head, SCALP)
    canvas.paint(head + 1.6, MUSCLE)  # skin is thin and bright as muscle on CT; the fat lies below it
    canvas.paint(np.maximum(head + 1.6, -cavity + 2), SCALP)
    temporal = canvas.distance(union(ellipsoid((66, -30, -20), (16, 32, 36)), ellipsoid((-65, -31, -21), (16, 32, 35))))
    below = canvas.z + 36 + 0.12 * canvas.y + thickness  # face and neck are muscle below a layer of fat
    inner = np.minimum(np.maximum(head + 6 + 1.5 * thickness, below), np.maximum(temporal, head + 5))
    canvas.paint(inner, MUSCLE)
    canvas.paint(np.maximum(np.maximum(seams - 0.7, inner + 1), canvas.z + 46), SCALP)  # fat between the muscles
    skull = cavity - 7.5 - thickness
    canvas.paint(skull, SKULL)
    canvas.paint(np.maximum(skull + 2.3, -(cavity - 2.2)) + np.where(canvas.z < -30, 2.0, 0.0), _DIPLOE)
    return head


def _draw_face(canvas: Canvas, head: np.ndarray, rng: np.random.Generator) -> None:
    """Paint facial bones, jaw, neck vertebrae and the air spaces."""
    x, y, z = canvas.x, canvas.y, canvas.z
    for sign in (1, -1):
        orbit = capsule((33 * sign, -70, -28), (17 * sign, -34, -28), 18, 6)
        canvas.paint(np.maximum(canvas.distance(orbit) - 2.5, head + 6), SKULL)
        # The orbit is open to the front, behind the lids.
        opening = union(orbit, capsule((33 * sign, -100, -28), (33 * sign, -74, -28), 15))
        canvas.paint(np.maximum(canvas.distance(opening), head + 2.5), SCALP)
        cheek = tube([(34 * sign, -74, -50), (56 * sign, -58, -46), (67 * sign, -24, -40)], [7, 5, 3.5])
        canvas.paint_small(cheek, SKULL, (50 * sign, -48, -46), (30, 45, 25))
        jaw = tube(
            [(5 * sign, -90, -112), (34 * sign, -68, -106), (50 * sign, -22, -90), (53 * sign, -8, -46)], [7, 6.5, 6, 4]
        )
        canvas.paint_small(jaw, SKULL, (30 * sign, -45, -80), (45, 60, 50))
        petrous = capsule((58 * sign, 24, -38), (18 * sign, -2, -30), 10, 6)
        canvas.paint_small(petrous, SKULL, (38 * sign, 11, -34), 42)
    maxilla = np.maximum(canvas.distance(ellipsoid((0, -68, -62), (40, 26, 24))), -z - 92)
    canvas.paint(maxilla, SKULL)
    teeth = np.maximum(np.abs(np.hypot(x, (y + 62) * 0.85) - 26) - 4, np.maximum(np.abs(z + 90) - 9, y + 56))
    canvas.paint(teeth, SKULL)
    vertebrae = np.hypot(x, y - 14) - 10
    canvas.paint(np.maximum(vertebrae, np.maximum(z + 70, np.abs((z + 70) % 20 - 10) - 8.5)), SKULL)
    arch = np.maximum(np.abs(np.hypot(x, y - 32) - 13) - 3.5, np.maximum(z + 66, np.abs((z + 70) % 20 - 10) - 6))
    canvas.paint(arch, SKULL)
    canvas.paint(np.maximum(np.hypot(x, y - 32) - 9, np.maximum(z + 58, -z - 400)), CSF)

    _draw_air(canvas, rng)


def _draw_air(canvas: Canvas, rng: np.random.Generator) -> None:
    x, y, z = canvas.x, canvas.y, canvas.z
    turbinates = SmoothNoise(rng, 4, 3.0).on_grid(canvas.axes)
    for center, radii in (
        ((29, -66, -60), (13, 16, 15)),
        ((-28, -67, -59), (12, 15, 14)),
        ((9, -82, -2), (13, 5, 9)),
        ((-8, -83, -4), (9, 4, 7)),
        (LANDMARKS["sphenoid sinus"], (12, 11, 9)),
    ):
        wall = (radii[0] + 2.5, radii[1] + 2.5, radii[2] + 2.5)
        canvas.paint_small(ellipsoid(center, wall), SKULL, center, 22)
        canvas.paint_small(ellipsoid(center, radii), MUSCLE, center, 20)  # mucosa
        shape = ellipsoid(center, (radii[0] - 1, radii[1] - 1, radii[2] - 1))
        canvas.paint_small(shape, AIRWAY, center, 20)
    nose = canvas.distance(ellipsoid((0, -74, -54), (13, 32, 22)))
    canvas.paint(nose - 1, MUSCLE)
    canvas.paint(np.maximum(nose + np.maximum(turbinates, 0), 1.3 - np.abs(x - 0.8)), AIRWAY)
    for sign in (1, -1):
        ethmoid: Shape = ellipsoid((8 * sign, -56, -30), (7, 20, 11))
        cells = np.maximum(canvas.distance(ethmoid), 1.2 - np.abs((y + 0.3 * z) % 8 - 4))
        canvas.paint(np.maximum(cells, 1 - np.abs(x)), AIRWAY)
        mastoid = canvas.distance(ellipsoid((60 * sign, 26, -44), (8, 12, 15)))
        canvas.paint(mastoid + np.abs(turbinates) * 1.6, AIRWAY)
        canal = capsule((84 * sign, 8, -34), (50 * sign, 8, -34), 3)
        canvas.paint_small(canal, AIRWAY, (67 * sign, 8, -34), (24, 8, 8))
    canvas.paint_tube([(0, -34, -52), (0, -14, -62), (0, -10, -110), (0, -12, -200)], [8, 9, 8, 9], AIRWAY)
    canvas.paint_small(ellipsoid((0, -52, -82), (20, 30, 3)), AIRWAY, (0, -52, -82), 30)


def _draw_brain(canvas: Canvas, cavity: np.ndarray, rng: np.random.Generator) -> None:
    """Paint fluid, folded cortex and white matter of the cerebrum, then the cerebellum."""
    x, y, z = canvas.x, canvas.y, canvas.z
    canvas.paint(cavity, CSF)
    midline = np.abs(x - SmoothNoise(rng, 30, 0.8).on_grid(canvas.axes))
    tentorium = z + 13 + 0.0075 * x * x - 0.0022 * (y - 40) ** 2  # cerebrum above, cerebellum below
    posterior = np.maximum(canvas.distance(ellipsoid((0, 50, -42), (60, 52, 42))), tentorium + 1.2)
    hull = np.maximum(cavity + 2.0, -posterior + 1.2)
    bridge = canvas.distance(ellipsoid((0, 5, 4), (34, 46, 24)))
    fissure = np.maximum(midline - 0.8, -bridge)
    # Sylvian fissure: a sheet that rises to the back, open to the side.
    wave = SmoothNoise(rng, 12, 2.5).on_grid(canvas.axes)
    sylvian = np.hypot(
        (z + 1 - 0.5 * (y + 8) + wave) * 0.9, np.maximum(36 - np.abs(x), 0) + np.maximum(np.abs(y + 4) - 34, 0)
    )
    folds = SmoothNoise(rng, 7.5, 1.0).sheets(canvas.axes)
    depth = -np.maximum(hull, -fissure)
    # A sulcus is a sheet that starts at the surface and fades out 17 mm below it.
    sulcus = np.hypot(folds, np.maximum(np.minimum(depth, 60) - 15, 0))
    sulcus = np.minimum(sulcus, sylvian - 0.7)
    outside = np.minimum(depth, sulcus - 0.65)  # distance from fluid, positive in the cortex
    brain = np.maximum(hull, -outside)
    canvas.paint(brain, GRAY)
    white = np.maximum(3.0 - outside, hull + 3.0)
    canvas.paint(np.where(bridge < 0, np.minimum(white, np.maximum(bridge, 3 - depth)), white), WHITE)
    insula = np.maximum(3.0 - (sylvian - 0.7), hull + 2.5)
    canvas.paint(np.maximum(-insula, np.maximum(hull, 0.4 - (sylvian - 0.7))), GRAY)
    canvas.paint(sylvian - 0.9 + np.maximum(hull, 0), CSF)

    _draw_cerebellum(canvas, cavity, tentorium)


def _draw_cerebellum(canvas: Canvas, cavity: np.ndarray, tentorium: np.ndarray) -> None:
    y, z = canvas.y, canvas.z
    shape = union(
        ellipsoid(LANDMARKS["left cerebellar hemisphere"], (36, 33, 27)),
        ellipsoid(LANDMARKS["right cerebellar hemisphere"], (35, 32, 27)),
        ellipsoid((0, 44, -32), (14, 26, 22)),
        blend=4,
    )
    body = np.maximum(np.maximum(canvas.distance(shape), cavity + 2.5), tentorium + 1.5)
    # Folia are thin leaves concentric around the middle peduncle.
    leaves = np.abs((np.hypot(z + 34, 0.7 * (y - 26)) % 6.5) - 3.25)
    canvas.paint(body, CEREBELLUM)
    canvas.paint(np.maximum(body, np.maximum(leaves - 0.5, -(body + 5))), CSF)
    core = canvas.distance(
        union(
            ellipsoid((19, 38, -36), (16, 17, 8)),
            ellipsoid((-19, 37, -36), (16, 17, 8)),
            ellipsoid((0, 36, -34), (8, 10, 8)),
            blend=6,
        )
    )
    branches = np.maximum(2.2 - leaves, body + 5)
    canvas.paint(np.maximum(np.minimum(core, branches), body + 2.5), _ARBOR_VITAE)


def _draw_deep(canvas: Canvas) -> None:
    """Paint what lies around the middle: ventricles, nuclei, brainstem, pineal gland."""
    stem = union(
        tube(
            [(0, 8, -6), (0, 10, -20), (0, 14, -44), (0, 24, -62), (0, 32, -76), (0, 32, -200)], [12, 12, 10, 7, 6, 5.5]
        ),
        ellipsoid((0, 5, -31), (16, 11, 13)),
        blend=6,
    )
    cistern = canvas.distance(union(ellipsoid((0, -6, -22), (18, 13, 14)), ellipsoid((0, 30, -2), (13, 9, 9)), blend=4))
    canvas.paint(cistern, CSF)
    canvas.paint(canvas.distance(stem), BRAINSTEM)
    canvas.paint_small(ellipsoid((0, -2, -14), (9, 8, 7)), WHITE, (0, -2, -14), 12)
    for side, sign in (("left", 1), ("right", -1)):
        center = LANDMARKS[f"{side} lentiform nucleus"]
        canvas.paint_small(ellipsoid(center, (6.5, 19, 11)), LENTIFORM, center, 22)
        head = LANDMARKS[f"{side} caudate head"]
        wide = 1.0 if sign > 0 else 0.9  # the left ventricle is the wider one
        frontal = LANDMARKS[f"{side} frontal horn tip"]
        atrium = LANDMARKS[f"{side} atrium of lateral ventricle"]
        horn = tube(
            [
                frontal,
                (9 * sign, -20, 17),
                (10 * sign, 4, 24),
                (15 * sign, 24, 22),
                atrium,
                (23 * sign, 52, 8),
                (19 * sign, 66, 6),
            ],
            [4.5 * wide, 6 * wide, 5.5 * wide, 6.5 * wide, 8 * wide, 4.5 * wide, 2],
            blend=2,
        )
        temporal = tube([atrium, (35 * sign, 22, -6), (34 * sign, -4, -20)], [6 * wide, 4 * wide, 2], blend=2)
        canvas.paint_small(union(horn, temporal), VENTRICLE, (20 * sign, 15, 4), (35, 65, 40))
        caudate = tube([head, (15 * sign, -12, 19), (18 * sign, 8, 25)], [6.5, 4.5, 3])
        canvas.paint_small(caudate, CAUDATE, (15 * sign, -8, 16), (14, 28, 20))
        center = LANDMARKS[f"{side} thalamus"]
        canvas.paint_small(ellipsoid(center, (8.5, 14, 9)), THALAMUS, center, 16)
        plexus = (atrium[0], atrium[1] + 4, atrium[2] - 3)
        canvas.paint_small(ellipsoid(plexus, (2.2, 3, 2)), CALCIFICATION, plexus, 6)
    third = union(capsule((0, -8, -4), (0, 16, 2), 2.2), capsule((0, -6, -10), (0, 10, 8), 1.8))
    canvas.paint_small(third, VENTRICLE, (0, 4, 0), 20)
    aqueduct = tube([(0, 18, -2), (0, 24, -18), (0, 30, -28)], [1.2, 1.2, 2])
    canvas.paint_small(aqueduct, VENTRICLE, (0, 22, -14), 20)
    fourth = ellipsoid(LANDMARKS["fourth ventricle"], (7, 4.5, 10))
    canvas.paint_small(fourth, VENTRICLE, LANDMARKS["fourth ventricle"], 12)
    pineal = LANDMARKS["pineal gland"]
    canvas.paint_small(ellipsoid(pineal, (3.2, 3.5, 3)), CALCIFICATION, pineal, 5)


def _draw_eyes(canvas: Canvas) -> None:
    for side, sign in (("left", 1), ("right", -1)):
        center = LANDMARKS[f"{side} eye"]
        nerve = tube([center, (22 * sign, -46, -29), (8 * sign, -26, -22)], [2.2, 2.2, 2.2])
        canvas.paint_small(nerve, MUSCLE, (20 * sign, -48, -26), (20, 30, 12))
        for offset in (-9, 9):  # medial and lateral rectus
            muscle = capsule((center[0] + offset * 1.2, -66, -28), (20 * sign, -40, -29), 2.2, 1.8)
            canvas.paint_small(muscle, MUSCLE, (26 * sign, -53, -28), (22, 22, 10))
        canvas.paint_small(ellipsoid(center, (12.5, 12.5, 12.5)), MUSCLE, center, 14)  # sclera
        canvas.paint_small(ellipsoid(center, (11.3, 11.3, 11.3)), EYE, center, 14)
        lens = (center[0], center[1] - 8.5, center[2])
        canvas.paint_small(ellipsoid(lens, (4.5, 2.5, 4.5)), _LENS, lens, 6)
