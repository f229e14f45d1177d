"""Lengths of garments: from points and their covariances to pixels and centimetres, each with a standard deviation."""
