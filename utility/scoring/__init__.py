"""Submissions and their score."""
