"""`make demo`: the main job on real tables, with every value checked."""
