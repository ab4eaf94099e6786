"""Ellipses in a plane: from the equation of a conic, the distance of points to them, and their fit by least squares.

An ellipse is (center x, center y, half the long axis, half the short axis, angle of the long axis in radians).
"""

import numpy as np


def direct_ellipses(points: np.ndarray) -> np.ndarray:
    """Fit an ellipse to each of many sets of points by direct least squares of the algebraic distance.

    Source: R. Halir, J. Flusser, "Numerically stable direct least squares fitting of ellipses", WSCG 1998.

    Parameters
    ----------
    points:
        (S, N, 2) with N at least 5.

    Returns
    -------
    numpy.ndarray
        (S, 5) ellipses; NaN where points give none.
    """
    center = points.mean(axis=1, keepdims=True)
    scale = np.sqrt(((points - center) ** 2).sum(axis=2).mean(axis=1))
    scale = np.maximum(scale, 1e-12)[:, None, None]
    x, y = np.moveaxis((points - center) / scale, 2, 0)
    quadratic = np.stack([x * x, x * y, y * y], axis=2)
    linear = np.stack([x, y, np.ones_like(x)], axis=2)
    s1 = np.einsum("sni,snj->sij", quadratic, quadratic)
    s2 = np.einsum("sni,snj->sij", quadratic, linear)
    s3 = np.einsum("sni,snj->sij", linear, linear) + 1e-12 * np.eye(3)
    reduction = -np.linalg.solve(s3, np.swapaxes(s2, 1, 2))
    reduced = s1 + s2 @ reduction
    # Multiplied by the inverse of the matrix of the constraint 4 a c - b^2 = 1.
    reduced = np.stack([reduced[:, 2] / 2, -reduced[:, 1], reduced[:, 0] / 2], axis=1)
    _, vectors = np.linalg.eig(reduced)
    vectors = np.real(vectors)
    condition = 4 * vectors[:, 0] * vectors[:, 2] - vectors[:, 1] ** 2
    chosen = condition.argmax(axis=1)
    first = np.take_along_axis(vectors, chosen[:, None, None], axis=2)[:, :, 0]
    second = np.einsum("sij,sj->si", reduction, first)
    conics = np.concatenate([first, second], axis=1)
    conics[np.take_along_axis(condition, chosen[:, None], axis=1)[:, 0] <= 0] = np.nan
    ellipses = ellipses_of_conics(conics)
    ellipses[:, :4] *= scale[:, 0]
    ellipses[:, :2] += center[:, 0]
    return ellipses


def ellipses_of_conics(conics: np.ndarray) -> np.ndarray:
    """Return the ellipses (S, 5) of a x^2 + b x y + c y^2 + d x + e y + f = 0, (S, 6); NaN for other conics."""
    a, b, c, d, e, f = np.asarray(conics, dtype=float).T
    with np.errstate(all="ignore"):
        discriminant = b * b - 4 * a * c
        x = (2 * c * d - b * e) / discriminant
        y = (2 * a * e - b * d) / discriminant
        value = a * x * x + b * x * y + c * y * y + d * x + e * y + f
        spread = np.hypot(a - c, b)
        # Eigenvalues of the quadratic part; each gives the square of a half axis as -value / eigenvalue.
        axes = np.sqrt(np.stack([-2 * value / (a + c - spread), -2 * value / (a + c + spread)], axis=1))
        angle = 0.5 * np.arctan2(b, a - c)
    order = axes[:, 0] < axes[:, 1]
    # The direction of the larger eigenvalue is that of the first axis turned by a right angle.
    angle = np.where(order, angle, angle + np.pi / 2)
    result = np.stack([x, y, axes.max(axis=1), axes.min(axis=1), np.mod(angle, np.pi)], axis=1)
    result[~((discriminant < 0) & np.isfinite(result).all(axis=1))] = np.nan
    return result


