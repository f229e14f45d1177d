"""The nets: a file each, named as the net is, which declares a `NET` (`net.declarations.Net`).

`net.registry` lists this folder; a new net is a new file. The files take TensorFlow from `base.late_tensorflow`, so
that their options can be read without it.
"""
