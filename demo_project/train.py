"""Learn to tell three kinds of iris apart with a small neural network, in nothing but Python's standard library.

Logs loss and accuracy of every epoch, and leaves the model and its confusion matrix in outputs/.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import time
from pathlib import Path

from azureml.core import Run

DATA = Path(__file__).resolve().parent / "iris.csv"
BATCH = 8
MOMENTUM = 0.9
BAR = 30


class Network:
    """Inputs -> tanh -> softmax. Weights are lists of rows; the last number of each row is the bias."""

    def __init__(self, inputs: int, hidden: int, classes: int, rng: random.Random) -> None:
        self.first = [[rng.gauss(0, inputs**-0.5) for _ in range(inputs)] + [0.0] for _ in range(hidden)]
        self.second = [[rng.gauss(0, hidden**-0.5) for _ in range(hidden)] + [0.0] for _ in range(classes)]
        self._speed_first = [[0.0] * len(row) for row in self.first]
        self._speed_second = [[0.0] * len(row) for row in self.second]

    def forward(self, features: list[float]) -> tuple[list[float], list[float]]:
        """The hidden layer's outputs and the probability of each class."""
        hidden = [math.tanh(row[-1] + sum(w * x for w, x in zip(row, features))) for row in self.first]
        logits = [row[-1] + sum(w * h for w, h in zip(row, hidden)) for row in self.second]
        top = max(logits)
        exps = [math.exp(logit - top) for logit in logits]
        total = sum(exps)
        return hidden, [value / total for value in exps]

    def step(self, batch: list[tuple[list[float], int]], rate: float) -> None:
        """One step of gradient descent with momentum on the mean cross-entropy of the batch."""
        slope_first = [[0.0] * len(row) for row in self.first]
        slope_second = [[0.0] * len(row) for row in self.second]
        for features, label in batch:
            hidden, chances = self.forward(features)
            # The slope of cross-entropy after softmax is the chance, less one for the right class.
            errors = [chance - (k == label) for k, chance in enumerate(chances)]
            for slopes, error in zip(slope_second, errors):
                for j, value in enumerate(hidden):
                    slopes[j] += error * value
                slopes[-1] += error
            for j, slopes in enumerate(slope_first):
                back = sum(error * row[j] for error, row in zip(errors, self.second)) * (1 - hidden[j] ** 2)
                for i, value in enumerate(features):
                    slopes[i] += back * value
                slopes[-1] += back
        scale = rate / len(batch)
        _descend(self.first, slope_first, self._speed_first, scale)
        _descend(self.second, slope_second, self._speed_second, scale)


def _descend(weights: list[list[float]], slopes: list[list[float]], speeds: list[list[float]], scale: float) -> None:
    for row, slope, speed in zip(weights, slopes, speeds):
        for i, value in enumerate(slope):
            speed[i] = MOMENTUM * speed[i] - scale * value
            row[i] += speed[i]


def evaluate(network: Network, rows: list[tuple[list[float], int]]) -> tuple[float, float]:
    """Mean cross-entropy in nats, and the part of the rows that is classified rightly."""
    loss, right = 0.0, 0
    for features, label in rows:
        _, chances = network.forward(features)
        loss -= math.log(max(chances[label], 1e-300))
        right += chances.index(max(chances)) == label
    return loss / len(rows), right / len(rows)


def confusion(network: Network, rows: list[tuple[list[float], int]], classes: int) -> list[list[int]]:
    """How many rows of each class (down) are taken for which (across)."""
    counts = [[0] * classes for _ in range(classes)]
    for features, label in rows:
        _, chances = network.forward(features)
        counts[label][chances.index(max(chances))] += 1
    return counts


def read_data() -> tuple[list[str], list[str], list[tuple[list[float], int]]]:
    """The features' names, the classes' names, and the rows with the number of their class."""
    with DATA.open(newline="") as file:
        header, *rows = csv.reader(file)
    classes = sorted({row[-1] for row in rows})
    return header[:-1], classes, [([float(cell) for cell in row[:-1]], classes.index(row[-1])) for row in rows]


