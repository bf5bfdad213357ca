"""Methods side by side on scenes whose truth is known, by one protocol.

`scenes` makes blurred images, `contestants` runs a method (or an oracle) on one, `running` runs all
on all and goes on after a kill, `summary` takes means with their intervals, and `tables` and `plot`
show them.
"""

from __future__ import annotations
