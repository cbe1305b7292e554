"""Side-by-side measurements, run by ./local/bench NAME and not collected by pytest."""
