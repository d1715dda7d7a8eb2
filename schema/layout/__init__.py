"""The answer: a layout, the tree of buses that it describes, and what planning can come to."""
