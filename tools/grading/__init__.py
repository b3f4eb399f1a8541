"""Assignments: what students get, and how what they hand in is graded.

`masters` reads a master notebook, `student` makes the notebook for students from it; `sandbox` runs a
submission where it can reach nothing, with `runner` inside and `plain` for what may pass; `judge` applies the
tests, and `report` writes what a lecturer and a student see.
"""
