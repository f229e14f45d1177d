"""Session hooks of the training: the progress line, and an orderly stop on Ctrl-C and SIGTERM."""

import contextlib
import signal
import sys
import threading
import time

import tensorflow as tf
from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 15


class ProgressHook(tf.estimator.SessionRunHook):
    """Shows step, loss, NE, photos a second and the time left: a bar on a terminal, plain lines in a log.

    Args:
        schedule: {"total_steps": steps of the whole training}.
        title: stands before the figures.
        batch_size: photos a step.
    """

    def __init__(self, schedule, title, batch_size):
        self._total, self._title, self._batch_size = schedule["total_steps"], title, batch_size
        self._plain = not sys.stderr.isatty()

    def begin(self):
        graph = tf.compat.v1.get_default_graph()
        self._fetches = {
            "step": tf.compat.v1.train.get_global_step(graph),
            "loss": graph.get_tensor_by_name("progress/loss:0"),
            "ne": graph.get_tensor_by_name("progress/ne:0"),
            "rate": graph.get_tensor_by_name("progress/learning_rate:0"),
        }

    def after_create_session(self, session, coord):
        del coord
        step = session.run(self._fetches["step"])
        self._bar = tqdm(
            total=self._total, initial=int(step), desc=self._title, unit="step", file=sys.stderr, disable=self._plain
        )
        self._first, self._started, self._shown = int(step), time.monotonic(), time.monotonic()

    def before_run(self, run_context):
        del run_context
        return tf.estimator.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        del run_context
        values = run_values.results
        self._last_step = step = int(values["step"])
        text = f"loss {values['loss']:.4g} NE {values['ne']:.4f} rate {values['rate']:.2e}"
        self._bar.update(step - self._bar.n)
        self._bar.set_postfix_str(text, refresh=False)
        now = time.monotonic()
        if self._plain and (now - self._shown > _SECONDS_BETWEEN_LINES or step >= self._total):
            self._shown = now
            speed = (step - self._first) / max(now - self._started, 1e-9)
            left = (self._total - step) / max(speed, 1e-9)
            print(
                f"{self._title}: step {step}/{self._total} {text} {speed * self._batch_size:.1f} photos/s, "
                f"{left / 60:.1f} minutes left",
                file=sys.stderr,
                flush=True,
            )

    def end(self, session):
        del session
        self._bar.close()


class StopHook(tf.estimator.SessionRunHook):
    """Ends the training after the step under way when Ctrl-C or SIGTERM arrives; the saver then writes a checkpoint."""

    def __init__(self):
        self._signal = None

    @contextlib.contextmanager
    def signals(self):
        """Catches the signals while the block runs."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        former = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _note(self, number, frame):
        del frame
        if self._signal is not None:  # asked a second time: at once
            self.exit_if_asked()
        self._signal = number
        print("stopping after a checkpoint; the same command goes on from there", file=sys.stderr, flush=True)

    def after_run(self, run_context, run_values):
        del run_values
        if self._signal is not None:
            run_context.request_stop()

    def exit_if_asked(self):
        """Leaves the program as the signal asks, once the training has ended."""
        if self._signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self._signal == signal.SIGTERM:
            sys.exit(143)
