"""Bundles, the interpreter that runs them, and what their networks say."""
