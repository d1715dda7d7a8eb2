"""Models -> answer: the optimum, the proof that there is none, or what is known at a limit."""