def standardise(rows: list[tuple[list[float], int]]) -> tuple[list[float], list[float]]:
    """The mean and standard deviation of each feature."""
    columns = list(zip(*(features for features, _ in rows)))
    means = [sum(column) / len(column) for column in columns]
    scales = [math.sqrt(sum((x - m) ** 2 for x in column) / len(column)) for column, m in zip(columns, means)]
    return means, scales


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Classify irises.")
    parser.add_argument("--epochs", type=int, default=60, help="times through the training rows (60)")
    parser.add_argument("--learning-rate", type=float, default=0.02, help="size of a step (0.02)")
    parser.add_argument("--hidden", type=int, default=8, help="neurons between inputs and outputs (8)")
    parser.add_argument("--seed", type=int, default=7, help="of the weights and of the order of the rows (7)")
    parser.add_argument("--seconds", type=float, default=20.0, help="take this long at least; 0: no waiting (20)")
    given = parser.parse_args()
    if given.epochs < 1 or given.hidden < 1:
        parser.error("--epochs and --hidden are 1 or more")
    return given


def main() -> None:
    given = options()
    run = Run.get_context()
    rng = random.Random(given.seed)
    names, classes, rows = read_data()
    rng.shuffle(rows)
    means, scales = standardise(rows[30:])
    rows = [([(x - m) / s for x, m, s in zip(features, means, scales)], label) for features, label in rows]
    held_out, training = rows[:30], rows[30:]

    print(f"{len(training)} rows to learn from, {len(held_out)} held out; classes: {', '.join(classes)}")
    print(f"learning rate {given.learning_rate:g}, {given.hidden} hidden neurons, seed {given.seed}", flush=True)
    run.log("learning rate", given.learning_rate, description="size of a step")
    run.tag("model", f"mlp-{given.hidden}")

    network = Network(len(names), given.hidden, len(classes), rng)
    batches = math.ceil(len(training) / BATCH)
    steps = given.epochs * batches
    begun = time.monotonic()
    loss = accuracy = 0.0
    for epoch in range(1, given.epochs + 1):
        rng.shuffle(training)
        for number in range(batches):
            network.step(training[number * BATCH : (number + 1) * BATCH], given.learning_rate)
            done = (epoch - 1) * batches + number + 1
            wait = begun + given.seconds * done / steps - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            filled = BAR * (number + 1) // batches
            bar = "#" * filled + "." * (BAR - filled)
            print(f"\repoch {epoch:3}/{given.epochs} [{bar}] {100 * done // steps:3}%", end="", flush=True)
        train_loss, train_accuracy = evaluate(network, training)
        loss, accuracy = evaluate(network, held_out)
        run.log("loss", train_loss)
        run.log("accuracy", train_accuracy)
        run.log("validation loss", loss)
        run.log("validation accuracy", accuracy)
        said = f"epoch {epoch:3}/{given.epochs} loss {train_loss:.4f} accuracy {train_accuracy:.3f}"
        print(f"\r{said} validation loss {loss:.4f} accuracy {accuracy:.3f}", flush=True)

    counts = confusion(network, held_out, len(classes))
    write_outputs(given, network, names, classes, means, scales, counts)
    report(run, classes, counts)
    print(f"validation accuracy {accuracy:.3f}, loss {loss:.4f} after {time.monotonic() - begun:.1f} s")
    run.complete()


def write_outputs(
    given: argparse.Namespace,
    network: Network,
    names: list[str],
    classes: list[str],
    means: list[float],
    scales: list[float],
    counts: list[list[int]],
) -> None:
    """outputs/model.json, with everything needed to use it, and outputs/confusion_matrix.csv."""
    outputs = Path("outputs")
    outputs.mkdir(exist_ok=True)
    model = {
        "features": names,
        "classes": classes,
        "means": means,
        "scales": scales,
        "hidden": network.first,
        "output": network.second,
        "options": vars(given),
    }
    (outputs / "model.json").write_text(json.dumps(model, indent=1) + "\n")
    with (outputs / "confusion_matrix.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["actual", *classes])
        writer.writerows([name, *row] for name, row in zip(classes, counts))


def report(run: Run, classes: list[str], counts: list[list[int]]) -> None:
    """Print and log the confusion matrix, and how well each class is found."""
    right = [counts[k][k] for k in range(len(classes))]
    recall = [hits / (sum(row) or 1) for hits, row in zip(right, counts)]
    precision = [hits / (sum(column) or 1) for hits, column in zip(right, zip(*counts))]
    width = max(map(len, classes)) + 2
    print("\nconfusion matrix (down: actual, across: predicted)")
    print(" " * width + "".join(f"{name:>{width}}" for name in classes))
    for name, row in zip(classes, counts):
        print(f"{name:<{width}}" + "".join(f"{count:>{width}}" for count in row))
    table = {"actual": classes}
    table.update({name: list(column) for name, column in zip(classes, zip(*counts))})
    run.log_table("confusion matrix", table)
    run.log_list("precision", precision)
    run.log_list("recall", recall)


if __name__ == "__main__":
    main()
