"""The version of this code; pyproject.toml reads it here."""

VERSION = "1.1.0.dev0"
