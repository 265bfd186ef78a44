"""What this implementation does that others do not, in a line."""

from __future__ import annotations

from bench.contract import Batches, FloatArray, Parameters, Problem


class MLP:
    """Trains one multilayer perceptron. Write the five methods; `bench-parity` checks them.

    The harness provides what must be equal: initial parameters, batch order, equations and cores.
    This class decides how to compute.
    """

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Build the model and move the data to the device.

        Args:
            problem: `train_images` (n, 784) float32 in [0, 1], `train_labels` (n,) int64 in 0..9,
                `recipe` with the equations, `learning_rate`, `threads`, `device`, `options`.
            parameters: initial parameters, to be copied. For each layer, `weights`
                (fan_in, fan_out) and `bias` (fan_out,), float32: outputs = inputs @ weights + bias.
        """
        raise NotImplementedError("write MLP.setup")

    def warm_up(self, batches: Batches) -> None:
        """Compile and run everything that `train_epoch` needs; leave the state unchanged.

        Not counted as training time. Parameters and optimizer state are the same afterwards.

        Args:
            batches: (n_steps, batch_size) int64, of the shape that `train_epoch` will get.
        """
        raise NotImplementedError("write MLP.warm_up")

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches`, in order; return after the last one is finished.

        This method is timed. A library that computes in the background must be waited for.

        Args:
            batches: (n_steps, batch_size) int64, rows of `problem.train_images`.

        Returns:
            The mean over all steps of the batch's mean loss before its update.
        """
        raise NotImplementedError("write MLP.train_epoch")

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return the logits: the output of the last layer before softmax or sigmoid.

        Args:
            images: (n, 784) float32 in [0, 1].

        Returns:
            (n, 10) float32, a NumPy array.
        """
        raise NotImplementedError("write MLP.predict_scores")

    def parameters(self) -> Parameters:
        """Return copies of the current parameters as float32 NumPy arrays, a Layer for each."""
        raise NotImplementedError("write MLP.parameters")
