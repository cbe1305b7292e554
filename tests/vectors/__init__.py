"""Strings that attack what is built from strings, by kind; and public lists of them, where they are at hand."""