def rough_distances(ellipses: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the distance of points (N, 2) to each ellipse (S, 5) to first order, (S, N); infinite for no ellipse.

    Source: P. Sampson, "Fitting conic sections to very scattered data", CGIP 18 (1982).
    """
    x, y = _own_axes(ellipses[:, None], points[None])
    a, b = ellipses[:, 2, None], ellipses[:, 3, None]
    with np.errstate(all="ignore"):
        level = (x / a) ** 2 + (y / b) ** 2 - 1
        slope = 2 * np.hypot(x / a**2, y / b**2)
        distance = np.abs(level) / slope
        # Near the center the slope vanishes; no point is farther from the line than the short half axis is long there.
        inner = np.where(level < 0, b, np.inf)
    return np.where(np.isfinite(distance), np.minimum(distance, inner), np.inf)


def closest_angles(ellipse: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the parameter angle of the closest point of an ellipse for each point (N, 2), radians.

    The closest point is found on circles of curvature, whose centers lie on the evolute: from any start a few steps
    suffice, also at the ends of a flat ellipse.
    """
    x, y = _own_axes(ellipse, points)
    a, b = ellipse[2:4]
    px, py = np.abs(x), np.abs(y)
    cosine = sine = np.full(len(points), np.sqrt(0.5))
    for _ in range(6):
        center_x, center_y = (a * a - b * b) / a * cosine**3, (b * b - a * a) / b * sine**3
        radius = np.hypot(a * cosine - center_x, b * sine - center_y)
        away = np.maximum(np.hypot(px - center_x, py - center_y), 1e-12)
        cosine = np.clip(((px - center_x) * radius / away + center_x) / a, 0, 1)
        sine = np.clip(((py - center_y) * radius / away + center_y) / b, 0, 1)
        size = np.maximum(np.hypot(cosine, sine), 1e-12)
        cosine, sine = cosine / size, sine / size
    return np.arctan2(np.copysign(sine, y), np.copysign(cosine, x))


def signed_distances(ellipse: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of points (N, 2) to an ellipse, positive outside, and their derivatives (N, 5) by it."""
    center_x, center_y, a, b, angle = ellipse
    t = closest_angles(ellipse, points)
    cosine, sine = np.cos(t), np.sin(t)
    outward = np.stack([b * cosine, a * sine], axis=1)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    foot = np.stack([a * cosine, b * sine], axis=1)
    normal = outward @ turn.T
    distance = ((points - (foot @ turn.T + [center_x, center_y])) * normal).sum(axis=1)
    # The closest point is where the distance is least, so its own movement along the ellipse does not count.
    turned = (foot @ [[0.0, 1.0], [-1.0, 0.0]]) @ turn.T
    derivative = np.stack(
        [normal[:, 0], normal[:, 1], outward[:, 0] * cosine, outward[:, 1] * sine, (normal * turned).sum(axis=1)],
        axis=1,
    )
    return distance, -derivative


def nearest_ellipse(ellipse: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Refine an ellipse by least squares of the true distances of points (N, 2); Levenberg-Marquardt.

    Source: S. Ahn, W. Rauh, H. Warnecke, "Least-squares orthogonal distances fitting of circle, sphere, ellipse,
    hyperbola, and parabola", Pattern Recognition 34 (2001).
    """
    best, damping = ellipse.astype(float), 1e-3
    distance, derivative = signed_distances(best, points)
    cost = float(distance @ distance)
    for _ in range(15):
        normal = derivative.T @ derivative
        try:
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), -derivative.T @ distance)
        except np.linalg.LinAlgError:
            break
        trial = best + step
        if trial[2:4].min() > 1e-3 * best[2]:
            trial_distance, trial_derivative = signed_distances(trial, points)
            trial_cost = float(trial_distance @ trial_distance)
            if trial_cost < cost:
                done = cost - trial_cost < 1e-7 * cost
                best, distance, derivative, cost = trial, trial_distance, trial_derivative, trial_cost
                damping = max(damping / 5, 1e-9)
                if done:
                    break
                continue
        damping *= 8
        if damping > 1e6:
            break
    if best[2] < best[3]:
        best[2:4] = best[3], best[2]
        best[4] += np.pi / 2
    best[4] = np.mod(best[4], np.pi)
    return best


def _own_axes(ellipses: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points along the long and the short axis of ellipses, from their centers."""
    x, y = points[..., 0] - ellipses[..., 0], points[..., 1] - ellipses[..., 1]
    cosine, sine = np.cos(ellipses[..., 4]), np.sin(ellipses[..., 4])
    return x * cosine + y * sine, y * cosine - x * sine
