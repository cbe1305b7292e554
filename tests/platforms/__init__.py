"""The platforms' command-line programs, run on the files that describe the functions to them."""
