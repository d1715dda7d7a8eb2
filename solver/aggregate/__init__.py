"""Guest -> what is counted: what sits alike is one kind, buses that cannot be told apart are one class."""
