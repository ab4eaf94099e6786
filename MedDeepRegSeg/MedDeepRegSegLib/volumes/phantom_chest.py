"""The chest of the chest phantom: shapes and places in mm around the carina (L, P, S)."""

from collections.abc import Callable

import numpy as np

from MedDeepRegSegLib.volumes.phantom_canvas import (
    Canvas,
    Point,
    SmoothNoise,
    Tissue,
    capsule,
    ellipsoid,
    smooth_minimum,
    tube,
    union,
)

FAT = Tissue(1, "fat", -95, 820)
MUSCLE = Tissue(2, "soft tissue", 52, 330)
BONE = Tissue(3, "ribs and sternum", 750, 80)
_MARROW = Tissue(3, "ribs and sternum", 260, 430)
SPINE = Tissue(4, "spine", 600, 90)
_TRABECULA = Tissue(4, "spine", 210, 440)
CORD = Tissue(5, "spinal canal", 25, 250)
LUNG = Tissue(6, "lungs", -860, 25)
VESSEL = Tissue(7, "lung vessels", 40, 90)
AIRWAY = Tissue(8, "trachea and bronchi", -995, 5)
HEART = Tissue(9, "heart", 48, 340)
_BLOOD = Tissue(9, "heart", 40, 190)
AORTA = Tissue(10, "aorta", 42, 170)
GREAT_VESSEL = Tissue(11, "great vessels", 40, 175)
LIVER = Tissue(12, "liver", 62, 450)
SPLEEN = Tissue(13, "spleen and stomach", 48, 280)
_GAS = Tissue(13, "spleen and stomach", -980, 5)
NODULE = Tissue(14, "lung nodule", 35, 310)
TISSUES = (
    FAT,
    MUSCLE,
    BONE,
    SPINE,
    CORD,
    LUNG,
    VESSEL,
    AIRWAY,
    HEART,
    AORTA,
    GREAT_VESSEL,
    LIVER,
    SPLEEN,
    NODULE,
)

LANDMARKS: dict[str, Point] = {
    "carina": (0, 18, 0),
    "top of trachea": (1, 4, 120),
    "lung nodule": (-78, 8, 48),
    "top of right diaphragm": (-62, 0, -66),
    "top of left diaphragm": (62, 6, -80),
    "apex of heart": (66, -58, -74),
    "center of heart": (26, -28, -46),
    "aortic arch": (18, 3, 48),
    "descending aorta": (23, 46, -20),
    "pulmonary trunk": (12, -34, 2),
    "superior vena cava": (-24, -14, 30),
    "right hilum": (-36, 12, -8),
    "left hilum": (36, 14, -2),
    "manubrium": (0, -78, 66),
    "vertebral body": (0, 64, 9.5),
    "apex of right lung": (-48, 22, 101),
    "apex of left lung": (46, 22, 100),
}

_CAGE = union(
    ellipsoid((0, -2, -45), (140, 97, 178)),
    ellipsoid((0, 2, -150), (142, 100, 150)),
    blend=40,
)
_LIVER_DOME = ellipsoid((-62, 0, -158), (84, 88, 92))
_SPLEEN_DOME = ellipsoid((62, 6, -162), (78, 84, 82))


def draw_chest(canvas: Canvas, rng: np.random.Generator, nodule_diameter_mm: float | None, spiculated: bool) -> None:
    """Paint the chest from outside to inside."""
    texture = SmoothNoise(rng, 14, 1.0).on_grid(canvas.axes)
    wobble = SmoothNoise(rng, 26, 1.6).on_grid(canvas.axes)
    cage = canvas.distance(_CAGE)
    body = _draw_wall(canvas, cage, wobble)
    lung = _draw_lungs(canvas, cage, texture, wobble)
    _draw_abdomen(canvas, cage, lung, wobble)
    _draw_bones(canvas, cage, body)
    _draw_mediastinum(canvas)
    _draw_vessels(canvas, rng)
    spikes = rng.standard_normal((9, 3))
    if nodule_diameter_mm is not None:
        _draw_nodule(canvas, nodule_diameter_mm, spikes if spiculated else spikes[:0])


