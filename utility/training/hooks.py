"""Session hooks of the training: header, progress line, checkpoints and evaluations, an orderly stop."""

import contextlib
import logging
import os
import signal
import sys
import threading
import time

import tensorflow as tf
from tqdm import tqdm

from base import files, full_disk
from base.plain_paths import plain

_log = logging.getLogger(__name__)

v1 = tf.compat.v1

_SECONDS_BETWEEN_LINES = 15


class HeaderHook(v1.train.SessionRunHook):
    """Logs what is about to be trained, once the graph that says how large it is exists.

    Args:
        lines: function(number of trainable parameters) -> list of str.
    """

    def __init__(self, lines):
        self._lines = lines

    def begin(self):
        shapes = {variable.op.name: variable.shape for variable in v1.trainable_variables()}
        parameters = sum(shape.num_elements() for name, shape in shapes.items() if "/replica_" not in name)
        _log.info("%s", "\n".join(self._lines(parameters)))


class ProgressHook(v1.train.SessionRunHook):
    """Shows step, loss, NE, learning rate, photos a second and the time left: a bar on a terminal, lines in a log.

    Args:
        title: stands before the figures.
        total_steps: of the whole training.
        batch_size: photos a step.

    Attributes:
        step: the last step done, None before the first.
        rate: the learning rate there.
    """

    def __init__(self, title, total_steps, batch_size):
        self._title, self._total, self._batch_size = title, total_steps, batch_size
        self._is_plain = not sys.stderr.isatty()
        self._is_heard = _log.isEnabledFor(logging.INFO)
        self._bar = None
        self.step, self.rate = None, None

    def begin(self):
        graph = v1.get_default_graph()
        names = ("step", "loss", "ne", "learning_rate")
        self._fetches = {name: graph.get_tensor_by_name(f"progress/{name}:0") for name in names}

    def after_create_session(self, session, coord):
        del coord
        self._first = int(session.run(v1.train.get_global_step()))
        self._bar = tqdm(
            total=self._total,
            initial=self._first,
            desc=self._title,
            unit="step",
            file=sys.stderr,
            disable=self._is_plain or not self._is_heard,
        )
        self._started = self._shown = time.monotonic()
        self._busy = 0.0

    def before_run(self, run_context):
        del run_context
        self._step_started = time.monotonic()
        return v1.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        del run_context
        values = run_values.results
        self.step, self.rate = int(values["step"]), float(values["learning_rate"])
        now = time.monotonic()
        self._busy += now - self._step_started
        done = self.step - self._first
        text = (
            f"loss {values['loss']:.4g} NE {values['ne']:.4f} rate {self.rate:.2e} "
            f"{done * self._batch_size / max(self._busy, 1e-9):.1f} photos/s"
        )
        self._bar.update(self.step - self._bar.n)
        self._bar.set_postfix_str(text, refresh=False)
        if self._is_plain and (now - self._shown > _SECONDS_BETWEEN_LINES or self.step >= self._total):
            self._shown = now
            left = (self._total - self.step) * (now - self._started) / max(done, 1)
            line = f"{self._title}: step {self.step}/{self._total} {text}, {left / 60:.1f} minutes left"
            _log.info("%s", line)

    def close(self):
        """Ends the bar; to be called however the training ended."""
        if self._bar is not None:
            self._bar.close()


class SaveHook(v1.train.SessionRunHook):
    """Saves checkpoints, and evaluates where the steps meet a grid.

    The grid counts from step 0, so that a resumed training evaluates at the steps of an undisturbed one; TensorFlow's
    own hook counts from where it was started. Where the folder stands for a URL, a checkpoint is sent when it is whole.

    Args:
        prefix: of the checkpoints' names.
        steps_per_eval: distance of the evaluations, in steps; one more is made at the end.
        total_steps: the end.
        seconds: time from one checkpoint to the next between the evaluations.
        evaluate: function(path of the checkpoint) -> whether to stop; None: there is no evaluation.
    """

    def __init__(self, prefix, steps_per_eval, total_steps, seconds, evaluate=None):
        self._prefix, self._seconds, self._evaluate = prefix, seconds, evaluate
        self._steps_per_eval, self._total = steps_per_eval, total_steps

    def begin(self):
        self._global_step = v1.train.get_global_step()

    def after_create_session(self, session, coord):
        del coord
        self._save(session, int(session.run(self._global_step)))

    def after_run(self, run_context, run_values):
        del run_values
        step = int(run_context.session.run(self._global_step))
        # Where workers count steps asynchronously, a step of the grid may be passed without being met.
        if step // self._steps_per_eval > self._saved_step // self._steps_per_eval or step >= self._total:
            checkpoint = self._save(run_context.session, step)
            if self._evaluate is not None:
                if self._evaluate(checkpoint):
                    run_context.request_stop()
                files.send(os.path.dirname(self._prefix))
        elif time.monotonic() - self._saved_time > self._seconds:
            self._save(run_context.session, step)

    def end(self, session):
        step = int(session.run(self._global_step))
        if step != self._saved_step:
            self._save(session, step)

    def _save(self, session, step):
        (saver,) = v1.get_collection(v1.GraphKeys.SAVERS)
        path = f"{self._prefix}-{step}"
        with full_disk.naming_checkpoint(path):
            saver.save(session, plain(self._prefix), global_step=step, write_meta_graph=False)
        files.send(os.path.dirname(self._prefix))
        self._saved_step, self._saved_time = step, time.monotonic()
        return path


class Stop:
    """Ctrl-C and SIGTERM during a training: noted, so that it ends after the step under way with a checkpoint."""

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
            self.leave_if_asked()
        self._signal = number
        _log.warning("saving a checkpoint and stopping; rerun the same command to resume")

    @property
    def is_asked(self):
        return self._signal is not None

    def leave_if_asked(self):
        """Leaves the program as the signal asks."""
        if self._signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self._signal == signal.SIGTERM:
            sys.exit(143)


class StopTrainingHook(v1.train.SessionRunHook):
    """Ends a training after the step under way when a `Stop` was asked for; the SaveHook then writes a checkpoint."""

    def __init__(self, stop):
        self._stop = stop

    def after_run(self, run_context, run_values):
        del run_values
        if self._stop.is_asked:
            run_context.request_stop()


class LeaveEvaluationHook(v1.train.SessionRunHook):
    """Leaves the program in the middle of an evaluation when a `Stop` was asked for: its checkpoint is written."""

    def __init__(self, stop):
        self._stop = stop

    def before_run(self, run_context):
        del run_context
        self._stop.leave_if_asked()
