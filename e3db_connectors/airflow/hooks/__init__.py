"""Hooks: connections turned into clients."""