def _draw_wall(canvas: Canvas, cage: np.ndarray, wobble: np.ndarray) -> np.ndarray:
    """Paint skin, fat and the muscles on the cage."""
    x, y, z = canvas.x, canvas.y, canvas.z
    # Super-elliptic section, wider at the shoulders, where the arms (raised for the scan) begin.
    shoulder = 1 / (1 + np.exp(-(z - 105) / 16))
    wide, deep = 164 + 16 * shoulder, 120 - 24 * shoulder
    exponent = 2.5
    section = (np.abs(x / wide) ** exponent + np.abs(y / deep) ** exponent) ** (1 / exponent)
    body = (section - 1) * 0.5 * (wide + deep) * 0.8 - wobble
    groove = np.hypot(x, y - 128) - 14  # the back has a furrow along the spine
    body = -smooth_minimum(-body, groove, 12)
    canvas.paint(body, FAT)
    canvas.paint(np.maximum(body, -(body + 1.8)), MUSCLE)
    skin = 10 + 7 * np.clip(-y / 90, -0.3, 1)
    pectoral = canvas.distance(
        union(ellipsoid((62, -84, 62), (62, 18, 44)), ellipsoid((-62, -84, 61), (64, 19, 45)), blend=4)
    )
    back = canvas.distance(
        union(
            ellipsoid((34, 92, 0), (30, 19, 260)),
            ellipsoid((-34, 92, 0), (31, 19, 260)),
            ellipsoid((112, 52, 40), (34, 34, 92)),
            ellipsoid((-112, 52, 38), (34, 35, 92)),
            ellipsoid((84, 74, 78), (62, 22, 50)),
            ellipsoid((-84, 74, 78), (62, 22, 50)),
            blend=8,
        )
    )
    neck = canvas.distance(
        union(capsule((0, 24, 96), (0, 16, 220), 62), capsule((70, 30, 128), (-70, 30, 128), 34), blend=30)
    )
    muscle = smooth_minimum(smooth_minimum(np.minimum(pectoral, back), cage - 18 - wobble, 6), neck, 10)
    muscle = smooth_minimum(muscle, 86 - z, 24)  # above the cage: the girdle of the shoulders
    seams = np.abs(((x * 0.3 + z + 4 * wobble) % 46) - 23)  # thin fat planes between the muscles
    canvas.paint(np.maximum(muscle, body + skin), MUSCLE)
    canvas.paint(np.maximum(np.maximum(seams - 1, -(cage - 13)), np.maximum(muscle + 1, body + 3)), FAT)
    return body


