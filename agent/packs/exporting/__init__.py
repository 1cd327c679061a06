"""Packs in the forms of others; what a form cannot hold is named, and never made something else."""
