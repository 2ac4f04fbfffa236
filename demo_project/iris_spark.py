"""Learn to tell three kinds of iris apart on Spark: softmax regression, the slope of each step added up by executors.

Logs loss and accuracy of every epoch, and leaves the model and the held-out rows' classes in outputs/. The same script
runs in a container (`docker-spark`) and on a cluster's YARN, with Spark 2.4 to 4 and Python 3.5 or newer; it needs
neither numpy nor pandas, which executors may not have.
"""

import argparse
import csv
import json
import math
import random
from pathlib import Path

from azureml.core import Run
from pyspark.sql import SparkSession

# Beside the script, where the driver finds it: the run directory is there. Executors are processes of other machines
# and see no file of it: so the driver reads the rows, and `parallelize` sends them along. Where the driver runs on
# another machine too (`spark.submit.deployMode: cluster`), `spark.files: iris.csv` puts the file beside it. Larger data
# belongs where all of them can read it (hdfs://, wasbs://, abfss://).
DATA = Path(__file__).absolute().parent / "iris.csv"
HELD_OUT = 30


def read_data():
    """The features' names, the classes' names, and the rows: features and the number of their class."""
    with DATA.open(newline="") as file:
        header, *rows = csv.reader(file)
    classes = sorted({row[-1] for row in rows})
    return header[:-1], classes, [([float(cell) for cell in row[:-1]], classes.index(row[-1])) for row in rows]


# What executors do. These functions travel to them, so they use their arguments and the standard library only. `fsum`
# rounds once, so that the sums of one partition are the same wherever it is added up.


def sums(rows):
    """Of one partition: how many rows, and of each feature the sum and the sum of squares."""
    columns = list(zip(*(features for features, _ in rows)))
    if not columns:
        return []
    return [(len(columns[0]), [math.fsum(one) for one in columns], [math.fsum(x * x for x in one) for one in columns])]


def chances(weights, features):
    """The probability of each class. `weights`: a row for each, its last number the bias."""
    logits = [row[-1] + math.fsum(w * x for w, x in zip(row, features)) for row in weights]
    top = max(logits)
    exps = [math.exp(logit - top) for logit in logits]
    total = math.fsum(exps)
    return [value / total for value in exps]


def slope(weights, rows):
    """Of one partition: the slope of the loss, the loss in nats, and how many rows are classified rightly."""
    parts, losses, right = [], [], 0
    for features, label in rows:
        found = chances(weights, features)
        # The slope of cross-entropy after softmax is the chance, less one for the right class.
        errors = [chance - (k == label) for k, chance in enumerate(found)]
        parts.append([error * value for error in errors for value in [*features, 1.0]])
        losses.append(-math.log(max(found[label], 1e-300)))
        right += found.index(max(found)) == label
    if not parts:
        return []
    return [([math.fsum(column) for column in zip(*parts)], math.fsum(losses), right)]


def classify(weights, row):
    """The row's class, and which it is taken for."""
    features, label = row
    found = chances(weights, features)
    return label, found.index(max(found))


# What the driver does.


def standardised(context, rows, partitions):
    """The mean and standard deviation of each feature."""
    parts = context.parallelize(rows, partitions).mapPartitions(sums).collect()
    counts, totals, squares = zip(*parts)
    count = sum(counts)
    means = [math.fsum(column) / count for column in zip(*totals)]
    powers = [math.fsum(column) / count for column in zip(*squares)]
    return means, [math.sqrt(max(power - mean * mean, 1e-12)) for power, mean in zip(powers, means)]


def train(given, run, training, features, classes):
    """The weights after all epochs; each is one job of Spark's over the whole of the training rows."""
    count = training.count()
    weights = [[0.0] * (features + 1) for _ in range(classes)]
    for epoch in range(1, given.epochs + 1):
        parts = training.mapPartitions(lambda rows, now=weights: slope(now, rows)).collect()
        slopes, losses, rights = zip(*parts)
        flat = [math.fsum(column) for column in zip(*slopes)]
        steps = [flat[k * (features + 1) : (k + 1) * (features + 1)] for k in range(classes)]
        loss, accuracy = math.fsum(losses) / count, sum(rights) / count
        run.log("loss", loss)
        run.log("accuracy", accuracy)
        print("epoch {:2}/{} loss {:.4f} accuracy {:.3f}".format(epoch, given.epochs, loss, accuracy), flush=True)
        weights = [
            [value - given.learning_rate * change / count for value, change in zip(row, step)]
            for row, step in zip(weights, steps)
        ]
    return weights


def report(run, classes, taken):
    """Log how the held-out rows are classified; `taken`: of each row its class and which it is taken for."""
    counts = [[taken.count((actual, found)) for found in range(len(classes))] for actual in range(len(classes))]
    right = [counts[k][k] for k in range(len(classes))]
    accuracy = sum(right) / len(taken)
    run.log("validation accuracy", accuracy)
    run.log_list("recall", [hits / (sum(row) or 1) for hits, row in zip(right, counts)])
    run.log_list("precision", [hits / (sum(column) or 1) for hits, column in zip(right, zip(*counts))])
    table = {"actual": classes}
    table.update({name: list(column) for name, column in zip(classes, zip(*counts))})
    run.log_table("confusion matrix", table)
    print("{} of {} held-out rows classified rightly ({:.3f})".format(sum(right), len(taken), accuracy), flush=True)


def write_outputs(given, names, classes, means, scales, weights, taken):
    """outputs/iris_spark.json, with everything needed to use the model, and outputs/held_out.csv."""
    outputs = Path("outputs")
    outputs.mkdir(exist_ok=True)
    model = {"features": names, "classes": classes, "means": means, "scales": scales, "weights": weights}
    model["options"] = vars(given)
    (outputs / "iris_spark.json").write_text(json.dumps(model, indent=1, sort_keys=True) + "\n")
    with (outputs / "held_out.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["actual", "taken for"])
        writer.writerows([classes[actual], classes[found]] for actual, found in taken)


def options():
    parser = argparse.ArgumentParser(description="Classify irises on Spark.")
    parser.add_argument("--epochs", type=int, default=20, help="times through the training rows (20)")
    parser.add_argument("--learning-rate", type=float, default=1.0, help="size of a step (1)")
    parser.add_argument("--partitions", type=int, default=2, help="pieces the rows are sent in (2)")
    parser.add_argument("--seed", type=int, default=7, help="of which rows are held out (7)")
    given = parser.parse_args()
    if given.epochs < 1 or given.partitions < 1:
        parser.error("--epochs and --partitions are 1 or more")
    return given


def main():
    given = options()
    run = Run.get_context()
    spark = SparkSession.builder.getOrCreate()
    context = spark.sparkContext
    names, classes, rows = read_data()
    random.Random(given.seed).shuffle(rows)
    print("Spark {}, master {}, {} partitions".format(spark.version, context.master, given.partitions), flush=True)
    run.log("learning rate", given.learning_rate, description="size of a step")
    run.tag("model", "softmax-spark")

    means, scales = standardised(context, rows[HELD_OUT:], given.partitions)
    rows = [([(x - m) / s for x, m, s in zip(features, means, scales)], label) for features, label in rows]
    training = context.parallelize(rows[HELD_OUT:], given.partitions).cache()
    weights = train(given, run, training, len(names), len(classes))
    held_out = context.parallelize(rows[:HELD_OUT], given.partitions)
    taken = held_out.map(lambda row: classify(weights, row)).collect()

    write_outputs(given, names, classes, means, scales, weights, taken)
    report(run, classes, taken)
    spark.stop()
    run.complete()


if __name__ == "__main__":
    main()
