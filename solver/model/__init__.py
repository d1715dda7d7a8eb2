"""The counting model: variables, linear constraints and objective over kinds and classes."""
