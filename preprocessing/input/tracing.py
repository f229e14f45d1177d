"""How TensorFlow traces the functions of the input: as they are written.

AutoGraph would rewrite the source of each function of a `map`, and of all that it calls, for Python that branches on
tensors. There is none, and it takes seconds at the start of every training and evaluation.
"""

import tensorflow as tf

as_written = tf.autograph.experimental.do_not_convert
