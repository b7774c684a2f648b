"""How well one score tells faulty models from healthy ones."""

from __future__ import annotations

from collections.abc import Sequence


def area(healthy: Sequence[float], faulty: Sequence[float]) -> float:
    """Area under the ROC curve: how often a faulty model's score exceeds a healthy one's, ties half."""
    if not healthy or not faulty:
        return float("nan")
    wins = sum((f > h) + 0.5 * (f == h) for f in faulty for h in healthy)
    return wins / (len(healthy) * len(faulty))


def recall_without_alarms(healthy: Sequence[float], faulty: Sequence[float]) -> float:
    """The share of faulty models whose score lies above every healthy one's."""
    if not faulty:
        return float("nan")
    limit = max(healthy, default=float("-inf"))
    return sum(score > limit for score in faulty) / len(faulty)


def curve(healthy: Sequence[float], faulty: Sequence[float]) -> list[tuple[float, float, float]]:
    """(threshold, false alarms, recall), from no alarm on, wherever the recall rises."""
    points: list[tuple[float, float, float]] = []
    for limit in sorted(set(healthy), reverse=True):
        alarms = sum(score > limit for score in healthy) / len(healthy)
        recall = sum(score > limit for score in faulty) / max(1, len(faulty))
        if not points or recall > points[-1][2]:
            points.append((limit, alarms, recall))
    return points
