"""The tools that are measured side by side: Regatta, its engine alone, a peer, and the floor."""
