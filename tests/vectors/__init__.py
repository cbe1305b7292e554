"""Attack strings by kind, and public lists of them where they are available."""
