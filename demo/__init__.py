"""The main job on real registries, as `make demo` shows it. No part of the product imports it."""
