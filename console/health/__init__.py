"""What load balancers, systemd and Prometheus ask: no pages, no secrets, no tenant's names."""