def _mediastinum(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Signed distance of what lies between the lungs."""
    core = capsule((0, 10, 160), (0, 12, -170), 27)(x, y * 0.42, z)
    front = ellipsoid((0, -70, 10), (14, 40, 100))(x, y, z)
    heart = ellipsoid((20, -34, -50), (62, 52, 62))(x, y, z)
    spine = np.hypot(x, (y - 74)) - 31
    return smooth_minimum(smooth_minimum(np.minimum(core, spine), heart, 14), front, 12)


def _draw_lungs(canvas: Canvas, cage: np.ndarray, texture: np.ndarray, wobble: np.ndarray) -> np.ndarray:
    x, y, z = canvas.x, canvas.y, canvas.z
    between = _mediastinum(x, y, z)
    domes = np.minimum(canvas.distance(_LIVER_DOME), canvas.distance(_SPLEEN_DOME)) - 0.4 * wobble
    inner = cage + 9
    lung = -smooth_minimum(smooth_minimum(-inner, between, 10), np.minimum(domes, z + 168), 6)
    canvas.paint(between - 1.5 + np.maximum(inner, 0), FAT)
    canvas.paint(lung, LUNG)
    # Dependent parts are denser; the texture stands for what lies below the resolution.
    inside = np.clip(0.5 - lung / canvas.spacing_mm, 0, 1)
    canvas.ct += inside * (0.35 * (y + 20) + 14 * texture)
    # The oblique fissures are thin sheets of pleura.
    fissure = np.abs(z + 10 + 0.85 * y + wobble)
    canvas.ct += np.clip(1.1 - fissure / canvas.spacing_mm, 0, 1) * np.where(lung < -1, 90, 0)
    return lung


def _draw_abdomen(canvas: Canvas, cage: np.ndarray, lung: np.ndarray, wobble: np.ndarray) -> None:
    inner = np.maximum(cage + 10, -(lung - 3.5))
    dome = canvas.distance(_SPLEEN_DOME) - 0.4 * wobble
    canvas.paint(np.maximum(np.maximum(inner, dome + 3), canvas.z + 70), FAT)
    liver = union(_LIVER_DOME, ellipsoid((10, -38, -135), (58, 42, 36)), blend=12)
    canvas.paint(np.maximum(np.maximum(inner, canvas.distance(liver) + 3), canvas.x - 52), LIVER)
    for center, radii in (((92, 40, -132), (30, 44, 48)), ((58, -16, -132), (34, 40, 36))):
        shape = canvas.distance(ellipsoid(center, radii))
        canvas.paint(np.maximum(np.maximum(shape, dome + 3.5), inner), SPLEEN)
    gas = canvas.distance(ellipsoid((56, -30, -122), (24, 18, 16)))
    canvas.paint(np.maximum(np.maximum(gas, canvas.y + 24), dome + 7), _GAS)  # air rises to the front


def _draw_bones(canvas: Canvas, cage: np.ndarray, body_surface: np.ndarray) -> None:
    x, y, z = canvas.x, canvas.y, canvas.z
    shell = cage - 1
    # Ribs slope down to the front; from the side of the sternum they are cartilage.
    phase = ((z - 0.5 * y + 6) % 27) - 13.5
    rib = (np.sqrt((shell / 4.2) ** 2 + (phase * 0.9 / 6.5) ** 2) - 1) * 4.2
    rib = np.maximum(rib, np.maximum(-(y + 66 - 0.12 * z), z - 112))
    canvas.paint(rib, BONE)
    canvas.paint(rib + 2.2, _MARROW)
    cartilage = (np.sqrt((shell / 3.6) ** 2 + (phase * 0.9 / 5.5) ** 2) - 1) * 3.6
    canvas.paint(
        np.maximum(np.maximum(cartilage, y + 66 - 0.12 * z), np.maximum(np.abs(z - 5) - 75, 10 - np.abs(x))), MUSCLE
    )
    sternum = np.maximum(np.maximum(np.abs(x) - 13 - 0.12 * np.clip(z, 0, 80), np.abs(shell) - 5.5), y)
    sternum = np.maximum(sternum, np.abs(z - 5) - 78)
    canvas.paint(sternum, BONE)
    canvas.paint(sternum + 2.2, _MARROW)
    for sign in (1, -1):
        clavicle = tube([(16 * sign, -70, 92), (70 * sign, -72, 112), (150 * sign, -24, 134)], [8, 6, 6])
        for shape, tissue in ((clavicle, BONE), (lambda *p, s=clavicle: s(*p) + 2.2, _MARROW)):
            canvas.paint_small(shape, tissue, (80 * sign, -50, 112), (80, 40, 40))
        blade = np.maximum(np.abs(cage - 22) - 3, canvas.distance(ellipsoid((100 * sign, 68, 58), (34, 34, 62))))
        canvas.paint(blade, BONE)
        spine = capsule((74 * sign, 100, 92), (140 * sign, 52, 116), 5)
        canvas.paint_small(spine, BONE, (107 * sign, 76, 104), 50)
    curve = 0.0011 * (z + 10) ** 2  # the thoracic spine is bent to the back
    yy = y + curve
    level = ((z + 4) % 27) - 13.5
    body = np.maximum(np.hypot(x * 0.9, yy - 64) - 15.5 - 0.012 * level**2, np.abs(level) - 10.8)
    disc = np.hypot(x * 0.9, yy - 64) - 16.5
    canvas.paint(disc, MUSCLE)
    canvas.paint(body, SPINE)
    canvas.paint(body + 2.2, _TRABECULA)
    arch = np.maximum(np.hypot(x, yy - 89) - 13.5, np.abs(level + 2) - 9)
    process = np.maximum(np.maximum(np.abs(x) - 3.5, np.abs(yy - 105) - 12), np.abs(level + 4) - 8)
    process = np.maximum(process, body_surface + 6)
    wing = np.maximum(np.maximum(np.abs(np.abs(x) - 22) - 15, np.abs(yy - 88) - 4), np.abs(level + 1) - 5)
    canvas.paint(np.minimum(np.minimum(arch, process), wing), SPINE)
    canvas.paint(np.hypot(x, yy - 88) - 9, CORD)


def _draw_mediastinum(canvas: Canvas) -> None:
    heart = union(
        ellipsoid((24, -32, -52), (50, 40, 44)),
        ellipsoid((44, -42, -62), (34, 30, 30)),
        ellipsoid((-14, -20, -40), (28, 32, 36)),
        blend=12,
    )
    canvas.paint(canvas.distance(heart), HEART)
    chambers: tuple[tuple[Point, Point], ...] = (
        ((46, -36, -60), (21, 19, 22)),  # left ventricle
        ((14, -54, -54), (26, 13, 24)),  # right ventricle
        ((-22, -22, -42), (17, 20, 24)),  # right atrium
        ((14, 0, -34), (24, 13, 17)),  # left atrium
    )
    for center, radii in chambers:
        canvas.paint_small(ellipsoid(center, radii), _BLOOD, center, max(radii))
    vessels: tuple[tuple[list[Point], list[float], Tissue], ...] = (
        ([(-22, -14, 96), (-24, -14, 30), (-23, -16, -30)], [8, 9, 10], GREAT_VESSEL),
        ([(-24, -14, 92), (20, -34, 84), (52, -30, 104)], [6, 6, 6], GREAT_VESSEL),
        ([(14, -42, -30), (12, -34, 2), (14, -14, 14), (34, 12, 6)], [14, 13, 12, 9], GREAT_VESSEL),
        ([(10, -14, 10), (-18, -2, 4), (-38, 10, -4)], [11, 10, 8.5], GREAT_VESSEL),
        ([(14, 4, -30), (-36, 12, -24)], [9, 7], GREAT_VESSEL),
        ([(14, 4, -30), (44, 16, -22)], [9, 7], GREAT_VESSEL),
        (
            [(2, -26, -28), (-7, -26, 6), (-3, -22, 36), (18, 3, 48), (24, 30, 40), (24, 44, 14)],
            [14, 14, 13, 11.5, 11.5, 11.5],
            AORTA,
        ),
        ([(24, 44, 14), (23, 46, -20), (19, 44, -90), (10, 42, -220)], [11.5, 11, 10.5, 10], AORTA),
        ([(-4, -10, 44), (-12, -12, 80), (-20, -6, 120)], [6, 5.5, 4.5], AORTA),
        ([(6, 0, 52), (10, -2, 84), (18, 2, 124)], [4.5, 4.5, 4], AORTA),
        ([(14, 10, 52), (24, 10, 84), (48, 6, 118)], [5, 5, 4.5], AORTA),
        ([(4, 30, 160), (3, 36, 40), (6, 34, -60), (18, 20, -110)], [6, 6, 6.5, 7], MUSCLE),
    )
    for path, widths, tissue in vessels:
        canvas.paint_tube(path, widths, tissue)
    windpipe = union(
        tube([(2, -6, 200), (1, 4, 120), (0, 18, 6)], [8.5, 8.5, 8.5]),
        tube([(0, 18, 6), (-20, 18, -12), (-40, 18, -22), (-52, 20, -46)], [8, 7, 6, 3.5]),
        tube([(0, 18, 6), (24, 20, -16), (42, 22, -24), (54, 26, -46)], [8, 6.5, 5.5, 3.5]),
        tube([(-20, 18, -12), (-48, 12, 12), (-58, 8, 30)], [6, 4, 2.5]),
        tube([(42, 22, -24), (56, 8, 2), (62, 2, 20)], [5, 3.5, 2.5]),
    )
    middle, reach = (0.0, 10.0, 75.0), (75.0, 50.0, 140.0)
    canvas.paint_small(lambda *place: windpipe(*place) - 1.6, MUSCLE, middle, reach)
    canvas.paint_small(windpipe, AIRWAY, middle, reach)


def _draw_vessels(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a branching tree in each lung; it grows from the hilum into the lung and stops at the pleura."""

    # The signed distance from the lungs, looked up on a coarse grid: the tree asks for it thousands of times.
    low, step = np.array([-160.0, -120.0, -190.0]), 4.0
    axes = [start + step * np.arange(n) for start, n in zip(low, (81, 61, 86), strict=True)]
    x, y, z = np.meshgrid(*[axis.astype(np.float32) for axis in axes], indexing="ij")
    domes = np.minimum(_LIVER_DOME(x, y, z), _SPLEEN_DOME(x, y, z))
    table = np.maximum(np.maximum(_CAGE(x, y, z) + 9, -_mediastinum(x, y, z)), -domes)

    def margin(point: np.ndarray) -> float:
        index = np.rint((point - low) / step).astype(int)
        return float(table[tuple(np.clip(index, 0, np.array(table.shape) - 1))])

    for name in ("right hilum", "left hilum"):
        start = np.array(LANDMARKS[name])
        side = np.sign(start[0])
        # One trunk toward each segment group: up, front, back, side, and three down.
        for aim in (
            (0.6, 0, 1),
            (0.8, -1, 0.5),
            (0.8, 1, 0.6),
            (1, 0.1, 0.1),
            (0.9, -0.6, -0.5),
            (0.7, 0.4, -1),
            (0.7, 1, -0.9),
        ):
            direction = np.array([side * aim[0], aim[1], aim[2]])
            _grow_branch(canvas, rng, start, direction / np.linalg.norm(direction), radius=4.6, margin=margin)


def _grow_branch(
    canvas: Canvas,
    rng: np.random.Generator,
    start: np.ndarray,
    direction: np.ndarray,
    *,
    radius: float,
    margin: Callable[[np.ndarray], float],
) -> None:
    """Paint one branch and, recursively, the two it divides into (cube law of Murray 1926 with uneven sides)."""
    length = radius * rng.uniform(4.0, 6.0) + 4
    for attempt in range(6):  # a branch that would leave the lung is turned away from the pleura, or left out
        stop = start + length * direction
        if margin(stop) < -2 or (attempt == 0 and radius > 4):
            break
        direction = direction + 0.6 * rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
    else:
        return
    canvas.paint_tube([_point(start), _point(stop)], [radius, radius * 0.9], VESSEL)
    if radius < 0.9:
        return
    share = rng.uniform(0.3, 0.7)
    turn = rng.standard_normal(3)
    turn -= turn @ direction * direction
    turn /= np.linalg.norm(turn)
    for part, sign in ((share, 1.0), (1 - share, -1.0)):
        angle = sign * rng.uniform(0.35, 0.65) * (1.4 - part)
        following = np.cos(angle) * direction + np.sin(angle) * turn
        _grow_branch(canvas, rng, stop, following, radius=radius * part ** (1 / 3) * 0.95, margin=margin)


def _point(place: np.ndarray) -> Point:
    a, b, c = place.tolist()
    return a, b, c


def _draw_nodule(canvas: Canvas, diameter: float, spikes: np.ndarray) -> None:
    center = np.array(canvas.world_point(LANDMARKS["lung nodule"]))
    place = _point(center)
    radius = diameter / 2
    canvas.paint_small(ellipsoid(place, (radius,) * 3), NODULE, place, radius, bent=False)
    for spike in spikes:
        direction = spike / np.linalg.norm(spike)
        tip = center + direction * (radius + 0.45 * diameter + 2)
        root = center + direction * radius * 0.7
        rod = capsule(_point(root), _point(tip), 0.16 * diameter, 0.3)
        canvas.paint_small(rod, NODULE, place, radius * 2.5 + 4, bent=False)
