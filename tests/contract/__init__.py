"""The same tests on the fake registry and on a real one, so that the fake cannot lie."""
