"""Keys and signatures (Ed25519, RFC 8032): of reports, journals and packs.

PyNaCl is loaded when something is signed or verified, and not before.
"""

from __future__ import annotations
