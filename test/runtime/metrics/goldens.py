#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes goldens.txt: what scikit-learn and SciPy compute of random cases.

    test/runtime/metrics/goldens.py [goldens.txt]

Needs scikit-learn and SciPy (pip install scikit-learn scipy); the file names
the versions that wrote it. The inputs of case i are drawn by a generator seeded
with i, here and in goldens_test.cc, so only results are kept: for each case a
line of classes and a line of numbers, and then for each a line of sets of labels,
with the metrics in the order of kClassMetrics, kNumberMetrics and kSetMetrics there.
"-" is a value that is not defined.
"""

import math
import os
import sys
import warnings

import numpy
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

CASES = 1000
MASK = (1 << 64) - 1


class Draw:
    """SplitMix64."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % bound


def row_count(draw, kind):
    return kind + 1 if kind < 2 else 3 + draw.below(40)


def number(draw, kind):
    """Few values or many; all are exact as floats."""
    return draw.below(3) - 1.0 if kind == 2 else (draw.below(65537) - 32768) / 4096


def class_case(i):
    """Kinds: 0 and 1: as many rows; 2: ties; 3: constant scores; 4: large ones;
    5: no example of the last class; 6: of the last alone; 7: class 0 is never
    predicted; 8: all right; 9: mostly right."""
    draw, kind = Draw(i), i % 10
    classes = 2 if draw.below(2) == 0 else 3 + draw.below(4)
    rows = row_count(draw, kind)
    labels, logits = [], []
    for _ in range(rows):
        row = [number(draw, kind) for _ in range(classes)]
        label = draw.below(classes - 1 if kind == 5 else classes)
        if kind == 3:
            row = [0.0] * classes
        if kind == 4:
            row = [16 * x for x in row]
        if kind == 6:
            label = classes - 1
        if kind == 7:
            row[0] -= 32
        if kind >= 8:
            row[label] += 24 if kind == 8 else 6
        labels.append(label)
        logits.append(row)
    return classes, labels, logits


def number_case(i):
    """Kinds: 0 and 1: as many rows; 2: ties; 3: a constant truth; 4: a constant
    prediction; 5: equal; 6: opposite; others: correlated."""
    draw, kind = Draw(CASES + i), i % 10
    truth, predicted = [], []
    for _ in range(row_count(draw, kind)):
        a, b = number(draw, kind), number(draw, kind)
        if kind == 3:
            a = 0.25
        if kind == 4:
            b = 0.25
        if kind == 5:
            b = a
        if kind == 6:
            b = -a
        if kind > 6:
            b += a
        truth.append(a)
        predicted.append(b)
    return truth, predicted


def set_case(i):
    """Kinds: 0 and 1: as many rows; 2: ties; 3: constant scores; 5: no example of
    the last label; 6: every label of each; 7: label 0 is never predicted; 8: all
    right."""
    draw, kind = Draw(2 * CASES + i), i % 10
    labels = 2 + draw.below(5)
    truth, logits = [], []
    for _ in range(row_count(draw, kind)):
        has, row = [], []
        for label in range(labels):
            one, score = draw.below(2), number(draw, kind)
            if kind == 3:
                score = 0.0
            if kind == 5 and label == labels - 1:
                one = 0
            if kind == 6:
                one = 1
            if kind == 7 and label == 0:
                score -= 32
            if kind == 8:
                score = 9.0 + score if one else -9.0 + score
            has.append(one)
            row.append(score)
        truth.append(has)
        logits.append(row)
    return numpy.array(truth), numpy.array(logits)


def softmax(row):
    powers = [math.exp(x - max(row)) for x in row]
    return [x / math.fsum(powers) for x in powers]


def log_softmax(row):
    """Exact to rounding also where the probability rounds to 1."""
    largest = row.index(max(row))
    others = math.fsum(math.exp(x - row[largest])
                       for c, x in enumerate(row) if c != largest)
    return [x - row[largest] - math.log1p(others) for x in row]


def area(classes, labels, logits, probabilities):
    """One against the rest. Large logits have probabilities that round to 1 and
    are tied in scikit-learn's multi_class="ovr", but not in their logarithms."""
    logs = numpy.array([log_softmax(row) for row in logits])
    result = numpy.mean([
        metrics.roc_auc_score([label == c for label in labels], logs[:, c])
        for c in range(classes)])
    if numpy.abs(logits).max() < 32:
        assert numpy.isclose(result, metrics.roc_auc_score(
            labels, probabilities, multi_class="ovr", average="macro",
            labels=list(range(classes))), rtol=1e-12, atol=0, equal_nan=True)
    return result


def class_values(classes, labels, logits):
    predicted = [row.index(max(row)) for row in logits]
    probabilities = numpy.array([softmax(row) for row in logits])
    every = list(range(classes))
    yield metrics.accuracy_score(labels, predicted)
    for average in "macro", "micro", "weighted":
        yield from metrics.precision_recall_fscore_support(
            labels, predicted, average=average, zero_division=0)[:3]
    yield metrics.matthews_corrcoef(labels, predicted)
    if classes == 2:
        yield metrics.roc_auc_score(labels, [row[1] - row[0] for row in logits])
    else:
        yield area(classes, labels, logits, probabilities)
    yield metrics.log_loss(labels, probabilities, labels=every)
    scores = metrics.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0)
    for c in every:
        yield from (scores[i][c] for i in range(3))


def number_values(truth, predicted):
    if len(truth) < 2:  # SciPy refuses them
        yield math.nan
    else:
        yield stats.pearsonr(truth, predicted).statistic
    yield metrics.mean_squared_error(truth, predicted)
    yield math.nan if len(truth) < 2 else stats.spearmanr(truth, predicted).statistic


def set_values(truth, logits):
    predicted = (logits > 0).astype(int)
    seen = [c for c in range(truth.shape[1]) if truth[:, c].any() or predicted[:, c].any()]
    for average in "macro", "micro", "weighted":
        # Labels that are neither true nor predicted have no scores to average.
        if seen:
            yield from metrics.precision_recall_fscore_support(
                truth, predicted, labels=seen, average=average, zero_division=0)[:3]
        else:
            yield from (0.0, 0.0, 0.0)
    yield metrics.accuracy_score(truth, predicted)
    areas = [metrics.roc_auc_score(truth[:, c], logits[:, c])
             for c in range(truth.shape[1]) if 0 < truth[:, c].mean() < 1]
    yield numpy.mean(areas) if areas else math.nan


def line(values):
    return " ".join("-" if math.isnan(x) else f"{x:.10g}" for x in values) + "\n"


def main():
    warnings.simplefilter("ignore")
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "goldens.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"# By goldens.py with scikit-learn {sklearn.__version__}, "
                   f"SciPy {scipy.__version__}, NumPy {numpy.__version__}.\n")
        for i in range(CASES):
            file.write(line(class_values(*class_case(i))))
            file.write(line(number_values(*number_case(i))))
        for i in range(CASES):
            file.write(line(set_values(*set_case(i))))


if __name__ == "__main__":
    main()
