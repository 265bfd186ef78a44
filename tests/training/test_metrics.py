import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax

from bench.contract import Recipe
from bench.training.metrics import confusion_matrix, evaluate, mistakes


@pytest.fixture
def logits_and_labels():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 3, (200, 10)).astype(np.float32)
    return logits, generator.integers(0, 10, 200)


def recipe(loss="cross_entropy", output="softmax"):
    return Recipe(
        name="x", activation="relu", output=output, loss=loss, optimizer="sgd",
        initializer="he_normal",
    )  # fmt: skip


@pytest.mark.parametrize(("output", "squash"), [("softmax", softmax), ("sigmoid", expit)])
@pytest.mark.parametrize(
    ("loss", "total"),
    [("mean_squared_error", np.mean), ("half_squared_error", lambda x, axis: x.sum(axis) / 2)],
)
def test_squared_errors_are_of_the_outputs(logits_and_labels, output, squash, loss, total):
    logits, labels = logits_and_labels
    options = {"axis": 1} if squash is softmax else {}
    errors = squash(logits.astype(np.float64), **options) - np.eye(10)[labels]
    expected = total(errors**2, axis=1).mean()
    assert evaluate(logits, labels, recipe(loss, output)).loss == pytest.approx(expected, rel=1e-12)


def test_loss_is_the_cross_entropy_that_scipy_computes(logits_and_labels):
    logits, labels = logits_and_labels
    expected = -log_softmax(logits.astype(np.float64), axis=1)[np.arange(200), labels].mean()
    assert evaluate(logits, labels, recipe()).loss == pytest.approx(expected, rel=1e-12)


def test_large_logits_do_not_overflow():
    logits = np.array([[1e30, 0.0], [0.0, 1e30]], np.float32)
    assert evaluate(logits, np.array([0, 1]), recipe()).loss == 0.0


def test_accuracy_is_the_share_on_the_diagonal_of_the_confusion_matrix(logits_and_labels):
    logits, labels = logits_and_labels
    matrix = np.array(confusion_matrix(logits, labels))
    assert matrix.sum(axis=1).tolist() == np.bincount(labels, minlength=10).tolist()
    assert evaluate(logits, labels, recipe()).accuracy == pytest.approx(np.trace(matrix) / 200)


def test_rows_of_the_confusion_matrix_are_the_truth():
    logits = np.eye(3, dtype=np.float32)[[2]]
    assert confusion_matrix(logits, np.array([0])) == ((0, 0, 1), (0, 0, 0), (0, 0, 0))


def test_each_wrong_prediction_is_one_bit(logits_and_labels):
    logits, labels = logits_and_labels
    bits = "".join(f"{byte:08b}" for byte in mistakes(logits[:19], labels[:19]))
    wrong = [
        int(row.argmax() != label) for row, label in zip(logits[:19], labels[:19], strict=True)
    ]
    assert bits == "".join(map(str, wrong)) + "00000"
