"""Lesions: small blobs that stay inside one organ, some with a rim or a core."""

from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.shapes.ellipsoids import Ellipsoid


def paint_lesions(canvas: Canvas) -> None:
    """Paint up to 5 lesions, each in the organ at its center."""
    random = canvas.random
    for _ in range(random.integer(0, 5)):
        voxel = [random.integer(0, side - 1) for side in canvas.size]
        organ = int(canvas.labels[voxel[0], voxel[1], voxel[2]])
        if organ == 0:
            continue
        center = canvas.place[:, voxel[0], voxel[1], voxel[2]].clone()
        shape = Ellipsoid.draw(random, random.log_uniform(0.03, 0.12), spread=0.25)
        box = canvas.box(center, shape.reach)
        distance, _ = shape.distance(canvas.place[(slice(None), *box)] - center.view(3, 1, 1, 1))
        mine = canvas.labels[box] == organ
        canvas.paint(mine & (distance < 1), canvas.new_label(alike=organ if random.chance(0.4) else None), box)
        if random.chance(0.35):
            canvas.paint(mine & (distance < random.uniform(0.4, 0.8)), canvas.new_label(), box)
