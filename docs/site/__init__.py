"""Builds the documentation site: pages of docs/, and one for each protocol made from its specification."""
