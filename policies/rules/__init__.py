"""A module of rules for each subject. Every rule is a generator that yields a sentence for each violation."""
