"""Packs from what others publish: lists, events and rules of other forms become indicators."""
