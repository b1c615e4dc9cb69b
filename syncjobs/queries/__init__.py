"""
Read models: what pages and APIs show, in few queries however long the table is.

Nothing here writes, and nothing decides who may look: callers pass what `visible_to` left over.
"""
